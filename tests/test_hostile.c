/* Damaged files of every kind the engine reads. Each must be refused with a status and one
 * sentence, or taken; within a second and 64 MiB beyond the file itself; a sanitizer's silence is
 * part of the test. What was taken from a damaged model or adapter must also survive drawing.
 *
 *     IDEOGRAM4_MUTATIONS=N    damaged files of each kind (default 10000)
 *     IDEOGRAM4_SEED=N         another series
 *     IDEOGRAM4_ONLY=KIND:N    only file N of that kind, which is kept as hostile-KIND-N
 *
 * When the test dies, hostile.XXXXXX/now in the working directory tells kind and number. */
#include "ideogram4.h"

#include "base/limits.h"
#include "folder.h"
#include "image/image.h"
#include "made_file.h"
#include "model/tokenizer.h"
#include "mutate.h"

#include <fcntl.h>
#include <jansson.h>
#include <stdatomic.h>

#define GOLDEN ID4_SOURCE_DIR "/tests/golden/tiny-a"

enum {
    SEED = 4,
    FILES = 10000, /* of each kind */
    ATTEMPTS = 3,  /* the machine may be busy: only what is slow every time is slow */
    DRAWN_MODELS = 30,
    DRAWN_ADAPTERS = 6,
    SEEDS_MAX = 64
};
static const double seconds_max = 1.0;
static const size_t beyond_max = (size_t)64 << 20;

/* --- what the files are made from ---------------------------------------------------------- */

typedef struct seeds {
    blob item[SEEDS_MAX];
    size_t count;
} seeds;

static void seeds_add(seeds *s, const char *path) {
    assert_true(s->count < SEEDS_MAX);
    if (!blob_load(&s->item[s->count], path)) {
        fail_msg("cannot read %s", path);
    }
    s->count++;
}

static void seeds_add_folder(seeds *s, const char *path, const char *suffix) {
    char **names = NULL;
    size_t count = 0;
    assert_true(i4_dir_list(path, 1000, &names, &count, NULL));
    for (size_t i = 0; i < count; i++) {
        char file[1024];
        snprintf(file, sizeof file, "%s/%s", path, names[i]);
        if (i4_str_ends(i4_str_c(names[i]), suffix)) {
            seeds_add(s, file);
        }
    }
    i4_dir_list_free(names, count);
}

static void seeds_free(seeds *s) {
    for (size_t i = 0; i < s->count; i++) {
        blob_free(&s->item[i]);
    }
}

static const blob *seeds_any(const seeds *s, chance *c) {
    return &s->item[chance_below(c, s->count)];
}

/* --- the folder ---------------------------------------------------------------------------- */

/* A model folder, in links, one file of which leads to the damaged file of the moment. */
typedef struct victim {
    const char *layout, *file; /* file NULL: none */
    const char *source;        /* of a file the layout lacks; NULL: the layout has it */
} victim;

static const victim weight_victims[] = {
    {"mlx-q8", "conditional_transformer.safetensors", NULL},
    {"mlx-q8", "vae.safetensors", NULL},
    {"mlx-q4", "text_encoder.safetensors", NULL},
    {"mlx-q4", "unconditional_transformer.safetensors", NULL},
    {"mlx-bf16", "conditional_transformer.safetensors", NULL},
    {"fp8", "transformer/diffusion_pytorch_model.safetensors", NULL},
    {"fp8", "text_encoder/model.safetensors", NULL},
    {"fp8", "vae/diffusion_pytorch_model.safetensors", NULL},
};
enum { WEIGHT_VICTIMS = sizeof weight_victims / sizeof weight_victims[0] };

static const victim config_victims[] = {
    {"mlx-q8", "split_model.json", NULL},
    {"mlx-q8", "text_encoder_config.json", NULL},
    {"mlx-q8", "conditional_transformer_config.json", NULL},
    {"mlx-q8", "unconditional_transformer_config.json", NULL},
    {"mlx-q8", "vae_config.json", NULL},
    {"mlx-q8", "latent_norm.json", ID4_SOURCE_DIR "/models/demo/latent_norm.json"},
    {"fp8", "text_encoder/config.json", NULL},
    {"fp8", "transformer/config.json", NULL},
    {"fp8", "vae/config.json", NULL},
    {"fp8", "vae/diffusion_pytorch_model.safetensors.index.json", "index.json"},
};
enum { CONFIG_VICTIMS = sizeof config_victims / sizeof config_victims[0] };

static const victim tokenizer_victim = {"mlx-q8", "tokenizer/tokenizer.json",
                                        GOLDEN "/tokenizer/tokenizer.json"};

