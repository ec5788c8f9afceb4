/* ideogram4.h: Ideogram 4 image generation, natively, in C. Contract and manual.
 *
 *     #include <ideogram4.h>
 *
 *     int main(void) {
 *         id4_error err = {0};
 *         id4_model *model = NULL;
 *         id4_engine *engine = NULL;
 *         id4_image *image = NULL;
 *         id4_request request;
 *         id4_request_init(&request);
 *         request.caption = "a red circle on a white background";
 *         request.width = request.height = 256;
 *         request.seed = 42;
 *         if (id4_model_open("models/demo", NULL, NULL, &model, &err) ||
 *             id4_engine_new(model, NULL, &engine, &err) ||
 *             id4_generate(engine, &request, NULL, &image, NULL, &err) ||
 *             id4_image_save(image, "circle.png", ID4_PNG, 0, NULL, 0, &err)) {
 *             fprintf(stderr, "%s\n", err.text);
 *         }
 *         id4_image_free(image);
 *         id4_engine_free(engine);
 *         id4_model_close(model);
 *     }
 *
 * Link with `pkg-config --cflags --libs ideogram4`, or find_package(ideogram4) and
 * ideogram4::ideogram4 in CMake.
 *
 * Conventions
 *   Results    id4_status: 0 is success, negative is failure; id4_error (may be NULL everywhere)
 *              then holds one sentence. Results behind pointers are NULL or unchanged on failure.
 *   Ownership  handles are owned by the caller and given back with the matching free or close;
 *              NULL is fine there. Text returned as const char * is borrowed from the handle.
 *   Strings    UTF-8, NUL-terminated.
 *   Threads    a model is immutable after open and may be used from any thread. An engine belongs
 *              to one thread at a time. id4_engine_cancel and the log sink may be called from any
 *              thread. Different engines are independent. No call installs signal handlers,
 *              changes locale or working directory, or starts threads other than the CPU pool.
 *   Growth     structs that may grow begin with struct_size, set by their _init; they only grow at
 *              the end, and a smaller one from an older caller is honoured. The others, and enum
 *              values, never change.
 */
#ifndef IDEOGRAM4_H
#define IDEOGRAM4_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define ID4_VERSION_MAJOR 0
#define ID4_VERSION_MINOR 1
#define ID4_VERSION_PATCH 0
#define ID4_VERSION_STRING "0.1.0"
#define ID4_ABI 1

#if defined(__GNUC__)
#define ID4_API __attribute__((visibility("default")))
#else
#define ID4_API
#endif

/* --- version ----------------------------------------------------------------------------- */

ID4_API const char *id4_version_string(void); /* of the library that runs, e.g. "0.1.0" */
ID4_API int id4_abi(void);                    /* equals ID4_ABI if header and library fit */

/* --- errors ------------------------------------------------------------------------------ */

typedef enum id4_status {
    ID4_OK = 0,
    ID4_CANCELLED = -1,        /* id4_engine_cancel, or an observer asked to stop */
    ID4_INVALID_ARGUMENT = -2, /* a size, seed, preset, caption or pointer that cannot be */
    ID4_NOT_FOUND = -3,        /* no such file or folder */
    ID4_IO = -4,               /* reading or writing failed: permissions, full disk, … */
    ID4_FORMAT = -5,           /* a file that is not what it should be */
    ID4_UNSUPPORTED = -6,      /* well formed, but not something this build can do */
    ID4_OUT_OF_MEMORY = -7,    /* an allocation failed, or the memory budget is too small */
    ID4_DEVICE = -8,
    ID4_BUSY = -9,     /* the handle is in use elsewhere */
    ID4_INTERNAL = -10 /* a defect of this library; please report it */
} id4_status;

typedef struct id4_error {
    id4_status status;
    char text[504]; /* one sentence: what is wrong and what to do */
} id4_error;

/* Constant text, e.g. "out of memory"; never NULL. */
ID4_API const char *id4_status_name(id4_status status);

