/* Floor 4. A loaded model: files mapped, configuration proved, the three networks' weights found.
 * Immutable after open but for `projection`; any thread may read it. */
#ifndef I4_PIPELINE_MODEL_H
#define I4_PIPELINE_MODEL_H

#include "model/dit.h"
#include "model/text.h"
#include "model/tokenizer.h"
#include "model/vae.h"
#include "pipeline/projection.h"

#include <stdatomic.h>

typedef struct i4_model_options {
    const char *backend; /* NULL: auto */
    const char *isa;     /* NULL: auto */
    int threads;
    uint64_t memory_budget; /* bytes, 0: the system's */
} i4_model_options;

typedef struct i4_model {
    i4_manifest manifest;
    i4_config config;
    i4_store *store[I4_PART_COUNT];
    i4_text text;
    i4_dit cond, free;
    i4_vae vae;
    i4_tokenizer *tokenizer;
    const i4_backend *backend;
    i4_backend_options backend_options; /* isa owned */
    i4_caps caps;                       /* of a state opened with these options */
    uint64_t memory_budget;             /* as asked for */
    char name[128], detail[160];
    atomic_int users; /* engines and adapters */
    /* owned; NULL until the model's own is read or one is learnt, then it stays */
    _Atomic(i4_projection *) projection;
} i4_model;

/* Called between the parts; false cancels. */
typedef bool (*i4_load_fn)(int done, int count, void *user);

i4_model *i4_model_open(const char *folder, const i4_model_options *options, i4_load_fn progress,
                        void *user, i4_err *err);
void i4_model_close(i4_model *model);

/* Of previews; NULL: none yet. Any thread. */
const i4_projection *i4_model_projection(const i4_model *model);
/* Takes it, and frees it if another thread came first. */
void i4_model_take_projection(i4_model *model, i4_projection *projection);

uint64_t i4_model_bytes(const i4_model *model);

#endif