static struct {
    folder folder;
    char here[512]; /* the folder, absolute */
    char mutant[600];
    int now;
    size_t files;
    uint64_t seed;
    seeds weights, containers, configs, tokenizers, adapters, captions, images;
    id4_model *model; /* a whole one, for adapters and captions */
} rig;

static void link_folder(const char *from, const char *to) {
    char **names = NULL, target[1024], link[1024];
    size_t count = 0;
    assert_true(i4_dir_make(to, NULL));
    assert_true(i4_dir_list(from, 100, &names, &count, NULL));
    for (size_t i = 0; i < count; i++) {
        snprintf(target, sizeof target, "%s/%s", from, names[i]);
        snprintf(link, sizeof link, "%s/%s", to, names[i]);
        if (i4_path_look(target) == I4_PATH_FILE) {
            assert_int_equal(symlink(target, link), 0);
        }
    }
    i4_dir_list_free(names, count);
}

static void root_path(const char *group, size_t index, char path[700]) {
    snprintf(path, 700, "%s/%s%zu", rig.here, group, index);
}

static void root_make(const char *group, size_t index, const victim *v) {
    static const char *const parts[] = {"text_encoder", "transformer", "unconditional_transformer",
                                        "vae"};
    char root[700], from[1024], to[1024];
    root_path(group, index, root);
    snprintf(from, sizeof from, "%s/%s", GOLDEN, v->layout);
    link_folder(from, root);
    for (size_t i = 0; strcmp(v->layout, "fp8") == 0 && i < 4; i++) {
        snprintf(from, sizeof from, "%s/%s/%s", GOLDEN, v->layout, parts[i]);
        snprintf(to, sizeof to, "%s/%s", root, parts[i]);
        link_folder(from, to);
    }
    snprintf(to, sizeof to, "%s/tokenizer", root);
    link_folder(GOLDEN "/tokenizer", to);
    if (v->file) {
        snprintf(to, sizeof to, "%s/%s", root, v->file);
        remove(to);
        assert_int_equal(symlink(rig.mutant, to), 0);
    }
}

/* The whole file of a victim: a seed. */
static void victim_add(seeds *s, const victim *v) {
    char path[1024];
    if (v->source) {
        snprintf(path, sizeof path, "%s",
                 v->source[0] == '/' ? v->source : folder_at(&rig.folder, v->source));
    } else {
        snprintf(path, sizeof path, "%s/%s/%s", GOLDEN, v->layout, v->file);
    }
    seeds_add(s, path);
}

/* A shard index for a file that came without: every tensor in the one shard. */
static void index_write(const char *shard, const char *name) {
    i4_buf text;
    i4_st_file *file = i4_st_open(shard, NULL);
    assert_non_null(file);
    i4_buf_init(&text, 1 << 20);
    for (size_t i = 0; i < i4_st_count(file); i++) {
        i4_buf_addf(&text, "%s\"%s\": \"diffusion_pytorch_model.safetensors\"",
                    i ? ",\n" : "{\"metadata\": {}, \"weight_map\": {", i4_st_at(file, i)->name);
    }
    i4_buf_adds(&text, "}}");
    folder_write(&rig.folder, name, text.ptr);
    i4_buf_free(&text);
    i4_st_close(file);
}

static void write_mutant(const uint8_t *data, size_t size) {
    FILE *stream = fopen(rig.mutant, "wb");
    assert_non_null(stream);
    assert_int_equal(fwrite(data, 1, size, stream), size);
    assert_int_equal(fclose(stream), 0);
}

/* --- what must hold ------------------------------------------------------------------------ */

/* Everything asked for while one file is read, given back or not: no less than what it held. */
static atomic_size_t asked, allowed;
static atomic_bool too_much;

static bool count_bytes(i4_fault_kind kind, size_t size, void *user) {
    (void)user;
    if (kind != I4_FAULT_ALLOC) {
        return false;
    }
    const size_t most = atomic_load(&allowed);
    if (size > most || atomic_fetch_add(&asked, size) > most - size) {
        atomic_store(&too_much, true);
        return true;
    }
    return false;
}

/* Between two readings of one file, when the first has given everything back. */
static void count_anew(void) {
    atomic_store(&asked, 0);
}

