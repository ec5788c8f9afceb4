/* Floor 6, private to the gateway. Field rules that several routes share. */
#ifndef I4_GATEWAY_CHECKS_H
#define I4_GATEWAY_CHECKS_H

#include "http/validate.h"
#include "settings/settings.h"

/* One side of a picture (docs/http-api.md 3.5): default 1024, within the limits, a whole
 * multiple. */
int64_t i4_check_side(i4_check *c, const i4_settings *settings, const char *field);
/* The caption's size as it is written: of an object with ", " and ": ", of a text as it is. */
void i4_check_caption(i4_check *c, const json_t *caption, int64_t bytes_max);
/* Absent: the default of the settings. */
const char *i4_check_preset(i4_check *c, const i4_settings *settings);
/* In any case, answered in lower case. */
const char *i4_check_format(i4_check *c, const i4_settings *settings);

#endif
