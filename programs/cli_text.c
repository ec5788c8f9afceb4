/* cli_text.c: formatting, copying and parsing of the program's short strings. */
#include "cli_text.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *or_end(void *memory) {
    if (!memory) {
        fputs("[ideogram4_mlx] out of memory\n", stderr);
        exit(1);
    }
    return memory;
}

char *cli_format(const char *format, ...) {
    va_list args;
    va_start(args, format);
    int length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    size_t size = length < 0 ? 1 : (size_t)length + 1;
    char *text = or_end(calloc(size, 1));
    va_start(args, format);
    (void)vsnprintf(text, size, format, args);
    va_end(args);
    return text;
}

char *cli_copy(const char *text) {
    return cli_format("%s", text);
}

void *cli_resize(void *memory, size_t count, size_t size) {
    return or_end(count > SIZE_MAX / size ? NULL : realloc(memory, count * size));
}

int cli_starts_with(const char *text, const char *start) {
    return strncmp(text, start, strlen(start)) == 0;
}

char *cli_trim(char *text) {
    size_t end = strlen(text);
    while (end > 0 && isspace((unsigned char)text[end - 1])) {
        end--;
    }
    text[end] = '\0';
    size_t begin = 0;
    while (isspace((unsigned char)text[begin])) {
        begin++;
    }
    memmove(text, text + begin, end - begin + 1);
    return text;
}

char *cli_human_bytes(uint64_t bytes) {
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB"};
    double value = (double)bytes;
    size_t unit = 0;
    while (value >= 999.95 && unit + 1 < sizeof units / sizeof *units) {
        value /= 1000;
        unit++;
    }
    return cli_format("%.*f %s", unit ? 1 : 0, value, units[unit]);
}

static int only_blanks(const char *text) {
    while (isspace((unsigned char)*text)) {
        text++;
    }
    return *text == '\0';
}

int cli_parse_integer(const char *text, int64_t *value) {
    char *end = NULL;
    errno = 0;
    long long number = strtoll(text, &end, 10);
    if (end == text || errno || !only_blanks(end)) {
        return 0;
    }
    *value = number;
    return 1;
}

int cli_parse_number(const char *text, double *value) {
    char *end = NULL;
    errno = 0;
    double number = strtod(text, &end);
    if (end == text || !isfinite(number) || !only_blanks(end)) {
        return 0;
    }
    *value = number;
    return 1;
}

int cli_parse_bytes(const char *text, uint64_t *value) {
    char *end = NULL;
    double number = strtod(text, &end);
    if (end == text || !(number >= 0)) {
        return 0;
    }
    static const char letters[] = "KMGT";
    const char *letter = *end ? strchr(letters, toupper((unsigned char)*end)) : NULL;
    if (letter) {
        double base = end[1] == 'i' ? 1024 : 1000;
        number *= pow(base, (double)(letter - letters + 1));
        end += base == 1024 ? 2 : 1;
    }
    end += *end == 'B';
    if (!only_blanks(end) || number >= 9e18) {
        return 0;
    }
    *value = (uint64_t)number;
    return 1;
}