static void check_outcome(id4_status status, const id4_error *err, bool made) {
    assert_int_equal(made, status == ID4_OK);
    if (status == ID4_OK) {
        return;
    }
    assert_int_equal(err->status, status);
    assert_int_not_equal(status, ID4_INTERNAL);
    assert_true(err->text[0] != '\0');
    assert_null(strpbrk(err->text, "\n\r\t"));
    if (!i4_utf8_valid(i4_str_c(err->text))) {
        fail_msg("not UTF-8: %s", err->text);
    }
}

/* --- kinds --------------------------------------------------------------------------------- */

typedef struct kind {
    const char *name;
    uint64_t stream;
    size_t beyond; /* bytes allowed beside the file and beyond_max */
    void (*make)(size_t number, chance *c, blob *out);
    bool (*feed)(const uint8_t *data, size_t size, size_t number); /* whether it was taken */
} kind;

static id4_model *open_model(const char *group, size_t index) {
    char root[700];
    id4_model *model = NULL;
    id4_error err = {0};
    id4_model_options options;
    id4_model_options_init(&options);
    options.backend = "cpu";
    options.threads = 1;
    root_path(group, index, root);
    const id4_status status = id4_model_open(root, &options, NULL, &model, &err);
    check_outcome(status, &err, model != NULL);
    return model;
}

/* Whether there was one. */
static bool close_model(id4_model *model) {
    assert_int_equal(id4_model_close(model), ID4_OK);
    return model != NULL;
}

static void make_weights(size_t number, chance *c, blob *out) {
    const blob *seed = &rig.weights.item[number % WEIGHT_VICTIMS];
    blob_set(out, seed->data, seed->size);
    mutate_safetensors(out, seeds_any(&rig.weights, c), c);
}

static bool feed_weights(const uint8_t *data, size_t size, size_t number) {
    write_mutant(data, size);
    return close_model(open_model("weights", number % WEIGHT_VICTIMS));
}

static void make_container(size_t number, chance *c, blob *out) {
    const blob *seed = &rig.containers.item[number % rig.containers.count];
    blob_set(out, seed->data, seed->size);
    mutate_safetensors(out, seeds_any(&rig.containers, c), c);
}

static bool feed_container(const uint8_t *data, size_t size, size_t number) {
    i4_err err = {0};
    uint8_t sink = 0;
    (void)number;
    i4_st_file *file = i4_st_parse(data, size, "damaged", &err);
    for (size_t i = 0; file && i < i4_st_count(file); i++) {
        const i4_st_tensor *t = i4_st_at(file, i);
        assert_true(t->data >= data && t->size <= size);
        assert_true((size_t)(t->data - data) <= size - t->size);
        assert_ptr_equal(i4_st_find(file, t->name), t);
        if (t->size > 0) {
            sink = (uint8_t)(sink ^ t->data[0] ^ t->data[t->size - 1]);
        }
    }
    *(volatile uint8_t *)&sink = sink;
    assert_true(file || (err.status != I4_E_OK && err.text[0]));
    i4_st_close(file);
    return file != NULL;
}

static void make_config(size_t number, chance *c, blob *out) {
    const blob *seed = &rig.configs.item[number % CONFIG_VICTIMS];
    blob_set(out, seed->data, seed->size);
    mutate_json(out, seeds_any(&rig.configs, c), c);
}

static bool feed_config(const uint8_t *data, size_t size, size_t number) {
    write_mutant(data, size);
    return close_model(open_model("config", number % CONFIG_VICTIMS));
}

static void make_tokenizer(size_t number, chance *c, blob *out) {
    const blob *seed = &rig.tokenizers.item[number % 2 ? number / 2 % rig.tokenizers.count : 0];
    blob_set(out, seed->data, seed->size);
    mutate_json(out, seeds_any(&rig.tokenizers, c), c);
}

static void encode_with(const i4_tokenizer *t) {
    static const char text[] = "<|im_start|>It's 10 o'clock \xe2\x80\x94 caf\xc3\xa9,\n\n  "
                               "e\xcc\x81 \xf0\x9f\x98\x80<|x|>";
    int32_t *ids = NULL;
    size_t count = 0;
    i4_buf spelled;
    if (!i4_tokenizer_encode_prompt(t, i4_str_c(text), &ids, &count, NULL)) {
        return;
    }
    i4_buf_init(&spelled, 1 << 20);
    for (size_t i = 0; i < count; i++) {
        assert_in_range(ids[i], 0, i4_tokenizer_max_id(t));
        i4_tokenizer_decode(t, ids[i], &spelled);
    }
    i4_buf_free(&spelled);
    i4_free(ids);
}

