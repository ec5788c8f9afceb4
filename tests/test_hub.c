/* Downloads from a scripted hub: the protocol, what the cache looks like afterwards, and everything
 * that can go wrong on the way. The hub and its delivery network are two loopback ports, so that
 * what must not cross from one to the other can be seen. */
#include "base/log.h"
#include "base/sha256.h"
#include "hub/cache.h"
#include "hub/fetch.h"
#include "hub/hub_os.h"
#include "hub/names.h"
#include "hub/sha1.h"

#include "fake_hub.h"
#include "folder.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#define REPO "Someone/model-q8"
#define FOLDER "models--Someone--model-q8"
#define COMMIT "0123456789abcdef0123456789abcdef01234567"
#define SNAPSHOT FOLDER "/snapshots/" COMMIT
#define TOKEN "hf_VerySecretToken"

enum { MIB = 1 << 20, WEIGHTS = 0, FILES_MOST = 16 };

static const i4_hub_patience hurried = {.retries = 3, .pause_seconds = 0.001, .longest_seconds = 5};

typedef struct world {
    fake_hub hub;
    fake_file files[FILES_MOST];
    size_t count;
    folder cache;
    char root[1024];  /* absolute path of cache */
    char found[4096]; /* folder that a fetch gave */
    char lines[8192]; /* log */
} world;

static world w;

/* --- the world ------------------------------------------------------------------------------ */

static void keep_line(i4_log_level level, const char *line, void *user) {
    (void)level;
    (void)user;
    const size_t used = strlen(w.lines);
    snprintf(w.lines + used, sizeof w.lines - used, "%s\n", line);
}

static void hash_file(fake_file *f) {
    if (f->is_large) {
        i4_sha256 sum;
        uint8_t digest[I4_SHA256_BYTES];
        i4_sha256_begin(&sum);
        i4_sha256_add(&sum, f->bytes, f->size);
        i4_sha256_end(&sum, digest);
        i4_sha256_hex(digest, f->etag);
    } else {
        i4_sha1 sum;
        i4_sha1_begin_blob(&sum, f->size);
        i4_sha1_add(&sum, f->bytes, f->size);
        i4_sha1_end(&sum, f->etag);
    }
}

static void add_file(const char *name, size_t size, bool is_large) {
    uint8_t *bytes = malloc(size + 1);
    assert_non_null(bytes);
    uint32_t x = 2463534242u + (uint32_t)w.count;
    for (size_t i = 0; i < size; i++) {
        x ^= x << 13;
        x ^= x >> 17;
        x ^= x << 5;
        bytes[i] = (uint8_t)x;
    }
    w.files[w.count] =
        (fake_file){.name = name, .bytes = bytes, .size = size, .is_large = is_large};
    hash_file(&w.files[w.count++]);
    w.hub.files = w.files;
    w.hub.file_count = w.count;
}

static void add_split_model(void) {
    add_file("split_model.json", 90, false);
    add_file("README.md", 700, false);
    add_file("tokenizer/tokenizer.json", 5000, true);
    add_file("tokenizer/tokenizer_config.json", 0, false);
    add_file("vae.safetensors", 3000, true);
    add_file("text_encoder.safetensors", 200000, true);
    add_file("conditional_transformer.safetensors", 300000, true);
    add_file("unconditional_transformer.safetensors", 300001, true);
    add_file("vae_config.json", 40, false);
}

static void set_environment(void) {
    char endpoint[64], working[512];
    static const char *const unset[] = {
        "HF_TOKEN",       "HUGGING_FACE_HUB_TOKEN",        "HF_TOKEN_PATH",
        "HF_HUB_OFFLINE", "HF_HUB_DISABLE_IMPLICIT_TOKEN", "HUGGINGFACE_HUB_CACHE",
        "XDG_CACHE_HOME", "HF_HUB_ETAG_TIMEOUT",           "HF_HUB_DOWNLOAD_TIMEOUT"};
    for (size_t i = 0; i < sizeof unset / sizeof *unset; i++) {
        unsetenv(unset[i]);
    }
    assert_non_null(getcwd(working, sizeof working));
    snprintf(w.root, sizeof w.root, "%s/%.400s", working, w.cache.path);
    snprintf(endpoint, sizeof endpoint, "http://127.0.0.1:%d/", w.hub.hub_port);
    setenv("HF_ENDPOINT", endpoint, 1);
    setenv("HF_HUB_CACHE", w.root, 1);
    setenv("HF_HOME", w.root, 1);
}

static int setup(void **state) {
    (void)state;
    memset(&w, 0, sizeof w);
    folder_make(&w.cache, "test_hub");
    fake_hub_open(&w.hub);
    w.hub.repo = REPO;
    w.hub.revision = "main";
    w.hub.commit = COMMIT;
    set_environment();
    i4_log_set(I4_LOG_TRACE, keep_line, NULL);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    i4_fault_set(NULL, NULL);
    i4_log_set(I4_LOG_ERROR, NULL, NULL);
    fake_hub_close(&w.hub);
    for (size_t i = 0; i < w.count; i++) {
        free((void *)(uintptr_t)w.files[i].bytes);
    }
    folder_remove(&w.cache);
    return 0;
}

/* --- fetching ------------------------------------------------------------------------------- */

static bool fetch_with(const i4_hub_options *options, i4_hub_patience patience, i4_err *err) {
    *err = (i4_err){0};
    fake_hub_settle(&w.hub);
    const bool is_good = i4_hub_fetch_patiently(options, patience, w.found, sizeof w.found, err);
    fake_hub_settle(&w.hub);
    return is_good;
}

static bool fetch_some(const char *const *patterns, i4_err *err) {
    const i4_hub_options options = {.repo = REPO, .patterns = patterns};
    return fetch_with(&options, hurried, err);
}

static const char *const all[] = {"*", NULL};

static void fetch_well(const char *const *patterns) {
    i4_err err;
    if (!fetch_some(patterns, &err)) {
        fail_msg("%s", err.text);
    }
}

static void fetch_badly(const char *const *patterns, i4_status status, const char *words) {
    i4_err err;
    if (fetch_some(patterns, &err)) {
        fail_msg("it went well, but should have said '%s'", words);
    }
    if (err.status != status || !strstr(err.text, words)) {
        fail_msg("%s: '%s' does not say '%s'", i4_status_name(err.status), err.text, words);
    }
    assert_null(strstr(err.text, TOKEN));
    assert_null(strstr(err.text, "s3cr3t"));
}

/* A file that is fetched, of which much depends. */
static void make_weights(size_t size) {
    add_file("weights.safetensors", size, true);
}

static const char *blob_name(size_t index, const char *suffix) {
    static char name[2][512];
    static int turn;
    turn = !turn;
    snprintf(name[turn], sizeof name[turn], FOLDER "/blobs/%s%s", w.files[index].etag, suffix);
    return name[turn];
}

static bool is_there(const char *name) {
    return i4_path_look(folder_at(&w.cache, name)) != I4_PATH_NONE;
}

static bool is_listed_in(const char *name) { /* dangling links count */
    char target[16];
    return is_there(name) || readlink(folder_at(&w.cache, name), target, sizeof target) >= 0;
}

