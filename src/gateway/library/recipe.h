/* Floor 6, private to the gateway. What made a picture: out of its file, out of its row, or out of
 * whatever somebody brings along (docs/api.md 3.2).
 *
 * Everything read here is untrusted: its size, its depth and the work of searching are bounded, and
 * what is found is only handed on as JSON. */
#ifndef I4_GATEWAY_RECIPE_H
#define I4_GATEWAY_RECIPE_H

#include "base/status.h"
#include "base/str.h"

#include <jansson.h>
#include <stdint.h>

/* The recipe that this program wrote into a picture, with all keys of docs/api.md 3.2 and source
 * "file" (new reference). NOT_FOUND without one, FORMAT or UNSUPPORTED for no good picture. */
json_t *i4_recipe_of_file(const uint8_t *bytes, size_t size, i4_err *err);
/* The same from a row of i4_db_recipe, source "row". NULL: no memory. */
json_t *i4_recipe_of_row(const json_t *row);
/* A picture, or JSON: "kind", "repaired" and the keys of a recipe. NOT_FOUND when there is no
 * recipe in it, else as above; the sentence is for people. */
json_t *i4_recipe_import(const char *bytes, size_t size, i4_err *err);

#endif
