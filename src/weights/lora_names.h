/* Floor 2. From a key of an adapter file to the layer it means and the role it plays there, in
 * every spelling of docs/formats.md 8.3 and 8.5. */
#ifndef I4_WEIGHTS_LORA_NAMES_H
#define I4_WEIGHTS_LORA_NAMES_H

#include "weights/lora.h"

typedef enum i4_lora_role {
    I4_LORA_DOWN,
    I4_LORA_UP,
    I4_LORA_ALPHA,
    I4_LOKR_W1,
    I4_LOKR_W1_A,
    I4_LOKR_W1_B,
    I4_LOKR_W2,
    I4_LOKR_W2_A,
    I4_LOKR_W2_B,
    I4_LOKR_T2,
    I4_DORA_SCALE,
    I4_LORA_ROLES
} i4_lora_role;

/* Where an adapter adds: a target, and of attention.qkv possibly one third only. */
typedef struct i4_lora_site {
    size_t target;
    int third; /* 0: the whole; 1, 2, 3: the rows of q, k, v */
} i4_lora_site;

typedef struct i4_lora_names i4_lora_names;

/* Borrows the targets. */
i4_lora_names *i4_lora_names_new(const i4_lora_target *targets, size_t count, i4_err *err);
void i4_lora_names_free(i4_lora_names *names);
/* False when the key means no target, or nothing known of it. */
bool i4_lora_names_find(const i4_lora_names *names, const char *key, i4_lora_site *site,
                        i4_lora_role *role);

#endif