static void expect_content(const char *name, const fake_file *f) {
    char *data;
    size_t size;
    i4_err err = {0};
    if (!i4_file_read(folder_at(&w.cache, name), 64 << 20, &data, &size, &err)) {
        fail_msg("%s", err.text);
    }
    assert_int_equal(size, f->size);
    assert_memory_equal(data, f->bytes, size);
    i4_free(data);
}

static void expect_file(size_t index) {
    char name[512];
    snprintf(name, sizeof name, SNAPSHOT "/%s", w.files[index].name);
    expect_content(name, &w.files[index]);
    expect_content(blob_name(index, ""), &w.files[index]);
    assert_false(is_there(blob_name(index, ".incomplete")));
}

/* Neither under its final name nor in the snapshot. */
static void expect_no_file(size_t index) {
    char name[512];
    snprintf(name, sizeof name, SNAPSHOT "/%s", w.files[index].name);
    assert_false(is_listed_in(name));
    assert_false(is_there(blob_name(index, "")));
}

static void expect_link(const char *name, const char *target) {
    char text[512];
    const ssize_t n = readlink(folder_at(&w.cache, name), text, sizeof text - 1);
    assert_true(n > 0);
    text[n] = '\0';
    assert_string_equal(text, target);
}

static void expect_log(const char *words) {
    if (!strstr(w.lines, words)) {
        fail_msg("the log does not say '%s': %s", words, w.lines);
    }
}

/* --- hashes and names ----------------------------------------------------------------------- */

static void expect_sha1(const char *text, size_t repeats, const char *hex) {
    i4_sha1 sum;
    char got[I4_SHA1_HEX_BYTES];
    i4_sha1_begin(&sum);
    for (size_t i = 0; i < repeats; i++) {
        i4_sha1_add(&sum, text, strlen(text));
    }
    i4_sha1_end(&sum, got);
    assert_string_equal(got, hex);
}

