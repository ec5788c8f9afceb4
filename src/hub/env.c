/* The environment of the hub, read and checked once per download. */
#include "hub/env.h"

#include "base/memory.h"
#include "base/os.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { TOKEN_FILE_BYTES = 64 << 10 };

static const char *variable(const char *name) {
    const char *text = getenv(name);
    return text && *text ? text : NULL;
}

static bool is_on(const char *name) {
    static const char *const words[] = {"1", "on", "yes", "true"};
    const char *text = variable(name);
    for (size_t i = 0; text && i < sizeof words / sizeof *words; i++) {
        if (strcasecmp(text, words[i]) == 0) {
            return true;
        }
    }
    return false;
}

static bool read_seconds(const char *name, double *out, i4_err *err) {
    const char *text = variable(name);
    *out = 10;
    if (!text) {
        return true;
    }
    char *end;
    const double value = strtod(text, &end);
    if (end == text || *end || !(value > 0 && value <= 86400)) {
        return i4_fail(err, I4_E_INVALID_ARGUMENT,
                       "%s is '%s', but must be a number of seconds above 0 and at most 86400",
                       name, text);
    }
    *out = value;
    return true;
}

/* --- paths ---------------------------------------------------------------------------------- */

static bool join(char *out, size_t size, i4_err *err, const char *folder, const char *name) {
    const int n = snprintf(out, size, "%s%s%s", folder, *name ? "/" : "", name);
    return (n > 0 && (size_t)n < size) ||
           i4_fail(err, I4_E_INVALID_ARGUMENT, "the path %s/%s is too long", folder, name);
}

/* folder/name, a leading ~ being the home folder. */
static bool expand(char *out, size_t size, i4_err *err, const char *folder, const char *name) {
    const char *home = variable("HOME");
    char whole[I4_LIMIT_PATH_BYTES];
    if (folder[0] != '~' || (folder[1] && folder[1] != '/') || !home) {
        return join(out, size, err, folder, name);
    }
    return join(whole, sizeof whole, err, home, folder[1] ? folder + 2 : "") &&
           join(out, size, err, whole, name);
}

/* <home of huggingface>/name */
static bool in_home(char *out, size_t size, i4_err *err, const char *name) {
    char folder[I4_LIMIT_PATH_BYTES];
    const char *home = variable("HF_HOME");
    if (home) {
        return expand(out, size, err, home, name);
    }
    const char *caches = variable("XDG_CACHE_HOME");
    if (!caches && !variable("HOME")) {
        return i4_fail(err, I4_E_INVALID_ARGUMENT,
                       "there is no home folder to keep models in; set HF_HOME to a folder");
    }
    return expand(folder, sizeof folder, err, caches ? caches : "~/.cache", "huggingface") &&
           join(out, size, err, folder, name);
}

static bool find_cache(char *out, size_t size, i4_err *err) {
    const char *cache = variable("HF_HUB_CACHE");
    cache = cache ? cache : variable("HUGGINGFACE_HUB_CACHE");
    return cache ? expand(out, size, err, cache, "") : in_home(out, size, err, "hub");
}

/* --- token ---------------------------------------------------------------------------------- */

/* Line ends do not belong to a token wherever they stand, blanks not at its ends. */
static bool keep_token(const char *text, const char *source, i4_hub_env *env, i4_err *err) {
    size_t length = 0;
    text += strspn(text, " \t\r\n");
    for (const char *c = text; *c; c++) {
        if (*c == '\r' || *c == '\n') {
            continue;
        }
        if (length + 1 >= sizeof env->token) {
            env->token[0] = '\0';
            return i4_fail(err, I4_E_INVALID_ARGUMENT,
                           "the token in %s is too long to be one; copy it again", source);
        }
        env->token[length++] = *c;
    }
    while (length > 0 && (env->token[length - 1] == ' ' || env->token[length - 1] == '\t')) {
        length--;
    }
    env->token[length] = '\0';
    for (size_t i = 0; i < length; i++) {
        if (env->token[i] <= ' ' || env->token[i] > '~') {
            env->token[0] = '\0';
            return i4_fail(err, I4_E_INVALID_ARGUMENT,
                           "the token in %s has characters that no token has; copy it again",
                           source);
        }
    }
    return true;
}

static bool read_token_file(i4_hub_env *env, i4_err *err) {
    char path[I4_LIMIT_PATH_BYTES];
    const char *named = variable("HF_TOKEN_PATH");
    if (!(named ? expand(path, sizeof path, err, named, "")
                : in_home(path, sizeof path, err, "token"))) {
        return false;
    }
    if (i4_path_look(path) == I4_PATH_NONE) {
        return true;
    }
    char *text;
    size_t size;
    if (!i4_file_read(path, TOKEN_FILE_BYTES, &text, &size, err)) {
        return false;
    }
    const bool is_kept = keep_token(text, path, env, err);
    memset(text, 0, size);
    i4_free(text);
    return is_kept;
}

static bool find_token(i4_hub_env *env, i4_err *err) {
    static const char *const names[] = {"HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"};
    if (is_on("HF_HUB_DISABLE_IMPLICIT_TOKEN")) {
        return true;
    }
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *text = variable(names[i]);
        if (text && !keep_token(text, names[i], env, err)) {
            return false;
        }
        if (env->token[0]) {
            return true;
        }
    }
    return read_token_file(env, err);
}

/* --- all ------------------------------------------------------------------------------------ */

static bool find_endpoint(i4_hub_env *env, i4_err *err) {
    const char *text = variable("HF_ENDPOINT");
    text = text ? text : "https://huggingface.co";
    size_t length = strlen(text);
    while (length > 0 && text[length - 1] == '/') {
        length--;
    }
    const bool has_scheme =
        strncasecmp(text, "http://", 7) == 0 || strncasecmp(text, "https://", 8) == 0;
    if (!has_scheme || length >= sizeof env->endpoint || strpbrk(text, " \t\r\n?#@")) {
        return i4_fail(err, I4_E_INVALID_ARGUMENT,
                       "HF_ENDPOINT must be an address like https://huggingface.co, without "
                       "user, query or blanks");
    }
    memcpy(env->endpoint, text, length);
    env->endpoint[length] = '\0';
    return true;
}

bool i4_hub_env_local(i4_hub_env *env, i4_err *err) {
    *env = (i4_hub_env){.offline = is_on("HF_HUB_OFFLINE")};
    return find_cache(env->cache, sizeof env->cache, err);
}

bool i4_hub_env_remote(i4_hub_env *env, i4_err *err) {
    return find_endpoint(env, err) && find_token(env, err) &&
           read_seconds("HF_HUB_ETAG_TIMEOUT", &env->etag_seconds, err) &&
           read_seconds("HF_HUB_DOWNLOAD_TIMEOUT", &env->download_seconds, err);
}
