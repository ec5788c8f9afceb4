/* Floor 6, private to the gateway. Filters of the library (docs/api.md 3.3) as they come in a query
 * or as an object of a body. */
#ifndef I4_GATEWAY_FILTERS_H
#define I4_GATEWAY_FILTERS_H

#include "gateway/db/library.h"
#include "http/validate.h"

/* Reads the query, or the object where there is one (errors are then those of the field "filter").
 * Texts live as long as the request. */
void i4_filters_read(i4_check *c, const json_t *object, i4_filter *filter);
/* A tag as it may be: neither blank nor long, without commas and control characters. */
bool i4_tag_fits(const char *name);
size_t i4_characters(const char *text);

#endif