static bool feed_tokenizer(const uint8_t *data, size_t size, size_t number) {
    i4_err err = {0};
    i4_tokenizer *t = i4_tokenizer_parse((const char *)data, size, "damaged", &err);
    assert_true(t || (err.status != I4_E_OK && err.text[0]));
    if (t) {
        encode_with(t);
    }
    i4_tokenizer_close(t);
    if (number % 8 == 0) {
        write_mutant(data, size);
        close_model(open_model("tokenizer", 0));
    }
    return t != NULL;
}

static void make_adapter(size_t number, chance *c, blob *out) {
    const blob *seed =
        &rig.adapters.item[number % 4 ? number % 2 : number / 4 % rig.adapters.count];
    blob_set(out, seed->data, seed->size);
    mutate_safetensors(out, seeds_any(&rig.adapters, c), c);
}

static id4_adapter *open_adapter(const uint8_t *data, size_t size) {
    id4_adapter *adapter = NULL;
    id4_error err = {0};
    write_mutant(data, size);
    const id4_status status = id4_adapter_open(rig.model, rig.mutant, &adapter, &err);
    check_outcome(status, &err, adapter != NULL);
    return adapter;
}

static bool feed_adapter(const uint8_t *data, size_t size, size_t number) {
    (void)number;
    id4_adapter *adapter = open_adapter(data, size);
    assert_int_equal(id4_adapter_close(adapter), ID4_OK);
    return adapter != NULL;
}

static void make_caption(size_t number, chance *c, blob *out) {
    const blob *seed = &rig.captions.item[number % rig.captions.count];
    blob_set(out, seed->data, seed->size);
    mutate_json(out, seeds_any(&rig.captions, c), c);
}

static void check_caption(const char *text, size_t size, int whole_file) {
    id4_findings *findings = NULL;
    id4_error err = {0};
    const id4_status status = id4_caption_check(text, size, whole_file, &findings, &err);
    check_outcome(status, &err, findings != NULL);
    for (size_t i = 0; i < id4_findings_count(findings); i++) {
        const id4_finding *f = id4_findings_at(findings, i);
        assert_true(f->path[0] && f->code[0] && f->text[0]);
    }
    id4_findings_free(findings);
    count_anew();
}

static bool feed_caption(const uint8_t *data, size_t size, size_t number) {
    const char *text = (const char *)data;
    id4_bytes prompt = {0}, ids = {0};
    id4_error err = {0};
    size_t count = 0;
    (void)number;
    check_caption(text, size, 0);
    check_caption(text, size, 1);
    id4_status status = id4_caption_prompt(text, size, &prompt, &err);
    check_outcome(status, &err, prompt.data != NULL);
    if (prompt.data) {
        status = id4_tokenize(rig.model, (char *)prompt.data, prompt.size, 1, &ids, &count, &err);
        check_outcome(status, &err, ids.data != NULL);
    }
    id4_bytes_free(&ids);
    id4_bytes_free(&prompt);
    return status == ID4_OK;
}

static void make_image(size_t number, chance *c, blob *out) {
    const blob *seed = &rig.images.item[number % rig.images.count];
    blob_set(out, seed->data, seed->size);
    mutate(out, seeds_any(&rig.images, c), c);
    if (!chance_one_in(c, 4)) {
        mutate_mend_png(out);
    }
}

static bool feed_image(const uint8_t *data, size_t size, size_t number) {
    i4_pairs pairs = {0};
    i4_err inner = {0};
    id4_image *image = NULL;
    id4_error err = {0};
    id4_bytes json = {0};
    (void)number;
    id4_status status = id4_image_decode(data, size, &image, &err);
    const bool good = status == ID4_OK;
    check_outcome(status, &err, image != NULL);
    status = id4_recipe_read(data, size, &json, &err);
    check_outcome(status, &err, json.data != NULL);
    assert_true(i4_image_text(data, size, &pairs, &inner) || inner.text[0]);
    i4_pairs_free(&pairs);
    id4_bytes_free(&json);
    id4_image_free(image);
    return good;
}

/* A picture is allowed its pixels besides. */
#define PIXELS ((size_t)I4_LIMIT_IMAGE_PIXELS * 4)

static const kind container_kind = {"safetensors", 1, 0, make_container, feed_container};
static const kind weights_kind = {"weights", 2, 0, make_weights, feed_weights};
static const kind config_kind = {"config", 3, 0, make_config, feed_config};
static const kind tokenizer_kind = {"tokenizer", 4, 0, make_tokenizer, feed_tokenizer};
static const kind adapter_kind = {"lora", 5, 0, make_adapter, feed_adapter};
static const kind caption_kind = {"caption", 6, 0, make_caption, feed_caption};
static const kind image_kind = {"image", 7, PIXELS, make_image, feed_image};

