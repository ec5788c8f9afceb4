/* Checks of names, escaping, and which files of a repository a model needs. */
#include "hub/names.h"

#include "hub/hub_os.h"

#include <stdio.h>
#include <string.h>

enum { REPO_NAME_MOST = 96, REVISION_MOST = 255, PART_MOST = 255 };

const char *const i4_hub_split_files[] = {
    "split_model.json",
    "config.json",
    "model_index.json",
    "scheduler_scheduler_config.json",
    "quantize_config.json",
    "conditional_transformer_config.json",
    "unconditional_transformer_config.json",
    "text_encoder_config.json",
    "vae_config.json",
    "tokenizer/tokenizer.json",
    "tokenizer/tokenizer_config.json",
    "tokenizer/chat_template.jinja",
    "vae.safetensors",
    "text_encoder.safetensors",
    "conditional_transformer.safetensors",
    "unconditional_transformer.safetensors",
    NULL,
};

const char *const i4_hub_folder_patterns[] = {
    "model_index.json",
    "scheduler/*.json",
    "tokenizer/**",
    "vae/*.safetensors",
    "vae/*.json",
    "transformer/*.safetensors",
    "transformer/*.json",
    "unconditional_transformer/*.safetensors",
    "unconditional_transformer/*.json",
    "text_encoder/*.safetensors",
    "text_encoder/*.json",
    NULL,
};

static bool is_letter_or_digit(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool is_plain(char c) {
    return is_letter_or_digit(c) || c == '.' || c == '_' || c == '-';
}

static bool is_hex(const char *text, size_t length) {
    for (size_t i = 0; i < length; i++) {
        if (!(text[i] >= '0' && text[i] <= '9') && !(text[i] >= 'a' && text[i] <= 'f')) {
            return false;
        }
    }
    return text[length] == '\0';
}

bool i4_hub_is_commit(const char *text) {
    return strlen(text) == I4_HUB_COMMIT_BYTES - 1 && is_hex(text, I4_HUB_COMMIT_BYTES - 1);
}

/* --- repository and revision ---------------------------------------------------------------- */

static bool is_repo_part(i4_str part) {
    if (part.len == 0 || part.len > REPO_NAME_MOST) {
        return false;
    }
    for (size_t i = 0; i < part.len; i++) {
        if (!is_plain(part.ptr[i])) {
            return false;
        }
    }
    const char first = part.ptr[0], last = part.ptr[part.len - 1];
    return first != '-' && first != '.' && last != '-' && last != '.';
}

bool i4_hub_repo_check(const char *repo, i4_err *err) {
    const char *slash = repo ? strchr(repo, '/') : NULL;
    const i4_str owner = i4_str_of(repo, slash ? (size_t)(slash - repo) : 0);
    const i4_str name = i4_str_c(slash ? slash + 1 : repo);
    if (!repo || (slash && !is_repo_part(owner)) || !is_repo_part(name) || strstr(repo, "--") ||
        strstr(repo, "..") || i4_str_ends(name, ".git")) {
        return i4_fail(err, I4_E_INVALID_ARGUMENT,
                       "'%.200s' is not the name of a model; it should read like "
                       "MLXBits/ideogram-4-mlx-q8",
                       repo ? repo : "");
    }
    return true;
}

/* Components between slashes: none empty, "." or "..", none too long, no control or backslash. */
static bool is_safe_path(i4_str path) {
    size_t start = 0;
    for (size_t i = 0; i <= path.len; i++) {
        if (i < path.len && path.ptr[i] != '/') {
            const unsigned char c = (unsigned char)path.ptr[i];
            if (c < 0x20 || c == 0x7f || c == '\\') {
                return false;
            }
            continue;
        }
        const i4_str part = i4_str_of(path.ptr + start, i - start);
        if (part.len == 0 || part.len > PART_MOST || i4_str_is(part, ".") ||
            i4_str_is(part, "..")) {
            return false;
        }
        start = i + 1;
    }
    return i4_utf8_valid(path);
}

bool i4_hub_revision_check(const char *revision, i4_err *err) {
    const i4_str name = i4_str_c(revision);
    if (name.len > REVISION_MOST || !is_safe_path(name)) {
        return i4_fail(err, I4_E_INVALID_ARGUMENT,
                       "'%.200s' is not a revision; give a branch, a tag or a commit", revision);
    }
    return true;
}

/* --- what the hub names --------------------------------------------------------------------- */

bool i4_hub_file_check(i4_str name, i4_err *err) {
    if (name.len >= I4_HUB_NAME_BYTES || !is_safe_path(name)) {
        return i4_fail(err, I4_E_FORMAT,
                       "the repository has a file with a name that is not safe here ('%.*s'); "
                       "nothing was downloaded",
                       (int)(name.len < 200 ? name.len : 200), name.ptr);
    }
    return true;
}

bool i4_hub_etag_clean(const char *header, char out[I4_HUB_ETAG_BYTES], i4_err *err) {
    i4_str tag = i4_str_c(header);
    if (i4_str_starts(tag, "W/")) {
        tag = i4_str_of(tag.ptr + 2, tag.len - 2);
    }
    if (tag.len >= 2 && tag.ptr[0] == '"' && tag.ptr[tag.len - 1] == '"') {
        tag = i4_str_of(tag.ptr + 1, tag.len - 2);
    }
    bool is_good = tag.len > 0 && tag.len < I4_HUB_ETAG_BYTES && tag.ptr[0] != '.';
    for (size_t i = 0; is_good && i < tag.len; i++) {
        is_good = is_plain(tag.ptr[i]);
    }
    /* Those endings are names of ours, or of the Python library. */
    if (!is_good || i4_str_ends(tag, ".incomplete") || i4_str_ends(tag, ".lock")) {
        return i4_fail(err, I4_E_FORMAT,
                       "the hub names a content in a way that is not safe as a file name "
                       "('%.100s'); nothing was downloaded",
                       header);
    }
    memcpy(out, tag.ptr, tag.len);
    out[tag.len] = '\0';
    return true;
}

/* --- addresses and patterns ----------------------------------------------------------------- */

void i4_hub_escape(i4_buf *out, const char *text, bool keep_slashes) {
    for (const char *c = text; *c; c++) {
        if (is_plain(*c) || *c == '~' || (*c == '/' && keep_slashes)) {
            i4_buf_addc(out, *c);
        } else {
            i4_buf_addf(out, "%%%02X", (unsigned char)*c);
        }
    }
}

bool i4_hub_matches(const char *pattern, const char *name) {
    char whole[I4_HUB_NAME_BYTES];
    const bool is_folder = i4_str_ends(i4_str_c(pattern), "/");
    const int n = snprintf(whole, sizeof whole, "%s%s", pattern, is_folder ? "*" : "");
    return n > 0 && (size_t)n < sizeof whole && i4_hub_glob(whole, name);
}
