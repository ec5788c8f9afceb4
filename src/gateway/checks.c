/* Field rules that several routes share. */
#include "gateway/checks.h"

#include <stdio.h>

int64_t i4_check_side(i4_check *c, const i4_settings *s, const char *field) {
    char reason[96];
    const int64_t side = i4_check_int(c, field, 1024);
    if (!i4_check_fine(c, field)) {
        return side;
    }
    if (side < s->min_size || side > s->max_size) {
        snprintf(reason, sizeof reason, "not between %d and %d", s->min_size, s->max_size);
        i4_check_rule(c, field, reason);
    } else if (side % s->size_multiple != 0) {
        snprintf(reason, sizeof reason, "not a multiple of %d", s->size_multiple);
        i4_check_rule(c, field, reason);
    }
    return side;
}