/* --- running ------------------------------------------------------------------------------- */

static void note(const kind *k, size_t number) {
    char line[64];
    const int len = snprintf(line, sizeof line, "%-12s %10zu\n", k->name, number);
    assert_int_equal(pwrite(rig.now, line, (size_t)len, 0), len);
}

/* Whether IDEOGRAM4_ONLY leaves this file in; if it names it, the file is kept. */
static bool is_wanted(const kind *k, size_t number, const blob *input) {
    char name[64];
    const char *only = getenv("IDEOGRAM4_ONLY");
    if (!only) {
        return true;
    }
    snprintf(name, sizeof name, "%s:%zu", k->name, number);
    if (strcmp(only, name) != 0) {
        return false;
    }
    snprintf(name, sizeof name, "hostile-%s-%zu", k->name, number);
    assert_true(i4_file_write(name, input->data, input->size, NULL));
    return true;
}

static double feed_once(const kind *k, const blob *input, size_t number, bool *taken) {
    /* In a block of exactly its size, so that the sanitizer sees a read past the end. */
    uint8_t *exact = malloc(input->size ? input->size : 1);
    assert_non_null(exact);
    memcpy(exact, input->data, input->size);
    count_anew();
    atomic_store(&allowed, input->size + beyond_max + k->beyond);
    const double begin = i4_seconds();
    i4_fault_set(count_bytes, NULL);
    *taken = k->feed(exact, input->size, number);
    i4_fault_set(NULL, NULL);
    const double seconds = i4_seconds() - begin;
    free(exact);
    return seconds;
}

static bool feed_watched(const kind *k, const blob *input, size_t number) {
    bool taken = false;
    double seconds = seconds_max + 1;
    for (int i = 0; i < ATTEMPTS && seconds > seconds_max; i++) {
        seconds = feed_once(k, input, number, &taken);
    }
    if (seconds > seconds_max) {
        fail_msg("%s:%zu takes %.2f s", k->name, number, seconds);
    }
    if (atomic_load(&too_much)) {
        fail_msg("%s:%zu (%zu bytes) asks for more memory than is allowed", k->name, number,
                 input->size);
    }
    return taken;
}

static void run_from(const kind *k, size_t files) {
    blob input = {0};
    size_t taken = 0;
    const double begin = i4_seconds();
    for (size_t i = 0; i < files; i++) {
        chance c = chance_of(rig.seed, k->stream, i);
        k->make(i, &c, &input);
        note(k, i);
        if (is_wanted(k, i, &input)) {
            taken += feed_watched(k, &input, i);
        }
    }
    blob_free(&input);
    print_message("%s: %zu files, %zu of them taken, seed %llu, %.1f s\n", k->name, files, taken,
                  (unsigned long long)rig.seed, i4_seconds() - begin);
}

static void hostile_safetensors_is_refused_or_read(void **state) {
    (void)state;
    run_from(&container_kind, rig.files);
}

/* Opening a whole model takes longer: a part of them. */
static void hostile_weights_are_refused_or_opened(void **state) {
    (void)state;
    run_from(&weights_kind, rig.files / 2);
}

static void hostile_config_is_refused_or_opened(void **state) {
    (void)state;
    run_from(&config_kind, rig.files);
}

static void hostile_tokenizer_is_refused_or_encodes(void **state) {
    (void)state;
    run_from(&tokenizer_kind, rig.files);
}

static void hostile_lora_is_refused_or_opened(void **state) {
    (void)state;
    run_from(&adapter_kind, rig.files);
}

static void hostile_caption_is_checked(void **state) {
    (void)state;
    run_from(&caption_kind, rig.files);
}

static void hostile_image_is_refused_or_decoded(void **state) {
    (void)state;
    run_from(&image_kind, rig.files);
}

/* --- extremes ------------------------------------------------------------------------------ */

/* Whole texts of one thing over and over, as large as the limits let in or larger. */
typedef struct extreme {
    const kind *kind;
    size_t number;
    const char *head, *body;
    size_t count;
    const char *tail;
} extreme;

#define NO_TENSOR "\"a\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]},"
#define ELEMENTS "{\"compositional_deconstruction\":{\"background\":\"\",\"elements\":["

