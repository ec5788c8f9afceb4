/* Floor 6, private to the daemon. LoRA files of the LoRA folder, and the ordered stack of those
 * that are applied. No engine here: names, paths, strengths. Contract: docs/http-api.md 4.3, 6.2,
 * 6.3. A stack belongs to its caller. */
#ifndef I4_DAEMON_STACK_H
#define I4_DAEMON_STACK_H

#include "base/status.h"

#include <jansson.h>
#include <stddef.h>

enum { I4_STACK_ITEMS = 16 }; /* as many as an engine takes */

typedef struct i4_stack_item {
    char *name; /* owned; as asked for: relative to the LoRA folder */
    char *path; /* owned; resolved */
    double strength;
} i4_stack_item;

typedef struct i4_stack {
    i4_stack_item item[I4_STACK_ITEMS];
    size_t count;
} i4_stack;

void i4_stack_free(i4_stack *s); /* and empties it */
bool i4_stack_copy(i4_stack *to, const i4_stack *from, i4_err *err);
/* Same names, paths and order; strengths within 1e-9. */
bool i4_stack_same(const i4_stack *a, const i4_stack *b);

/* From a request's list of {"name", "strength"}: each name resolved inside `folder`.
 * INVALID_ARGUMENT or NOT_FOUND. */
bool i4_stack_resolve(i4_stack *s, const json_t *list, const char *folder, double strength,
                      i4_err *err);

/* [{name, strength, format}]; names joined with " + ", null if empty; the only strength, 0.0 for
 * several, `none` (borrowed) for none. New references, NULL when there is no memory. */
json_t *i4_stack_list(const i4_stack *s);
json_t *i4_stack_names(const i4_stack *s);
json_t *i4_stack_strength(const i4_stack *s, json_t *none);

/* Files directly in the folder: [{name, path, format, size_mb}], sorted; empty without folder. */
json_t *i4_lora_files(const char *folder);
/* One preset for each file. */
json_t *i4_lora_presets(const char *folder, double strength);
/* The label of a file name into out. */
void i4_lora_label(const char *name, char *out, size_t size);

#endif