typedef enum id4_log_level {
    ID4_LOG_ERROR = 0,
    ID4_LOG_WARN = 1,
    ID4_LOG_INFO = 2,
    ID4_LOG_DEBUG = 3,
    ID4_LOG_TRACE = 4
} id4_log_level;
typedef void (*id4_log_fn)(id4_log_level level, const char *line, void *user);
/* Process-wide sink for lines of `lowest` and graver; NULL for none (the default: the library never
 * prints). Call it before the first handle exists. */
ID4_API void id4_set_log(id4_log_level lowest, id4_log_fn fn, void *user);

/* --- progress ---------------------------------------------------------------------------- */

typedef enum id4_phase {
    ID4_PHASE_LOAD = 0,
    ID4_PHASE_ENCODE = 1,  /* text tower */
    ID4_PHASE_DENOISE = 2, /* sampler steps */
    ID4_PHASE_DECODE = 3   /* latents to pixels */
} id4_phase;

typedef struct id4_progress {
    id4_phase phase;
    int step_index, step_count;   /* DENOISE: the step being computed, from 0 */
    int layer_index, layer_count; /* of the pass being computed */
    double fraction;              /* of the whole call, 0..1, never falls */
    double seconds;               /* since the call began */
    double step_seconds;          /* DENOISE: mean of the finished steps, 0 before the first */
} id4_progress;

/* All on the calling thread, at least once per transformer layer. progress returns 0 to go on and
 * anything else to cancel. The callback may call id4_engine_cancel and nothing else on the engine.
 */
typedef struct id4_observer {
    int (*progress)(const id4_progress *progress, void *user);
    void *user;
} id4_observer;

/* --- models ------------------------------------------------------------------------------ */

typedef struct id4_model id4_model;

typedef struct id4_model_options {
    size_t struct_size;
    const char *backend; /* "auto" (default), "cpu", "scalar" */
    const char *isa;     /* cpu: "auto" (default), "scalar", "avx2", "avx512", "avx512bf16", "amx",
                            "neon", "neonbf16" */
    int threads;         /* 0 (default): all usable cores */
    uint64_t memory_budget; /* bytes; 0 (default): what the system has. Below the sum of weights and
                               activations, stages are resident only while they are needed; below
                               what one stage needs, generation fails and says how much it takes */
} id4_model_options;
ID4_API void id4_model_options_init(id4_model_options *options);

/* Opens a model folder: mlx-forge split (8, 4 bit, bf16), official fp8, or mflux-saved. Files are
 * mapped, not read; every tensor's name, type and shape is checked. All or nothing.
 * options, observer: may be NULL. Statuses: NOT_FOUND, FORMAT, UNSUPPORTED, IO, OUT_OF_MEMORY,
 * CANCELLED. The files must not be changed while the model is open. */
ID4_API id4_status id4_model_open(const char *folder, const id4_model_options *options,
                                  const id4_observer *observer, id4_model **model, id4_error *err);
/* BUSY while engines or adapters of it exist. */
ID4_API id4_status id4_model_close(id4_model *model);

typedef struct id4_model_info {
    size_t struct_size;
    const char *name; /* last part of the folder's path */
    const char *folder;
    const char *layout;    /* "mlx-forge split", "mflux saved", "official fp8" */
    const char *format;    /* of most linears: "q8", "q4", "bf16", "fp8", … */
    int quantization_bits; /* 8, 4; 0 for bf16; 8 for fp8 */
    const char *backend;   /* what computes, e.g. "avx512, 2 threads" */
    uint64_t weight_bytes, text_bytes, cond_bytes, free_bytes, vae_bytes; /* mapped */
    int text_layers, text_width, layers, width, heads, head_dim, vocabulary;
    int default_side; /* pixels: 256 for demo-sized models, 1024 else */
} id4_model_info;
/* info->struct_size must be set (id4_model_info_init). Text lives as long as the model. */
ID4_API void id4_model_info_init(id4_model_info *info);
ID4_API id4_status id4_model_get_info(const id4_model *model, id4_model_info *info);

/* --- requests ---------------------------------------------------------------------------- */

enum { ID4_STEPS_MAX = 1000 };