/* The examples of FIPS 180. */
static void hub_sha1_meets_the_standards_examples(void **state) {
    (void)state;
    expect_sha1("", 1, "da39a3ee5e6b4b0d3255bfef95601890afd80709");
    expect_sha1("abc", 1, "a9993e364706816aba3e25717850c26c9cd0d89d");
    expect_sha1("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 1,
                "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
    expect_sha1("a", 1000000, "34aa973cd4c4daa4f61eeb2bdbad27316534016f");
}

static void expect_blob_id(const char *text, const char *hex) {
    i4_sha1 sum;
    char got[I4_SHA1_HEX_BYTES];
    i4_sha1_begin_blob(&sum, strlen(text));
    i4_sha1_add(&sum, text, strlen(text));
    i4_sha1_end(&sum, got);
    assert_string_equal(got, hex);
}

/* What `git hash-object` says. */
static void hub_blob_ids_are_those_of_git(void **state) {
    (void)state;
    expect_blob_id("", "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391");
    expect_blob_id("hello\n", "ce013625030ba8dba906f756967f9e9ca394464a");
    expect_blob_id("test content\n", "d670460b4b4aece5915caf5c68d12f560a9fe3e4");
}

static void hub_repository_names_are_checked(void **state) {
    (void)state;
    static const char *const good[] = {"gpt2", "MLXBits/ideogram-4-mlx-q8", "a_b.c/d-e.f"};
    static const char *const bad[] = {"",        "/",      "a/",    "/a",        "a/b/c",
                                      "a b",     "a/../b", "..",    "a--b/c",    "-a/b",
                                      "a/b.git", "a/.b",   "a/b-",  "a/b\nc",    "a\\b",
                                      "a/b?c",   "a/b#c",  "a%2fb", "a/\xc3\xa9"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_true(i4_hub_repo_check(good[i], NULL));
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        i4_err err;
        if (i4_hub_repo_check(bad[i], &err)) {
            fail_msg("'%s' was taken for a repository", bad[i]);
        }
        assert_int_equal(err.status, I4_E_INVALID_ARGUMENT);
    }
    char longest[200] = "a/";
    memset(longest + 2, 'b', 97);
    assert_false(i4_hub_repo_check(longest, NULL));
    longest[98] = '\0';
    assert_true(i4_hub_repo_check(longest, NULL));
}

static void hub_etags_become_plain_file_names(void **state) {
    (void)state;
    static const char *const good[][2] = {
        {"\"" COMMIT "\"", COMMIT}, {"W/\"abc\"", "abc"}, {"abc", "abc"}, {"\"a.b-c\"", "a.b-c"}};
    static const char *const bad[] = {
        "",         "\"\"", "W/\"\"",  "\"../x\"",     "/etc/x",     "\".hidden\"", "\"a/b\"",
        "\"a\\b\"", "..",   "\"a b\"", "x.incomplete", "\"a.lock\"", "W/\"a\"b\""};
    char out[I4_HUB_ETAG_BYTES], longest[200];
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_true(i4_hub_etag_clean(good[i][0], out, NULL));
        assert_string_equal(out, good[i][1]);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (i4_hub_etag_clean(bad[i], out, NULL)) {
            fail_msg("'%s' became a file name", bad[i]);
        }
    }
    memset(longest, 'a', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    assert_false(i4_hub_etag_clean(longest, out, NULL));
}

static void hub_patterns_match_like_the_python_library(void **state) {
    (void)state;
    assert_true(i4_hub_matches("*.json", "a/b/c.json"));
    assert_true(i4_hub_matches("tokenizer/**", "tokenizer/a/b"));
    assert_true(i4_hub_matches("vae/", "vae/x/y.json"));
    assert_true(i4_hub_matches("x[0-9]?", "x7y"));
    assert_false(i4_hub_matches("vae/*.json", "transformer/vae/x.json"));
    assert_false(i4_hub_matches("transformer/*.json", "unconditional_transformer/config.json"));
    assert_false(i4_hub_matches("config.json", "config.json5"));
}

/* --- the whole way -------------------------------------------------------------------------- */

typedef struct watch {
    uint64_t last, total;
    int calls, named, count;
    bool is_falling;
} watch;

static bool watch_progress(const i4_hub_progress *p, void *user) {
    watch *seen = user;
    seen->is_falling = seen->is_falling || p->done_bytes < seen->last;
    seen->last = p->done_bytes;
    seen->total = p->total_bytes;
    seen->count = p->file_count;
    seen->calls++;
    seen->named += p->file != NULL;
    return true;
}

static void hub_split_model_arrives_in_the_standard_layout(void **state) {
    (void)state;
    add_split_model();
    fake_hub_run(&w.hub);
    watch seen = {0};
    const i4_hub_options options = {.repo = REPO, .progress = watch_progress, .user = &seen};
    i4_err err = {0};
    if (!i4_hub_fetch(&options, w.found, sizeof w.found, &err)) {
        fail_msg("%s", err.text);
    }
    char expected[2048], target[256];
    uint64_t total = 0;
    snprintf(expected, sizeof expected, "%s/" SNAPSHOT, w.root);
    assert_string_equal(w.found, expected);
    for (size_t i = 0; i < w.count; i++) {
        if (strcmp(w.files[i].name, "README.md") == 0) {
            expect_no_file(i);
        } else {
            expect_file(i);
            total += w.files[i].size;
        }
    }
    snprintf(target, sizeof target, "../../../blobs/%s", w.files[2].etag);
    expect_link(SNAPSHOT "/tokenizer/tokenizer.json", target);
    snprintf(target, sizeof target, "../../blobs/%s", w.files[4].etag);
    expect_link(SNAPSHOT "/vae.safetensors", target);
    expect_content(FOLDER "/refs/main", &(fake_file){.bytes = (const uint8_t *)COMMIT, .size = 40});
    snprintf(target, sizeof target, ".locks/" FOLDER "/%s.lock", w.files[4].etag);
    assert_true(is_there(target));
    assert_false(seen.is_falling);
    assert_int_equal(seen.last, total);
    assert_int_equal(seen.total, total);
    assert_int_equal(seen.count, w.count - 1);
    assert_true(seen.named >= (int)w.count - 1);
    assert_true(i4_hub_find(REPO, NULL, w.found, sizeof w.found, &err));
    assert_string_equal(w.found, expected);
}

static void hub_folder_model_takes_what_the_layout_needs(void **state) {
    (void)state;
    static const struct {
        const char *name;
        bool is_wanted;
    } names[] = {{"model_index.json", true},
                 {"scheduler/scheduler_config.json", true},
                 {"tokenizer/chat_template.jinja", true},
                 {"tokenizer/tokenizer.json", true},
                 {"vae/diffusion_pytorch_model.safetensors", true},
                 {"transformer/config.json", true},
                 {"transformer/model-1.safetensors", true},
                 {"unconditional_transformer/model.safetensors", true},
                 {"text_encoder/model.safetensors", true},
                 {"text_encoder/notes.txt", false},
                 {"other/model.safetensors", false},
                 {"model.safetensors", false}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        add_file(names[i].name, 100 + i, i % 2 == 0);
    }
    fake_hub_run(&w.hub);
    fetch_well(NULL);
    for (size_t i = 0; i < w.count; i++) {
        (names[i].is_wanted ? expect_file : expect_no_file)(i);
    }
    assert_true(i4_hub_find(REPO, "main", w.found, sizeof w.found, NULL));
}

static void hub_second_fetch_only_lists(void **state) {
    (void)state;
    add_split_model();
    fake_hub_run(&w.hub);
    fetch_well(NULL);
    const int before = fake_hub_count(&w.hub, 0, "", "");
    fetch_well(NULL);
    assert_int_equal(fake_hub_count(&w.hub, 0, "", ""), before + 1);
    assert_int_equal(fake_hub_count(&w.hub, 'h', "GET", "/api/models/" REPO "/revision/main"), 2);
}

static void hub_content_known_from_another_commit_is_only_linked(void **state) {
    (void)state;
    make_weights(50000);
    fake_hub_run(&w.hub);
    fetch_well(all);
    w.hub.commit = "89abcdef0123456789abcdef0123456789abcdef";
    fetch_well(all);
    assert_int_equal(fake_hub_count(&w.hub, 'c', "GET", ""), 1);
    expect_content(FOLDER "/snapshots/89abcdef0123456789abcdef0123456789abcdef/weights.safetensors",
                   &w.files[0]);
    expect_content(FOLDER "/refs/main",
                   &(fake_file){.bytes = (const uint8_t *)w.hub.commit, .size = 40});
}

static void hub_revision_with_a_slash_is_escaped_and_nested(void **state) {
    (void)state;
    make_weights(1000);
    w.hub.revision = "refs%2Fpr%2F1";
    fake_hub_run(&w.hub);
    const i4_hub_options options = {.repo = REPO, .revision = "refs/pr/1", .patterns = all};
    i4_err err;
    assert_true(fetch_with(&options, hurried, &err));
    assert_true(is_there(FOLDER "/refs/refs/pr/1"));
    expect_file(0);
}

static void hub_commit_as_revision_writes_no_reference(void **state) {
    (void)state;
    make_weights(1000);
    fake_hub_run(&w.hub);
    const i4_hub_options options = {.repo = REPO, .revision = COMMIT, .patterns = all};
    i4_err err;
    assert_true(fetch_with(&options, hurried, &err));
    assert_false(is_there(FOLDER "/refs"));
    expect_file(0);
}

static void hub_names_with_special_characters_are_escaped(void **state) {
    (void)state;
    add_file("a b#c?d%.json", 100, false);
    fake_hub_run(&w.hub);
    i4_err err;
    assert_false(fetch_some(all, &err)); /* this hub knows escaped names only */
    assert_int_equal(fake_hub_count(&w.hub, 'h', "HEAD", "/a%20b%23c%3Fd%25.json"), 1);
}

/* --- who may -------------------------------------------------------------------------------- */

static void expect_no_token_at_network(void) {
    for (size_t i = 0; i < w.hub.log_count; i++) {
        if (w.hub.log[i].port == 'c') {
            assert_string_equal(w.hub.log[i].authorization, "");
        }
    }
}

static void hub_token_goes_to_the_hub_and_nowhere_else(void **state) {
    (void)state;
    add_split_model();
    w.hub.token = TOKEN;
    setenv("HF_TOKEN", " " TOKEN "\n", 1);
    fake_hub_run(&w.hub);
    fetch_well(NULL);
    expect_no_token_at_network();
    assert_true(fake_hub_count(&w.hub, 'c', "GET", "") >= 4);
    for (size_t i = 0; i < w.hub.log_count; i++) {
        if (w.hub.log[i].port == 'h') {
            assert_string_equal(w.hub.log[i].authorization, "Bearer " TOKEN);
        }
    }
    assert_null(strstr(w.lines, TOKEN));
}

static void hub_gated_repository_without_token_is_explained(void **state) {
    (void)state;
    make_weights(1000);
    w.hub.token = TOKEN;
    w.hub.message = "Access to model " REPO " is restricted.";
    fake_hub_run(&w.hub);
    fetch_badly(all, I4_E_INVALID_ARGUMENT, "accept the terms");
    fetch_badly(all, I4_E_INVALID_ARGUMENT, "/" REPO " in a browser");
    fetch_badly(all, I4_E_INVALID_ARGUMENT, "HF_TOKEN");
    fetch_badly(all, I4_E_INVALID_ARGUMENT, "is restricted");
    expect_no_file(0);
}

static void hub_gated_repository_with_wrong_token_is_explained(void **state) {
    (void)state;
    make_weights(1000);
    w.hub.token = "another";
    w.hub.message = "user of " TOKEN " is not on the list"; /* a hub that tells secrets */
    setenv("HF_TOKEN", TOKEN, 1);
    fake_hub_run(&w.hub);
    fetch_badly(all, I4_E_INVALID_ARGUMENT, "does not have access");
    assert_null(strstr(w.lines, TOKEN));
}

static void hub_missing_and_private_repositories_are_explained(void **state) {
    (void)state;
    make_weights(1000);
    fake_hub_run(&w.hub);
    const i4_hub_options options = {.repo = "Someone/else"};
    i4_err err;
    assert_false(fetch_with(&options, hurried, &err));
    assert_int_equal(err.status, I4_E_NOT_FOUND);
    assert_non_null(strstr(err.text, "Someone/else"));
    assert_non_null(strstr(err.text, "private"));
    w.hub.is_private = true;
    w.hub.token = TOKEN;
    fetch_badly(all, I4_E_NOT_FOUND, "HF_TOKEN");
    setenv("HF_TOKEN", TOKEN, 1);
    fetch_well(all);
}

static void hub_missing_revision_and_file_are_named(void **state) {
    (void)state;
    make_weights(1000);
    fake_hub_run(&w.hub);
    const i4_hub_options options = {.repo = REPO, .revision = "no-such-branch"};
    i4_err err;
    assert_false(fetch_with(&options, hurried, &err));
    assert_int_equal(err.status, I4_E_NOT_FOUND);
    assert_non_null(strstr(err.text, "no-such-branch"));
    w.hub.listing = "{\"sha\":\"" COMMIT "\",\"siblings\":[{\"rfilename\":\"gone.json\"}]}";
    fetch_badly(all, I4_E_NOT_FOUND, "gone.json");
}

static void expect_authorization(const char *expected) {
    i4_err err;
    w.hub.log_count = 0;
    (void)fetch_some(all, &err);
    assert_true(w.hub.log_count > 0);
    assert_string_equal(w.hub.log[0].authorization, expected);
}

static void hub_token_sources_have_their_order(void **state) {
    (void)state;
    make_weights(10);
    fake_hub_run(&w.hub);
    expect_authorization("");
    folder_write(&w.cache, "token", "hf_home\n");
    expect_authorization("Bearer hf_home");
    folder_write(&w.cache, "elsewhere", "\n hf_else where\r\n");
    setenv("HF_TOKEN_PATH", folder_at(&w.cache, "elsewhere"), 1);
    fetch_badly(all, I4_E_INVALID_ARGUMENT, "characters that no token has");
    folder_write(&w.cache, "elsewhere", "\n hf_else\r\n");
    expect_authorization("Bearer hf_else");
    setenv("HUGGING_FACE_HUB_TOKEN", "hf_older", 1);
    expect_authorization("Bearer hf_older");
    setenv("HF_TOKEN", " \n", 1);
    expect_authorization("Bearer hf_older");
    setenv("HF_TOKEN", TOKEN, 1);
    expect_authorization("Bearer " TOKEN);
    setenv("HF_HUB_DISABLE_IMPLICIT_TOKEN", "Yes", 1);
    expect_authorization("");
}

static void hub_token_is_kept_from_a_redirect_target(void **state) {
    (void)state;
    char location[128];
    add_file("config.json", 100, false);
    setenv("HF_TOKEN", TOKEN, 1);
    /* The hub answers every request by sending it to another port. */
    snprintf(location, sizeof location, "Location: http://127.0.0.1:%d/bytes/0\r\n",
             w.hub.network_port);
    w.hub.failing = "/";
    w.hub.failing_times = 1000;
    w.hub.failing_status = 307;
    w.hub.failing_header = location;
    fake_hub_run(&w.hub);
    i4_err err;
    assert_false(fetch_some(all, &err));
    assert_int_equal(fake_hub_count(&w.hub, 'c', "", ""), 0);
    expect_no_token_at_network();
}

static void hub_renamed_repository_is_followed(void **state) {
    (void)state;
    add_split_model();
    w.hub.old_repo = "Someone/old-name";
    setenv("HF_TOKEN", TOKEN, 1);
    w.hub.token = TOKEN;
    fake_hub_run(&w.hub);
    const i4_hub_options options = {.repo = "Someone/old-name"};
    i4_err err;
    if (!fetch_with(&options, hurried, &err)) {
        fail_msg("%s", err.text);
    }
    assert_non_null(strstr(w.found, "models--Someone--old-name/snapshots/" COMMIT));
    assert_true(i4_hub_find("Someone/old-name", NULL, w.found, sizeof w.found, NULL));
    expect_no_token_at_network();
}

/* --- cut connections ------------------------------------------------------------------------ */

static void cut_everywhere(bool with_resets) {
    uint32_t x = 20260608;
    for (int i = 0; i < 100; i++) {
        x = x * 1664525 + 1013904223;
        w.hub.cuts[i] = (long)(x >> 8);
    }
    w.hub.cut_count = 100;
    w.hub.cuts_reset = with_resets;
}

/* Each request after a cut begins at most one chunk before the place of the cut. */
static void expect_little_loss(void) {
    long long from[FAKE_CUTS_MOST + 1];
    int gets = 0;
    for (size_t i = 0; i < w.hub.log_count; i++) {
        if (w.hub.log[i].port == 'c') {
            assert_true(gets <= FAKE_CUTS_MOST);
            from[gets++] = w.hub.log[i].from < 0 ? 0 : w.hub.log[i].from;
        }
    }
    assert_int_equal(gets, w.hub.cuts_done + 1);
    for (int i = 0; i < w.hub.cuts_done; i++) {
        if (w.hub.sent[i] >= 0) {
            assert_true(from[i + 1] <= w.hub.sent[i]);
            assert_true(w.hub.sent[i] - from[i + 1] <= MIB);
        }
    }
}

static const i4_hub_patience stubborn = {.retries = 200, .pause_seconds = 0};

static void fetch_stubbornly(void) {
    const i4_hub_options options = {.repo = REPO, .patterns = all};
    i4_err err;
    if (!fetch_with(&options, stubborn, &err)) {
        fail_msg("%s", err.text);
    }
}

static void hub_hundred_cuts_in_one_fetch_lose_little(void **state) {
    (void)state;
    make_weights(3 * MIB + 17);
    cut_everywhere(false);
    for (int i = 0; i < 100; i++) { /* small steps, so that all of them happen */
        w.hub.cuts[i] %= 60000;
    }
    fake_hub_run(&w.hub);
    fetch_stubbornly();
    assert_int_equal(w.hub.cuts_done, 100);
    expect_little_loss();
    expect_file(WEIGHTS);
}

/* Each cut ends one fetch for good, as if the program had been killed; the next one resumes. */
static void hub_hundred_interrupted_fetches_resume(void **state) {
    (void)state;
    const i4_hub_patience none = {.retries = 0};
    const i4_hub_options options = {.repo = REPO, .patterns = all};
    make_weights(3 * MIB + 17);
    cut_everywhere(false);
    fake_hub_run(&w.hub);
    while (w.hub.cuts_done < 100) {
        i4_err err;
        if (!fetch_with(&options, none, &err)) {
            assert_int_equal(err.status, I4_E_IO);
            expect_no_file(WEIGHTS);
            assert_true(is_there(blob_name(WEIGHTS, ".incomplete")));
        }
        if (is_there(blob_name(WEIGHTS, ""))) { /* all over again */
            expect_file(WEIGHTS);
            assert_int_equal(unlink(folder_at(&w.cache, blob_name(WEIGHTS, ""))), 0);
        }
        if (w.hub.log_count > 1000) {
            w.hub.log_count = 0;
        }
    }
    w.hub.cut_count = 0;
    fetch_stubbornly();
    expect_file(WEIGHTS);
}

static void hub_reset_connections_end_well_too(void **state) {
    (void)state;
    make_weights(2 * MIB);
    cut_everywhere(true);
    fake_hub_run(&w.hub);
    fetch_stubbornly();
    expect_file(WEIGHTS);
}

static void hub_server_without_ranges_is_read_from_the_start(void **state) {
    (void)state;
    make_weights(300000);
    w.hub.has_no_ranges = true;
    w.hub.cuts[0] = 100000;
    w.hub.cuts[1] = 250000;
    w.hub.cuts[2] = 50000;
    w.hub.cut_count = 3;
    fake_hub_run(&w.hub);
    fetch_well(all);
    expect_file(WEIGHTS);
    assert_int_equal(fake_hub_count(&w.hub, 'c', "GET", ""), 4);
}

static void hub_range_from_elsewhere_is_not_appended(void **state) {
    (void)state;
    make_weights(300000);
    w.hub.has_wrong_ranges = true;
    w.hub.cuts[0] = 100000;
    w.hub.cut_count = 1;
    fake_hub_run(&w.hub);
    fetch_well(all);
    expect_file(WEIGHTS);
}

static void hub_longer_content_than_announced_is_refused(void **state) {
    (void)state;
    make_weights(1000);
    w.hub.sends_too_much = true;
    fake_hub_run(&w.hub);
    fetch_badly(all, I4_E_FORMAT, "more of weights.safetensors");
    expect_no_file(WEIGHTS);
}

static void hub_complete_leftover_is_not_fetched_again(void **state) {
    (void)state;
    make_weights(4000);
    folder_sub(&w.cache, FOLDER "/blobs");
    assert_true(i4_file_write(folder_at(&w.cache, blob_name(WEIGHTS, ".incomplete")),
                              w.files[0].bytes, 4000, NULL));
    fake_hub_run(&w.hub);
    fetch_well(all);
    expect_file(WEIGHTS);
    assert_int_equal(fake_hub_count(&w.hub, 'c', "", ""), 0);
}

static void hub_damaged_leftover_is_fetched_anew(void **state) {
    (void)state;
    static const size_t sizes[] = {1, 3999, 4000, 4001, 9000};
    make_weights(4000);
    folder_sub(&w.cache, FOLDER "/blobs");
    fake_hub_run(&w.hub);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        char *zeros = calloc(1, sizes[i]);
        assert_non_null(zeros);
        assert_true(i4_file_write(folder_at(&w.cache, blob_name(WEIGHTS, ".incomplete")), zeros,
                                  sizes[i], NULL));
        free(zeros);
        fetch_well(all);
        expect_file(WEIGHTS);
        assert_int_equal(unlink(folder_at(&w.cache, blob_name(WEIGHTS, ""))), 0);
    }
}