static const extreme extremes[] = {
    {&container_kind, 0, "{", NO_TENSOR, 190000, "\"b\":{}}"},
    {&container_kind, 0, "{", NO_TENSOR, 250000, "\"b\":{}}"},
    {&container_kind, 0, "{\"__metadata__\":{", "\"a\":\"\",", 99000, "\"b\":\"\"}}"},
    {&container_kind, 0, "{\"a\":{\"x\":[", "[],", 4000000, "0]}}"},
    {&container_kind, 0, "{\"", "\\u00e9", 2000000, "\":{}}"},
    {&container_kind, 0, "{", "          ", 1000000, "}"},
    {&config_kind, 0, "[", "{},", 340000, "0]"},
    {&config_kind, 0, "[", "0,", 500000, "0]"},
    {&config_kind, 2, "", "[", 1000000, ""},
    {&config_kind, 2, "{\"num_layers\":", "9", 1000000, "}"},
    {&config_kind, 2, "{\"norm_eps\":0.", "9", 1000000, "}"},
    {&config_kind, 5, "{\"scale\":[", "1,", 500000, "1]}"},
    {&config_kind, 9, "{\"weight_map\":[", "{},", 5000000, "0]}"},
    {&config_kind, 9, "{\"weight_map\":{\"", "a", 4000000, "\":\"b\"}}"},
    {&tokenizer_kind, 1, "[", "{},", 5000000, "0]"},
    {&tokenizer_kind, 1, "[", "0,", 10000000, "0]"},
    {&tokenizer_kind, 1, "{\"model\":{\"merges\":[", "\"a a\",", 600000, "\"\"]}}"},
    {&caption_kind, 0, "[", "[],", 87000, "0]"},
    {&caption_kind, 0, "", "{\"a\":", 50000, ""},
    {&caption_kind, 0, "{\"a\":", "9", 262000, "}"},
    {&caption_kind, 0, "{\"a\":0.", "9", 260000, "e-260000}"},
    {&caption_kind, 0, "{", "\"a\":0,", 40000, "\"a\":1}"},
    {&caption_kind, 0, ELEMENTS, "{},", 87000, "0]}}"},
    {&caption_kind, 0, ELEMENTS, "{\"type\":\"obj\",\"bbox\":[]},", 9000, "0]}}"},
    {&caption_kind, 0, "{\"a\":\"", "\\u0000", 43000, "\"}"},
    {&caption_kind, 0, "e", "\xcc\x81", 130000, ""},
    {&caption_kind, 0, "", " \xe3\x80\x80", 65000, "."},
};

static void extreme_make(const extreme *e, blob *out) {
    const size_t before = e->kind == &container_kind ? 8 : 0; /* the header's length */
    const size_t body = strlen(e->body), head = strlen(e->head);
    blob_room(out, before + head + e->count * body);
    memcpy(out->data + before, e->head, head);
    for (size_t i = 0; i < e->count; i++) {
        memcpy(out->data + before + head + i * body, e->body, body);
    }
    out->size = before + head + e->count * body;
    mutate_put_text(out, out->size, 0, e->tail);
    if (before) {
        mutate_length_put(out, out->size - before);
    }
}

static void hostile_text_without_end_is_bounded(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof extremes / sizeof extremes[0]; i++) {
        blob input = {0};
        extreme_make(&extremes[i], &input);
        note(extremes[i].kind, i);
        feed_watched(extremes[i].kind, &input, extremes[i].number);
        blob_free(&input);
    }
}

/* --- drawing ------------------------------------------------------------------------------- */

static void draw(id4_model *model, const id4_adapter *adapter) {
    id4_request request;
    id4_engine *engine = NULL;
    id4_image *image = NULL;
    id4_error err = {0};
    id4_request_init(&request);
    request.caption = "a red circle";
    request.width = request.height = 256;
    request.steps = 1;
    assert_int_equal(id4_engine_new(model, NULL, &engine, &err), ID4_OK);
    const id4_adapter_use use = {adapter, 1.0};
    assert_int_equal(id4_engine_set_adapters(engine, &use, adapter != NULL, &err), ID4_OK);
    const id4_status status = id4_generate(engine, &request, NULL, &image, NULL, &err);
    check_outcome(status, &err, image != NULL);
    id4_image_free(image);
    id4_engine_free(engine);
}

static bool draw_model(const char *group, size_t number, const blob *input) {
    write_mutant(input->data, input->size);
    id4_model *model = open_model(group, number);
    if (model) {
        draw(model, NULL);
    }
    return close_model(model);
}

static bool draw_weights(size_t number, const blob *input) {
    return draw_model("weights", number % WEIGHT_VICTIMS, input);
}

static bool draw_config(size_t number, const blob *input) {
    return draw_model("config", number % CONFIG_VICTIMS, input);
}