typedef struct id4_request {
    size_t struct_size;
    const char *caption; /* structured JSON caption or plain prompt; never NULL or empty */
    int width, height;   /* multiples of 16 in 256..2048 */
    uint64_t seed;       /* the noise is that of MLX for this seed */
    const char *preset;  /* "V4_QUALITY_48" (default), "V4_DEFAULT_20", "V4_TURBO_12" */
    int steps;           /* 0: the preset's own; else 1..1000 with constant guidance */
    double guidance;     /* with steps > 0, or alone: constant guidance; negative: 7.0 or the
                            preset's list. 1 skips the text-free transformer */
    int strict;          /* non-zero: caption warnings are errors */
    const float *noise;  /* NULL, or [width/16·height/16, 128] f32 in place of the seeded noise */
} id4_request;
/* preset V4_QUALITY_48, guidance -1, everything else 0. */
ID4_API void id4_request_init(id4_request *request);

typedef struct id4_preset {
    const char *name;
    int steps;
    double mu, std;
} id4_preset;
/* index 0..2 in the order QUALITY_48, DEFAULT_20, TURBO_12; NULL beyond. */
ID4_API const id4_preset *id4_preset_at(int index);
/* Trimmed, any case; NULL if unknown. */
ID4_API const id4_preset *id4_preset_find(const char *name);

typedef struct id4_estimate {
    size_t struct_size;
    uint64_t activation_bytes; /* peak of the working set beside the weights */
    uint64_t encode_bytes, denoise_bytes, decode_bytes; /* the same per phase */
    uint64_t resident_bytes; /* peak with weights, by the model's residency plan */
    double flops;            /* whole picture */
    int staged;              /* non-zero: weights of finished stages are given back */
} id4_estimate;
ID4_API void id4_estimate_init(id4_estimate *estimate);
/* Known beforehand, without computing: the same calls run on the measuring backend.
 * tokens: prompt tokens to assume (0: those of request->caption, or 300 if that is NULL). */
ID4_API id4_status id4_model_estimate(const id4_model *model, const id4_request *request,
                                      int tokens, id4_estimate *estimate, id4_error *err);

/* --- engines ----------------------------------------------------------------------------- */

typedef struct id4_engine id4_engine;
typedef struct id4_adapter id4_adapter;
typedef struct id4_image id4_image;

/* What the picture will be, as far as a step knows: the predicted clean latents through a fixed
 * linear projection to RGB. At most 256 pixels a side: a quarter of the picture's up to 1024, an
 * eighth of a larger one. The projection comes with the model (preview.safetensors), or
 * the first picture that wants previews begins with fitting one to the model's decoder: once for
 * the model, less work than one step. */
typedef struct id4_preview {
    int step, step_count; /* finished steps, from 1; the last preview has all of them */
    int width, height;
    const uint8_t *rgb; /* [height, width, 3], borrowed until the callback returns */
} id4_preview;

typedef struct id4_engine_options {
    size_t struct_size;
    /* profile: called for every op with its stage, name and seconds; slows generation slightly */
    void (*profile)(const char *stage, int layer, const char *op, double seconds, double flops,
                    void *user);
    void *profile_user;
    /* preview: called after steps, on the thread that generates; pictures are the same with and
     * without it. It may call id4_engine_cancel and nothing else on the engine. */
    void (*preview)(const id4_preview *preview, void *user);
    void *preview_user;
    double preview_seconds; /* least pause between two previews, 0: none. The last step always has
                               a preview */
} id4_engine_options;
ID4_API void id4_engine_options_init(id4_engine_options *options);

/* An engine for one thread; its working memory is taken when a picture begins and given back after.
 * options may be NULL. Statuses: OUT_OF_MEMORY, UNSUPPORTED, DEVICE. */
ID4_API id4_status id4_engine_new(id4_model *model, const id4_engine_options *options,
                                  id4_engine **engine, id4_error *err);
/* Not while another thread is inside a call on it. */
ID4_API void id4_engine_free(id4_engine *engine);

/* Makes the running id4_generate of this engine return CANCELLED at the next layer, whatever the
 * phase; without one running, nothing. Any thread. The engine is as good as new afterwards. */
ID4_API void id4_engine_cancel(id4_engine *engine);

typedef struct id4_adapter_use {
    const id4_adapter *adapter;
    double strength; /* any finite number; 0 is off */
} id4_adapter_use;
/* Replaces the set; instant; the adapters must stay open while they are set. */
ID4_API id4_status id4_engine_set_adapters(id4_engine *engine, const id4_adapter_use *uses,
                                           size_t count, id4_error *err);

