/* Reading and writing binary64 with the C library, without its locale: strtod expects and printf
 * writes the decimal point of the locale, so no text with a point is ever given to the one, and
 * of the other's output only digits and the exponent are looked at. */
#include "caption/number.h"
#include "base/memory.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DIGITS_MAX = 17 };

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/* ±0.d1d2… of a finite number: digits[count] and the place of the point before digits[exponent]. */
typedef struct decimal {
    char digits[DIGITS_MAX + 1];
    int count;
    int exponent;
} decimal;

static double decimal_value(const decimal *d) {
    char text[DIGITS_MAX + 32];
    snprintf(text, sizeof text, "%se%d", d->digits, d->exponent - d->count);
    return strtod(text, NULL);
}

/* The nearest decimal of `count` digits to a positive number. */
static decimal decimal_nearest(double value, int count) {
    char text[64];
    decimal d = {.count = 0};
    snprintf(text, sizeof text, "%.*e", count - 1, value);
    const char *p = text;
    for (; *p && *p != 'e'; p++) {
        if (is_digit(*p) && d.count < DIGITS_MAX) {
            d.digits[d.count++] = *p;
        }
    }
    d.exponent = 1 + (*p == 'e' ? (int)strtol(p + 1, NULL, 10) : 0);
    return d;
}

/* The next larger decimal of as many digits. */
static decimal decimal_above(decimal d) {
    int i = d.count - 1;
    for (; i >= 0 && d.digits[i] == '9'; i--) {
        d.digits[i] = '0';
    }
    if (i >= 0) {
        d.digits[i]++;
    } else {
        d.digits[0] = '1';
        d.exponent++;
    }
    return d;
}

/* The shortest decimal that reads back as `value` (positive, finite), of several the nearest. At
 * a power of two the gap above is twice the gap below, so a nearest decimal may miss while its
 * upper neighbour hits. */
static decimal decimal_shortest(double value) {
    for (int count = 1; count < DIGITS_MAX; count++) {
        const decimal nearest = decimal_nearest(value, count);
        if (decimal_value(&nearest) == value) {
            return nearest;
        }
        const decimal above = decimal_above(nearest);
        if (decimal_value(&above) == value) {
            return above;
        }
    }
    return decimal_nearest(value, DIGITS_MAX);
}

static void write_zeros(int count, i4_buf *out) {
    for (int i = 0; i < count; i++) {
        i4_buf_addc(out, '0');
    }
}

/* d.ddde±xx */
static void write_scientific(const decimal *d, i4_buf *out) {
    const int exponent = d->exponent - 1;
    i4_buf_addc(out, d->digits[0]);
    if (d->count > 1) {
        i4_buf_addc(out, '.');
        i4_buf_add(out, d->digits + 1, (size_t)(d->count - 1));
    }
    i4_buf_addf(out, "e%c%02d", exponent < 0 ? '-' : '+', abs(exponent));
}

/* ddd.ddd with at least one digit on either side */
static void write_positional(const decimal *d, i4_buf *out) {
    if (d->exponent <= 0) {
        i4_buf_adds(out, "0.");
        write_zeros(-d->exponent, out);
        i4_buf_add(out, d->digits, (size_t)d->count);
    } else if (d->exponent >= d->count) {
        i4_buf_add(out, d->digits, (size_t)d->count);
        write_zeros(d->exponent - d->count, out);
        i4_buf_adds(out, ".0");
    } else {
        i4_buf_add(out, d->digits, (size_t)d->exponent);
        i4_buf_addc(out, '.');
        i4_buf_add(out, d->digits + d->exponent, (size_t)(d->count - d->exponent));
    }
}

void i4_number_write(double value, i4_buf *out) {
    if (isnan(value)) {
        i4_buf_adds(out, "NaN");
        return;
    }
    if (signbit(value)) {
        i4_buf_addc(out, '-');
        value = -value;
    }
    if (isinf(value)) {
        i4_buf_adds(out, "Infinity");
        return;
    }
    if (value == 0) {
        i4_buf_adds(out, "0.0");
        return;
    }
    const decimal d = decimal_shortest(value);
    if (d.exponent - 1 < -4 || d.exponent - 1 >= 16) {
        write_scientific(&d, out);
    } else {
        write_positional(&d, out);
    }
}

bool i4_number_read(i4_str whole, i4_str fraction, long exponent, double *value, i4_err *err) {
    enum { EXPONENT_BYTES = 32 };
    const size_t count = whole.len + fraction.len;
    char *text = i4_malloc(count + EXPONENT_BYTES);
    if (!text) {
        return i4_fail_memory(err, "a number of the caption", count + EXPONENT_BYTES);
    }
    memcpy(text, whole.ptr, whole.len);
    memcpy(text + whole.len, fraction.ptr, fraction.len);
    snprintf(text + count, EXPONENT_BYTES, "e%ld", exponent - (long)fraction.len);
    *value = strtod(text, NULL);
    i4_free(text);
    return true;
}