static bool draw_adapter(size_t number, const blob *input) {
    id4_adapter *adapter = open_adapter(input->data, input->size);
    (void)number;
    if (adapter) {
        draw(rig.model, adapter);
    }
    id4_adapter_close(adapter);
    return adapter != NULL;
}

/* Draws with the first `wanted` files that open; all from a series of their own. */
static void draw_from(const kind *k, bool (*try)(size_t number, const blob *input), size_t wanted) {
    blob input = {0};
    size_t drawn = 0;
    for (size_t i = 0; drawn < wanted && i < 100 * wanted; i++) {
        chance c = chance_of(rig.seed, k->stream + 100, i);
        k->make(i, &c, &input);
        note(k, i);
        drawn += try(i, &input);
    }
    blob_free(&input);
    assert_int_equal(drawn, wanted);
}

static void hostile_model_that_opens_survives_drawing(void **state) {
    (void)state;
    if (!getenv("IDEOGRAM4_ONLY")) {
        draw_from(&weights_kind, draw_weights, DRAWN_MODELS / 2);
        draw_from(&config_kind, draw_config, DRAWN_MODELS / 2);
    }
}

static void hostile_lora_that_opens_survives_drawing(void **state) {
    (void)state;
    if (!getenv("IDEOGRAM4_ONLY")) {
        draw_from(&adapter_kind, draw_adapter, DRAWN_ADAPTERS);
    }
}

/* --- begin and end ------------------------------------------------------------------------- */

static uint64_t environment(const char *name, uint64_t fallback) {
    const char *text = getenv(name);
    return text ? strtoull(text, NULL, 10) : fallback;
}

/* A small picture in each format, with text inside. */
static void add_pictures(seeds *s) {
    uint8_t pixels[24 * 16 * 3];
    const id4_pair pairs[] = {{"ideogram4", "{\"caption\": \"a <red> circle\", \"seed\": 3}"},
                              {"note", "two\nlines & more"}};
    id4_image *image = NULL;
    chance c = chance_of(SEED, 0, 0);
    for (size_t i = 0; i < sizeof pixels; i++) {
        pixels[i] = (uint8_t)(i / 3 % 24 * 10 + chance_below(&c, 8));
    }
    assert_int_equal(id4_image_new(24, 16, pixels, &image, NULL), ID4_OK);
    for (int format = ID4_PNG; format <= ID4_JPEG; format++) {
        id4_bytes bytes = {0};
        assert_int_equal(
            id4_image_encode(image, (id4_image_format)format, 0, pairs, 2, &bytes, NULL), ID4_OK);
        assert_true(s->count < SEEDS_MAX);
        blob_set(&s->item[s->count++], bytes.data, bytes.size);
        id4_bytes_free(&bytes);
    }
    id4_image_free(image);
}

/* LoKr, which no golden file has: a decomposed factor, and one with a core. */
static void lokr_write(const char *name) {
    static made_file m;
    static float numbers[64 * 64];
    const int64_t core[4] = {2, 2, 1, 1};
    chance c = chance_of(SEED, 0, 1);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        numbers[i] = (float)chance_below(&c, 2001) / 1e5f - 0.01f;
    }
    made_matrix(&m, "layers.0.attention.qkv.lokr_w1", I4_ST_F32, 3, 2, numbers);
    made_matrix(&m, "layers.0.attention.qkv.lokr_w2_a", I4_ST_F32, 128, 4, numbers);
    made_matrix(&m, "layers.0.attention.qkv.lokr_w2_b", I4_ST_F32, 4, 64, numbers);
    made_matrix(&m, "layers.1.feed_forward.w1.lokr_w1", I4_ST_F32, 5, 2, numbers);
    made_matrix(&m, "layers.1.feed_forward.w1.lokr_w2_a", I4_ST_F32, 2, 64, numbers);
    made_matrix(&m, "layers.1.feed_forward.w1.lokr_w2_b", I4_ST_F32, 2, 64, numbers);
    made_add(&m, "layers.1.feed_forward.w1.lokr_t2", I4_ST_F32, 4, core, numbers);
    made_write(&m, folder_at(&rig.folder, name));
}