typedef struct id4_stats {
    size_t struct_size;
    int prompt_tokens, steps;
    int prompt_cached; /* non-zero: the text tower was not run */
    double encode_seconds, denoise_seconds, decode_seconds, total_seconds;
    uint64_t activation_peak_bytes; /* real peak of the working slab: equals the largest of the
                                       estimate's encode_, denoise_ and decode_bytes */
    int warning_count;              /* caption warnings; texts with id4_caption_check */
} id4_stats;
ID4_API void id4_stats_init(id4_stats *stats);

/* Draws one picture. observer and stats may be NULL. Same build, same machine, same request: the
 * same bytes. Statuses: INVALID_ARGUMENT, CANCELLED, OUT_OF_MEMORY, DEVICE. */
ID4_API id4_status id4_generate(id4_engine *engine, const id4_request *request,
                                const id4_observer *observer, id4_image **image, id4_stats *stats,
                                id4_error *err);

/* --- adapters (LoRA) --------------------------------------------------------------------- */

/* A LoRA or LoKr file, matched against this model's layers; applied to both transformers.
 * Fatal: unreadable, no key matched, an incomplete pair, shapes that do not fit, NaN. */
ID4_API id4_status id4_adapter_open(id4_model *model, const char *path, id4_adapter **adapter,
                                    id4_error *err);
/* BUSY while an engine uses it. */
ID4_API id4_status id4_adapter_close(id4_adapter *adapter);
typedef struct id4_adapter_info {
    size_t struct_size;
    const char *path;
    size_t layers;         /* adapted */
    size_t unmatched_keys; /* keys of the file that fit nothing */
    const char *unmatched; /* the first five, comma-separated */
} id4_adapter_info;
ID4_API void id4_adapter_info_init(id4_adapter_info *info);
ID4_API id4_status id4_adapter_get_info(const id4_adapter *adapter, id4_adapter_info *info);

/* --- images ------------------------------------------------------------------------------ */

typedef enum id4_image_format { ID4_PNG = 1, ID4_WEBP = 2, ID4_JPEG = 3 } id4_image_format;

typedef struct id4_pair {
    const char *key;   /* 1..79 ASCII letters, digits, '-', '_', ':' */
    const char *value; /* UTF-8 */
} id4_pair;

/* pixels: [height, width, 3] 8-bit RGB, copied. */
ID4_API id4_status id4_image_new(int width, int height, const uint8_t *pixels, id4_image **image,
                                 id4_error *err);
ID4_API void id4_image_free(id4_image *image);
ID4_API int id4_image_width(const id4_image *image);
ID4_API int id4_image_height(const id4_image *image);
ID4_API const uint8_t *id4_image_pixels(const id4_image *image); /* [height, width, 3], borrowed */

/* Owned by the caller, given back with id4_bytes_free. */
typedef struct id4_bytes {
    uint8_t *data;
    size_t size;
} id4_bytes;
ID4_API void id4_bytes_free(id4_bytes *bytes);

/* quality: 1..100 for WebP and JPEG, 0 for the default (90, 95); ignored for PNG. pairs are stored
 * as text inside the file (PNG iTXt, WebP and JPEG XMP). */
ID4_API id4_status id4_image_encode(const id4_image *image, id4_image_format format, int quality,
                                    const id4_pair *pairs, size_t pair_count, id4_bytes *bytes,
                                    id4_error *err);
/* The same into a file: written beside, synced, renamed; never half there. */
ID4_API id4_status id4_image_save(const id4_image *image, const char *path, id4_image_format format,
                                  int quality, const id4_pair *pairs, size_t pair_count,
                                  id4_error *err);
/* PNG, WebP or JPEG; limits apply before anything is allocated. */
ID4_API id4_status id4_image_decode(const uint8_t *data, size_t size, id4_image **image,
                                    id4_error *err);

/* --- recipes ----------------------------------------------------------------------------- */

/* The recipe of a picture as JSON text (UTF-8): everything needed to draw it again. Keys: version,
 * program, model, format, caption, width, height, preset, steps, guidance, seed, loras. Stored in
 * pictures under the key "ideogram4". */