static void hub_truncated_blob_is_replaced(void **state) {
    (void)state;
    make_weights(4000);
    folder_sub(&w.cache, FOLDER "/blobs");
    folder_write(&w.cache, blob_name(WEIGHTS, ""), "short");
    fake_hub_run(&w.hub);
    fetch_well(all);
    expect_file(WEIGHTS);
}

/* --- wrong content -------------------------------------------------------------------------- */

static void hub_wrong_hash_never_looks_complete(void **state) {
    (void)state;
    add_file("config.json", 3000, false); /* comes first; weights come last */
    make_weights(70000);
    w.hub.damaged_times = 1000;
    fake_hub_run(&w.hub);
    for (size_t i = 0; i < 2; i++) {
        w.hub.damaged = w.files[i].name;
        fetch_badly(all, I4_E_FORMAT, "another hash");
        fetch_badly(all, I4_E_FORMAT, w.files[i].name);
        expect_no_file(i);
        assert_false(is_there(blob_name(i, ".incomplete")));
        assert_false(is_there(FOLDER "/refs/main"));
    }
    w.hub.damaged = NULL;
    fetch_well(all);
    expect_file(0);
    expect_file(1);
}

static void hub_unknown_etag_is_checked_by_length_with_a_warning(void **state) {
    (void)state;
    add_file("config.json", 3000, false);
    snprintf(w.files[0].etag, sizeof w.files[0].etag, "some-tag");
    fake_hub_run(&w.hub);
    fetch_well(all);
    expect_file(0);
    expect_log("no hash");
}