static void load_seeds(void) {
    for (size_t i = 0; i < WEIGHT_VICTIMS; i++) {
        victim_add(&rig.weights, &weight_victims[i]);
        victim_add(&rig.containers, &weight_victims[i]);
    }
    seeds_add(&rig.containers, GOLDEN "/lora.safetensors");
    seeds_add_folder(&rig.containers, ID4_SOURCE_DIR "/fuzz/corpora/safetensors", "");
    for (size_t i = 0; i < CONFIG_VICTIMS; i++) {
        victim_add(&rig.configs, &config_victims[i]);
    }
    victim_add(&rig.tokenizers, &tokenizer_victim);
    seeds_add_folder(&rig.tokenizers, ID4_SOURCE_DIR "/fuzz/corpora/tokenizer", ".json");
    seeds_add(&rig.adapters, GOLDEN "/lora.safetensors");
    seeds_add(&rig.adapters, folder_at(&rig.folder, "lokr"));
    seeds_add_folder(&rig.adapters, ID4_SOURCE_DIR "/fuzz/corpora/lora", "");
    seeds_add_folder(&rig.captions, ID4_SOURCE_DIR "/examples", ".json");
    seeds_add_folder(&rig.captions, ID4_SOURCE_DIR "/fuzz/corpora/caption", "");
    add_pictures(&rig.images);
    seeds_add_folder(&rig.images, ID4_SOURCE_DIR "/fuzz/corpora/image", "");
}

static void make_roots(void) {
    for (size_t i = 0; i < WEIGHT_VICTIMS; i++) {
        root_make("weights", i, &weight_victims[i]);
    }
    for (size_t i = 0; i < CONFIG_VICTIMS; i++) {
        root_make("config", i, &config_victims[i]);
    }
    root_make("tokenizer", 0, &tokenizer_victim);
}

static void require_whole(const char *group, size_t index, const blob *whole) {
    write_mutant(whole->data, whole->size);
    assert_true(close_model(open_model(group, index)));
}

/* Undamaged, all can be opened: what is refused later is refused for its damage. */
static void require_all_whole(void) {
    for (size_t i = 0; i < WEIGHT_VICTIMS; i++) {
        require_whole("weights", i, &rig.weights.item[i]);
    }
    for (size_t i = 0; i < CONFIG_VICTIMS; i++) {
        require_whole("config", i, &rig.configs.item[i]);
    }
    require_whole("tokenizer", 0, &rig.tokenizers.item[0]);
    assert_true(feed_adapter(rig.adapters.item[0].data, rig.adapters.item[0].size, 0));
    assert_true(feed_adapter(rig.adapters.item[1].data, rig.adapters.item[1].size, 0));
}

static int begin(void **state) {
    char working[400];
    (void)state;
    rig.files = (size_t)environment("IDEOGRAM4_MUTATIONS", FILES);
    rig.seed = environment("IDEOGRAM4_SEED", SEED);
    folder_make(&rig.folder, "hostile");
    assert_non_null(getcwd(working, sizeof working));
    snprintf(rig.here, sizeof rig.here, "%s/%.100s", working, rig.folder.path);
    snprintf(rig.mutant, sizeof rig.mutant, "%s/mutant", rig.here);
    rig.now = open(folder_at(&rig.folder, "now"), O_WRONLY | O_CREAT, 0600);
    assert_true(rig.now >= 0);
    index_write(GOLDEN "/fp8/vae/diffusion_pytorch_model.safetensors", "index.json");
    lokr_write("lokr");
    load_seeds();
    make_roots();
    root_make("whole", 0, &(victim){"mlx-q8", NULL, NULL});
    rig.model = open_model("whole", 0);
    assert_non_null(rig.model);
    require_all_whole();
    return 0;
}

static int end(void **state) {
    (void)state;
    seeds *const all[] = {&rig.weights,  &rig.containers, &rig.configs, &rig.tokenizers,
                          &rig.adapters, &rig.captions,   &rig.images};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        seeds_free(all[i]);
    }
    close(rig.now);
    folder_remove(&rig.folder);
    return id4_model_close(rig.model);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hostile_safetensors_is_refused_or_read),
        cmocka_unit_test(hostile_weights_are_refused_or_opened),
        cmocka_unit_test(hostile_config_is_refused_or_opened),
        cmocka_unit_test(hostile_tokenizer_is_refused_or_encodes),
        cmocka_unit_test(hostile_lora_is_refused_or_opened),
        cmocka_unit_test(hostile_caption_is_checked),
        cmocka_unit_test(hostile_image_is_refused_or_decoded),
        cmocka_unit_test(hostile_text_without_end_is_bounded),
        cmocka_unit_test(hostile_model_that_opens_survives_drawing),
        cmocka_unit_test(hostile_lora_that_opens_survives_drawing),
    };
    json_set_alloc_funcs(i4_malloc, i4_free); /* its memory counts as ours */
    return cmocka_run_group_tests(tests, begin, end);
}