typedef struct id4_recipe_lora {
    const char *name; /* file name without folder */
    double strength;
} id4_recipe_lora;
/* For a request about to be drawn, or drawn, by this model. */
ID4_API id4_status id4_recipe_make(const id4_model *model, const id4_request *request,
                                   const id4_recipe_lora *loras, size_t lora_count, id4_bytes *json,
                                   id4_error *err);
/* Out of a PNG, WebP or JPEG file's bytes. NOT_FOUND when it carries none. */
ID4_API id4_status id4_recipe_read(const uint8_t *data, size_t size, id4_bytes *json,
                                   id4_error *err);

/* --- captions ---------------------------------------------------------------------------- */

typedef struct id4_finding {
    const char *path; /* "root", "elements[0].bbox", "plain prompt", … */
    const char *code; /* rule, e.g. "B3" */
    const char *text; /* one sentence */
} id4_finding;
typedef struct id4_findings id4_findings;

/* What id4_generate would warn about (whole_file 0), or the check of a caption file's text as it
 * stands (whole_file 1). Bad captions are findings, not failures. text: any bytes. */
ID4_API id4_status id4_caption_check(const char *text, size_t size, int whole_file,
                                     id4_findings **findings, id4_error *err);
ID4_API size_t id4_findings_count(const id4_findings *findings);
ID4_API const id4_finding *id4_findings_at(const id4_findings *findings, size_t index);
ID4_API void id4_findings_free(id4_findings *findings);

/* The exact text the model is given for a caption (bytes->data NUL-terminated). */
ID4_API id4_status id4_caption_prompt(const char *text, size_t size, id4_bytes *prompt,
                                      id4_error *err);

/* Token ids of a text. with_template non-zero: as id4_generate tokenises a prompt (limit 2048, not
 * enforced here). ids: [*count] int32, owned (id4_bytes_free). */
ID4_API id4_status id4_tokenize(const id4_model *model, const char *text, size_t size,
                                int with_template, id4_bytes *ids, size_t *count, id4_error *err);
/* The text of one token. */
ID4_API id4_status id4_token_text(const id4_model *model, int32_t id, id4_bytes *text,
                                  id4_error *err);

/* --- inspection -------------------------------------------------------------------------- */

typedef struct id4_backend_info {
    const char *name;   /* "cpu", "scalar", … */
    const char *detail; /* what it would use here */
} id4_backend_info;
/* index 0.. ; 0 when there are no more, else 1. The text lives until this thread's next call. */
ID4_API int id4_backend_at(int index, id4_backend_info *info);

/* --- unstable ---------------------------------------------------------------------------- */
/* For parity tests and research; may change in any version. All arrays f32, row-major. */
#ifdef ID4_UNSTABLE

/* Text features of token ids: out [count, features]; call with out NULL to learn *features. */
ID4_API id4_status id4_unstable_encode(id4_engine *engine, const int32_t *ids, size_t count,
                                       float *out, size_t *features, id4_error *err);
/* One velocity. features NULL: text-free transformer. z, out: [gh·gw, 128]. */
ID4_API id4_status id4_unstable_velocity(id4_engine *engine, const float *features, size_t tokens,
                                         int gh, int gw, const float *z, float t, float *out,
                                         id4_error *err);
/* Sampler from given features and noise. schedule out (may be NULL): [steps, 3] t, s, guidance;
 * z1 (may be NULL): after the first step; latents: after the last. */
ID4_API id4_status id4_unstable_sample(id4_engine *engine, const float *features, size_t tokens,
                                       const id4_request *request, const float *noise,
                                       float *schedule, float *z1, float *latents, id4_error *err);
/* rgb [16gh, 16gw, 3] before clamping (may be NULL) and picture (may be NULL). */
ID4_API id4_status id4_unstable_decode(id4_engine *engine, const float *latents, int gh, int gw,
                                       float *rgb, id4_image **image, id4_error *err);
/* Seeded noise [count] as MLX draws it. */
ID4_API void id4_unstable_noise(uint64_t seed, float *out, size_t count);

#endif

#ifdef __cplusplus
}
#endif

#endif