static void hub_hostile_names_are_refused(void **state) {
    (void)state;
    static const char *const names[] = {"../evil",
                                        "a/../../evil",
                                        "/etc/passwd",
                                        "a//b",
                                        "a\\\\..\\\\b",
                                        "a\\u0000b",
                                        ".",
                                        "..",
                                        "./a",
                                        "a/.",
                                        "a/",
                                        "",
                                        "a\\nb",
                                        "C:\\\\x",
                                        "a/\\u007f",
                                        "a/..",
                                        "refs/../../../x"};
    char listing[1024];
    make_weights(100);
    fake_hub_run(&w.hub);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(listing, sizeof listing,
                 "{\"sha\":\"" COMMIT "\",\"siblings\":[{\"rfilename\":\"weights.safetensors\"},"
                 "{\"rfilename\":\"%s\"}]}",
                 names[i]);
        w.hub.listing = listing;
        fetch_badly(all, I4_E_FORMAT, "");
        fetch_badly(NULL, I4_E_FORMAT, "");
        expect_no_file(0);
        assert_int_equal(fake_hub_count(&w.hub, 0, "", "/resolve/"), 0);
    }
}

static void hub_hostile_commits_and_listings_are_refused(void **state) {
    (void)state;
    static const char *const listings[] = {
        "",
        "<html>",
        "[]",
        "{}",
        "{\"sha\":\"" COMMIT "\"}",
        "{\"sha\":\"" COMMIT "\",\"siblings\":{}}",
        "{\"sha\":\"" COMMIT "\",\"siblings\":[{}]}",
        "{\"sha\":\"" COMMIT "\",\"siblings\":[7]}",
        "{\"sha\":\"" COMMIT "\",\"siblings\":[{\"rfilename\":7}]}",
        "{\"sha\":\"../../x\",\"siblings\":[]}",
        "{\"sha\":\"0123456789abcdef0123456789abcdef0123456/\",\"siblings\":[]}",
        "{\"sha\":\"0123456789ABCDEF0123456789abcdef01234567\",\"siblings\":[]}",
        "{\"sha\":7,\"siblings\":[]}"};
    make_weights(100);
    fake_hub_run(&w.hub);
    for (size_t i = 0; i < sizeof listings / sizeof *listings; i++) {
        w.hub.listing = listings[i];
        fetch_badly(all, I4_E_FORMAT, "");
    }
    w.hub.listing = "{\"sha\":\"" COMMIT "\",\"siblings\":[]}";
    fetch_badly(all, I4_E_NOT_FOUND, "none of the files");
}

static void hub_hostile_etags_are_refused(void **state) {
    (void)state;
    static const char *const etags[] = {"../../../evil", "/tmp/evil", ".evil", "a/b", "..", ""};
    make_weights(100);
    fake_hub_run(&w.hub);
    for (size_t i = 0; i < sizeof etags / sizeof *etags; i++) {
        snprintf(w.files[0].etag, sizeof w.files[0].etag, "%s", etags[i]);
        fetch_badly(all, I4_E_FORMAT, "");
        assert_int_equal(fake_hub_count(&w.hub, 'c', "", ""), 0);
    }
}

static void hub_hostile_locations_are_refused(void **state) {
    (void)state;
    static const char *const locations[] = {"file:///etc/passwd", "ftp://127.0.0.1/x", "http://",
                                            "http://user@127.0.0.1/x", "gopher:x"};
    make_weights(100);
    fake_hub_run(&w.hub);
    for (size_t i = 0; i < sizeof locations / sizeof *locations; i++) {
        i4_err err;
        w.hub.location = locations[i];
        assert_false(fetch_some(all, &err));
        expect_no_file(0);
    }
}

