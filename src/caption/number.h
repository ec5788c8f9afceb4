/* Floor 1. Binary64 numbers as Python reads and writes them, whatever the locale. */
#ifndef I4_CAPTION_NUMBER_H
#define I4_CAPTION_NUMBER_H

#include "base/status.h"
#include "base/str.h"

/* The number nearest to whole.fraction · 10^exponent (infinity if too large). whole, fraction:
 * decimal digits, the latter possibly none but not NULL. |exponent| <= 1e9. Fails only when out
 * of memory. */
bool i4_number_read(i4_str whole, i4_str fraction, long exponent, double *value, i4_err *err);

/* Appends the shortest text that reads back as `value`: "1.0", "1e-05", "1e+16", "-0.0", "NaN",
 * "Infinity". */
void i4_number_write(double value, i4_buf *out);

#endif