static void hub_hostile_revisions_are_refused(void **state) {
    (void)state;
    static const char *const revisions[] = {"../x", "/x", "a/../b", "a\\b", "a\nb", "a//b", "."};
    fake_hub_run(&w.hub);
    for (size_t i = 0; i < sizeof revisions / sizeof *revisions; i++) {
        const i4_hub_options options = {.repo = REPO, .revision = revisions[i]};
        i4_err err = {0};
        assert_false(i4_hub_fetch(&options, w.found, sizeof w.found, &err));
        assert_int_equal(err.status, I4_E_INVALID_ARGUMENT);
        assert_false(i4_hub_find(REPO, revisions[i], w.found, sizeof w.found, &err));
        assert_int_equal(err.status, I4_E_INVALID_ARGUMENT);
    }
    assert_int_equal(fake_hub_count(&w.hub, 0, "", ""), 0);
}

/* --- a hub with moods ----------------------------------------------------------------------- */

static void fail_requests(const char *target, int times, int status, const char *header) {
    w.hub.failing = target;
    w.hub.failing_times = times;
    w.hub.failing_status = status;
    w.hub.failing_header = header;
}

static void hub_rate_limit_is_waited_for(void **state) {
    (void)state;
    make_weights(1000);
    fail_requests("/api/", 2, 429, "Retry-After: 0\r\n");
    fake_hub_run(&w.hub);
    fetch_well(all);
    assert_int_equal(fake_hub_count(&w.hub, 'h', "GET", "/api/"), 3);
    assert_int_equal(unlink(folder_at(&w.cache, SNAPSHOT "/weights.safetensors")), 0);
    assert_int_equal(unlink(folder_at(&w.cache, blob_name(0, ""))), 0);
    fail_requests("/bytes/", 1, 429, "Retry-After: 1\r\n");
    const double before = i4_seconds();
    fetch_well(all);
    assert_true(i4_seconds() - before >= 1); /* a lower bound: the server asked for it */
    expect_file(0);
}

static void hub_long_rate_limit_is_reported(void **state) {
    (void)state;
    make_weights(1000);
    fail_requests("/", 1000, 429, "Retry-After: 7200\r\n");
    fake_hub_run(&w.hub);
    fetch_badly(all, I4_E_IO, "7200 seconds");
}

static void hub_server_errors_pass(void **state) {
    (void)state;
    static const char *const targets[] = {"/api/", "/resolve/", "/bytes/"};
    static const int statuses[] = {500, 503, 0}; /* 0: the connection just ends */
    make_weights(1000);
    fake_hub_run(&w.hub);
    for (size_t i = 0; i < 3; i++) {
        for (size_t k = 0; k < 3; k++) {
            fail_requests(targets[i], 2, statuses[k], NULL);
            fetch_well(all);
            expect_file(0);
            assert_int_equal(unlink(folder_at(&w.cache, SNAPSHOT "/weights.safetensors")), 0);
            assert_int_equal(unlink(folder_at(&w.cache, blob_name(0, ""))), 0);
        }
    }
}

static void hub_lasting_server_errors_are_reported(void **state) {
    (void)state;
    make_weights(1000);
    fail_requests("/bytes/", 1000, 502, NULL);
    fake_hub_run(&w.hub);
    fetch_badly(all, I4_E_IO, "502");
    assert_int_equal(fake_hub_count(&w.hub, 'c', "", ""), hurried.retries + 1);
    expect_no_file(0);
}

static void hub_expired_address_is_asked_for_again(void **state) {
    (void)state;
    make_weights(1000);
    w.hub.expired_times = 2;
    fake_hub_run(&w.hub);
    fetch_well(all);
    expect_file(0);
    assert_int_equal(fake_hub_count(&w.hub, 'c', "GET", ""), 3);
    assert_int_equal(fake_hub_count(&w.hub, 'h', "HEAD", "/resolve/"), 2 + 2);
    assert_int_equal(unlink(folder_at(&w.cache, SNAPSHOT "/weights.safetensors")), 0);
    assert_int_equal(unlink(folder_at(&w.cache, blob_name(0, ""))), 0);
    w.hub.expired_times = 1000;
    fetch_badly(all, I4_E_IO, "status 403");
}

/* --- without a network ---------------------------------------------------------------------- */

static void hub_without_network_the_copy_is_used_with_a_warning(void **state) {
    (void)state;
    add_split_model();
    fake_hub_run(&w.hub);
    fetch_well(NULL);
    const char *expected = i4_strdup(w.found);
    assert_non_null(expected);
    setenv("HF_ENDPOINT", "http://127.0.0.1:1", 1);
    fetch_well(NULL);
    assert_string_equal(w.found, expected);
    expect_log("copy in the cache");
    assert_int_equal(unlink(folder_at(&w.cache, blob_name(4, ""))), 0); /* vae: dangles now */
    fetch_badly(NULL, I4_E_IO, "127.0.0.1:1");
    i4_free((void *)(uintptr_t)expected);
}

static void hub_lasting_errors_of_the_hub_count_as_no_network(void **state) {
    (void)state;
    add_split_model();
    fake_hub_run(&w.hub);
    fetch_well(NULL);
    fail_requests("/api/", 1000, 503, NULL);
    fetch_well(NULL);
    expect_log("copy in the cache");
    /* but a refusal is a refusal */
    fail_requests("/api/", 1000, 403, NULL);
    fetch_badly(NULL, I4_E_INVALID_ARGUMENT, "token");
}

static void hub_offline_touches_no_network(void **state) {
    (void)state;
    add_split_model();
    fake_hub_run(&w.hub);
    setenv("HF_HUB_OFFLINE", "1", 1);
    fetch_badly(NULL, I4_E_NOT_FOUND, "HF_HUB_OFFLINE");
    assert_int_equal(fake_hub_count(&w.hub, 0, "", ""), 0);
    setenv("HF_HUB_OFFLINE", "0", 1);
    fetch_well(NULL);
    const int before = fake_hub_count(&w.hub, 0, "", "");
    setenv("HF_HUB_OFFLINE", "TRUE", 1);
    fetch_well(NULL);
    static const char *const some[] = {"*.json", "tokenizer/", NULL};
    static const char *const more[] = {"*.json", "*.bin", NULL};
    fetch_well(some);
    fetch_badly(more, I4_E_NOT_FOUND, "HF_HUB_OFFLINE");
    assert_int_equal(fake_hub_count(&w.hub, 0, "", ""), before);
}

static void hub_bad_settings_are_named(void **state) {
    (void)state;
    setenv("HF_HUB_ETAG_TIMEOUT", "soon", 1);
    fetch_badly(all, I4_E_INVALID_ARGUMENT, "HF_HUB_ETAG_TIMEOUT");
    setenv("HF_ENDPOINT", "huggingface.co", 1);
    fetch_badly(all, I4_E_INVALID_ARGUMENT, "HF_ENDPOINT");
}

/* --- cancelling ----------------------------------------------------------------------------- */

static bool stop_when_stalled(const i4_hub_progress *p, void *user) {
    (void)p;
    (void)user;
    return !fake_hub_is_stalled(&w.hub);
}

static void hub_cancelled_download_goes_on_later(void **state) {
    (void)state;
    make_weights(500000);
    w.hub.stall_after = 200000;
    fake_hub_run(&w.hub);
    const i4_hub_options options = {.repo = REPO, .patterns = all, .progress = stop_when_stalled};
    i4_err err;
    assert_false(fetch_with(&options, hurried, &err));
    assert_int_equal(err.status, I4_E_CANCELLED);
    expect_no_file(0);
    uint64_t have;
    assert_true(i4_hub_file_size(folder_at(&w.cache, blob_name(0, ".incomplete")), &have));
    assert_true(have > 0 && have <= 200000);
    w.hub.stall_after = -1;
    fetch_well(all);
    expect_file(0);
    assert_int_equal(w.hub.log[w.hub.log_count - 1].from, have);
}

static bool never(const i4_hub_progress *p, void *user) {
    (void)p;
    (void)user;
    return false;
}

static void hub_cancel_before_the_first_byte_is_a_cancel(void **state) {
    (void)state;
    make_weights(500000);
    fake_hub_run(&w.hub);
    const i4_hub_options options = {.repo = REPO, .patterns = all, .progress = never};
    i4_err err = {0};
    assert_false(i4_hub_fetch(&options, w.found, sizeof w.found, &err));
    assert_int_equal(err.status, I4_E_CANCELLED);
    expect_no_file(0);
}

/* --- other processes ------------------------------------------------------------------------ */

/* Forks before the hub has threads: the child is a clean process that fetches. Its exit code tells
 * the outcome. */
static pid_t fork_fetch(void) {
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        i4_err err;
        alarm(60);
        const bool is_good = fetch_some(all, &err);
        _exit(is_good ? 0 : 100 - (int)err.status);
    }
    return child;
}

static int outcome_of(pid_t child) {
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void wait_until_stalled(void) {
    for (int i = 0; i < 6000 && !fake_hub_is_stalled(&w.hub); i++) {
        i4_hub_sleep(0.005);
    }
    assert_true(fake_hub_is_stalled(&w.hub));
}

static void hub_two_processes_fetch_once(void **state) {
    (void)state;
    make_weights(400000);
    w.hub.stall_after = 100000;
    const pid_t first = fork_fetch(), second = fork_fetch();
    fake_hub_run(&w.hub);
    wait_until_stalled(); /* one of them holds the lock, in the middle of the file */
    for (int i = 0; i < 6000 && fake_hub_count(&w.hub, 'h', "HEAD", "") < 4; i++) {
        i4_hub_sleep(0.005); /* the other one has looked too, and comes to the lock */
    }
    i4_hub_sleep(0.1);
    assert_int_equal(fake_hub_count(&w.hub, 'c', "GET", ""), 1);
    fake_hub_release(&w.hub);
    assert_int_equal(outcome_of(first), 0);
    assert_int_equal(outcome_of(second), 0);
    fake_hub_settle(&w.hub);
    assert_int_equal(fake_hub_count(&w.hub, 'c', "GET", ""), 1);
    expect_file(0);
}

static void hub_killed_process_leaves_what_the_next_goes_on_with(void **state) {
    (void)state;
    make_weights(400000);
    w.hub.stall_after = 150000;
    const pid_t child = fork_fetch();
    fake_hub_run(&w.hub);
    wait_until_stalled();
    uint64_t have = 0;
    for (int i = 0; i < 6000 && have < 150000; i++) {
        (void)i4_hub_file_size(folder_at(&w.cache, blob_name(0, ".incomplete")), &have);
        i4_hub_sleep(0.005);
    }
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, &(int){0}, 0), child);
    assert_int_equal(have, 150000);
    expect_no_file(0);
    fake_hub_release(&w.hub);
    fake_hub_settle(&w.hub);
    w.hub.stall_after = -1;
    fetch_well(all);
    expect_file(0);
    assert_int_equal(w.hub.log[w.hub.log_count - 1].from, have);
}

static pid_t fork_with_little_disk(size_t bytes) {
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        const struct rlimit most = {bytes, bytes};
        i4_err err;
        alarm(60);
        signal(SIGXFSZ, SIG_IGN);
        if (setrlimit(RLIMIT_FSIZE, &most) != 0 || fetch_some(all, &err)) {
            _exit(1);
        }
        const bool is_clear = strstr(err.text, "make room") != NULL;
        _exit(err.status == I4_E_IO && is_clear ? 0 : 2);
    }
    return child;
}

static void hub_full_disk_is_reported_and_later_resumed(void **state) {
    (void)state;
    make_weights(400000);
    const pid_t child = fork_with_little_disk(123456);
    fake_hub_run(&w.hub);
    assert_int_equal(outcome_of(child), 0);
    fake_hub_settle(&w.hub);
    expect_no_file(0);
    uint64_t have = 0;
    assert_true(i4_hub_file_size(folder_at(&w.cache, blob_name(0, ".incomplete")), &have));
    assert_true(have <= 123456 && have > 0);
    fetch_well(all);
    expect_file(0);
    assert_int_equal(w.hub.log[w.hub.log_count - 1].from, have);
}

static void hub_more_than_the_disk_holds_is_refused_before_it_starts(void **state) {
    (void)state;
    make_weights(1000);
    w.files[0].size = (size_t)1 << 59; /* only announced */
    fake_hub_run(&w.hub);
    fetch_badly(all, I4_E_IO, "HF_HUB_CACHE");
    assert_int_equal(fake_hub_count(&w.hub, 'c', "", ""), 0);
    w.files[0].size = 1000;
}

/* --- finding -------------------------------------------------------------------------------- */

static void write_in(const char *commit, const char *name, const char *text) {
    char path[512], parent[512];
    snprintf(path, sizeof path, FOLDER "/snapshots/%s/%s", commit, name);
    snprintf(parent, sizeof parent, "%.*s", (int)(strrchr(path, '/') - path), path);
    folder_sub(&w.cache, parent);
    folder_write(&w.cache, path, text);
}

static void write_folder_model(const char *commit) {
    static const char index[] =
        "{\"weight_map\":{\"a\":\"x-1.safetensors\",\"b\":\"x-1.safetensors\","
        "\"c\":\"x-2.safetensors\"}}";
    write_in(commit, "vae/diffusion_pytorch_model.safetensors", "v");
    write_in(commit, "transformer/x.safetensors.index.json", index);
    write_in(commit, "transformer/x-1.safetensors", "1");
    write_in(commit, "transformer/x-2.safetensors", "2");
    write_in(commit, "unconditional_transformer/y.safetensors", "y");
    write_in(commit, "text_encoder/model.safetensors", "t");
    write_in(commit, "tokenizer/tokenizer.json", "{}");
}

static void expect_found(const char *revision, bool is_found) {
    i4_err err = {0};
    assert_int_equal(i4_hub_find(REPO, revision, w.found, sizeof w.found, &err), is_found);
    if (!is_found) {
        assert_int_equal(err.status, I4_E_NOT_FOUND);
        assert_non_null(strstr(err.text, "ideogram4 download"));
    }
}

static void hub_snapshot_without_a_shard_is_not_found(void **state) {
    (void)state;
    static const char *const shards[] = {"vae/diffusion_pytorch_model.safetensors",
                                         "transformer/x-1.safetensors",
                                         "transformer/x-2.safetensors",
                                         "unconditional_transformer/y.safetensors",
                                         "text_encoder/model.safetensors",
                                         "tokenizer/tokenizer.json"};
    expect_found(COMMIT, false);
    write_folder_model(COMMIT);
    expect_found(COMMIT, true);
    for (size_t i = 0; i < sizeof shards / sizeof *shards; i++) {
        char path[512];
        snprintf(path, sizeof path, SNAPSHOT "/%s", shards[i]);
        assert_int_equal(unlink(folder_at(&w.cache, path)), 0);
        expect_found(COMMIT, false);
        folder_link(&w.cache, path, "/nowhere/at/all");
        expect_found(COMMIT, false);
        assert_int_equal(unlink(folder_at(&w.cache, path)), 0);
        write_in(COMMIT, shards[i], "again");
        expect_found(COMMIT, true);
    }
    write_in(COMMIT, "transformer/x.safetensors.index.json",
             "{\"weight_map\":{\"a\":\"../../../../secret\"}}");
    expect_found(COMMIT, false);
    write_in(COMMIT, "transformer/x.safetensors.index.json", "no json");
    expect_found(COMMIT, false);
}

static void hub_revisions_are_found_by_their_reference(void **state) {
    (void)state;
    static const char other[] = "89abcdef0123456789abcdef0123456789abcdef";
    write_folder_model(COMMIT);
    write_in(other, "split_model.json", "{}");
    expect_found("main", false);
    expect_found(NULL, true); /* nothing named: the newest whole one */
    assert_non_null(strstr(w.found, COMMIT));
    folder_sub(&w.cache, FOLDER "/refs");
    folder_write(&w.cache, FOLDER "/refs/main", other);
    expect_found("main", false);
    expect_found("", true);
    folder_write(&w.cache, FOLDER "/refs/main", COMMIT);
    expect_found("main", true);
    folder_write(&w.cache, FOLDER "/refs/main", "../../../../etc");
    expect_found("main", false);
}

/* --- every failure of memory and disk -------------------------------------------------------- */

static bool is_honest(const char *name, const fake_file *f) {
    char *data;
    size_t size;
    if (!is_there(name)) {
        return true;
    }
    assert_true(i4_file_read(folder_at(&w.cache, name), MIB, &data, &size, NULL));
    const bool is_right = size == f->size && memcmp(data, f->bytes, size) == 0;
    i4_free(data);
    return is_right;
}

static void hub_every_failing_call_is_reported(void **state) {
    (void)state;
    make_weights(40000);
    add_file("tokenizer/tokenizer.json", 100, false);
    fake_hub_run(&w.hub);
    bool was_hit = true;
    int failures = 0;
    for (int n = 0; was_hit; n++) {
        fault f = {n, false};
        i4_err err;
        assert_true(n < 5000);
        i4_fault_set(fault_nth, &f);
        const bool is_good = fetch_some(all, &err);
        i4_fault_set(NULL, NULL);
        was_hit = f.hit;
        failures += !is_good;
        if (!is_good && (!was_hit || (err.status != I4_E_OUT_OF_MEMORY && err.status != I4_E_IO))) {
            fail_msg("fault %d: '%s'", n, err.text);
        }
        assert_true(is_honest(blob_name(0, ""), &w.files[0]));
        assert_true(is_honest(SNAPSHOT "/weights.safetensors", &w.files[0]));
        path_remove(folder_at(&w.cache, FOLDER));
        w.hub.log_count = 0;
    }
    assert_true(failures > 20);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hub_sha1_meets_the_standards_examples),
        cmocka_unit_test(hub_blob_ids_are_those_of_git),
        cmocka_unit_test(hub_repository_names_are_checked),
        cmocka_unit_test(hub_etags_become_plain_file_names),
        cmocka_unit_test(hub_patterns_match_like_the_python_library),
#define WITH_HUB(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
        WITH_HUB(hub_split_model_arrives_in_the_standard_layout),
        WITH_HUB(hub_folder_model_takes_what_the_layout_needs),
        WITH_HUB(hub_second_fetch_only_lists),
        WITH_HUB(hub_content_known_from_another_commit_is_only_linked),
        WITH_HUB(hub_revision_with_a_slash_is_escaped_and_nested),
        WITH_HUB(hub_commit_as_revision_writes_no_reference),
        WITH_HUB(hub_names_with_special_characters_are_escaped),
        WITH_HUB(hub_token_goes_to_the_hub_and_nowhere_else),
        WITH_HUB(hub_gated_repository_without_token_is_explained),
        WITH_HUB(hub_gated_repository_with_wrong_token_is_explained),
        WITH_HUB(hub_missing_and_private_repositories_are_explained),
        WITH_HUB(hub_missing_revision_and_file_are_named),
        WITH_HUB(hub_token_sources_have_their_order),
        WITH_HUB(hub_token_is_kept_from_a_redirect_target),
        WITH_HUB(hub_renamed_repository_is_followed),
        WITH_HUB(hub_hundred_cuts_in_one_fetch_lose_little),
        WITH_HUB(hub_hundred_interrupted_fetches_resume),
        WITH_HUB(hub_reset_connections_end_well_too),
        WITH_HUB(hub_server_without_ranges_is_read_from_the_start),
        WITH_HUB(hub_range_from_elsewhere_is_not_appended),
        WITH_HUB(hub_longer_content_than_announced_is_refused),
        WITH_HUB(hub_complete_leftover_is_not_fetched_again),
        WITH_HUB(hub_damaged_leftover_is_fetched_anew),
        WITH_HUB(hub_truncated_blob_is_replaced),
        WITH_HUB(hub_wrong_hash_never_looks_complete),
        WITH_HUB(hub_unknown_etag_is_checked_by_length_with_a_warning),
        WITH_HUB(hub_hostile_names_are_refused),
        WITH_HUB(hub_hostile_commits_and_listings_are_refused),
        WITH_HUB(hub_hostile_etags_are_refused),
        WITH_HUB(hub_hostile_locations_are_refused),
        WITH_HUB(hub_hostile_revisions_are_refused),
        WITH_HUB(hub_rate_limit_is_waited_for),
        WITH_HUB(hub_long_rate_limit_is_reported),
        WITH_HUB(hub_server_errors_pass),
        WITH_HUB(hub_lasting_server_errors_are_reported),
        WITH_HUB(hub_expired_address_is_asked_for_again),
        WITH_HUB(hub_without_network_the_copy_is_used_with_a_warning),
        WITH_HUB(hub_lasting_errors_of_the_hub_count_as_no_network),
        WITH_HUB(hub_offline_touches_no_network),
        WITH_HUB(hub_bad_settings_are_named),
        WITH_HUB(hub_cancelled_download_goes_on_later),
        WITH_HUB(hub_cancel_before_the_first_byte_is_a_cancel),
        WITH_HUB(hub_two_processes_fetch_once),
        WITH_HUB(hub_killed_process_leaves_what_the_next_goes_on_with),
        WITH_HUB(hub_full_disk_is_reported_and_later_resumed),
        WITH_HUB(hub_more_than_the_disk_holds_is_refused_before_it_starts),
        WITH_HUB(hub_snapshot_without_a_shard_is_not_found),
        WITH_HUB(hub_revisions_are_found_by_their_reference),
        WITH_HUB(hub_every_failing_call_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
