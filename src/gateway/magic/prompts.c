/* What the language model is told: the system prompt, from files that users may edit, and the
 * user's idea (docs/http-api.md 8.5). */
#include "gateway/magic/magic.h"

#include "base/limits.h"
#include "base/memory.h"
#include "base/os.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { PROMPT_FILE_BYTES = 256 << 10 };

/* --- system -------------------------------------------------------------------------------- */

typedef enum profile { COMPACT, GEMMA, OFFICIAL } profile;

static profile profile_of(const i4_settings *s) {
    const char *name = s->magic.profile;
    if (name[0] == '\0') {
        return i4_magic_is_llama(s) ? COMPACT : OFFICIAL;
    }
    return strcmp(name, "compact_json") == 0 ? COMPACT
           : strcmp(name, "gemma4") == 0     ? GEMMA
                                             : OFFICIAL;
}

static bool add_file(const i4_settings *s, const char *name, i4_buf *text, i4_err *err) {
    char path[I4_LIMIT_PATH_BYTES + 64];
    char *data = NULL;
    size_t size = 0;
    i4_err why = {0};
    snprintf(path, sizeof path, "%s/%s.md", s->magic.prompts_dir, name);
    if (!i4_file_read(path, PROMPT_FILE_BYTES, &data, &size, &why)) {
        return i4_fail(err, why.status, "the system prompt is missing: %s", why.text);
    }
    while (size > 0 && strchr("\r\n\t ", data[size - 1])) {
        size--;
    }
    if (text->len > 0) {
        i4_buf_adds(text, "\n\n");
    }
    i4_buf_add(text, data, size);
    i4_free(data);
    return true;
}

static bool system_prompt(const i4_settings *s, const i4_magic_idea *idea, i4_buf *text,
                          i4_err *err) {
    const profile p = profile_of(s);
    return add_file(s, "compact_json", text, err) &&
           (p != GEMMA || idea->picture_count == 0 || add_file(s, "gemma4", text, err)) &&
           (p != OFFICIAL || add_file(s, "ideogram_official", text, err));
}

/* --- user ---------------------------------------------------------------------------------- */

static int64_t common_divisor(int64_t a, int64_t b) {
    while (b != 0) {
        const int64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a > 0 ? a : 1;
}

static void user_text(const i4_settings *s, const i4_magic_idea *idea, i4_buf *text) {
    const int64_t unit = common_divisor(idea->width, idea->height);
    i4_buf_addf(text, "Target aspect ratio: %" PRId64 ":%" PRId64 " (width to height)\n\n",
                idea->width / unit, idea->height / unit);
    if (profile_of(s) != OFFICIAL) {
        i4_buf_adds(text, "The user's idea:\n");
    }
    i4_buf_adds(text, idea->text);
}

static json_t *picture_part(const i4_magic_picture *picture) {
    i4_buf url;
    i4_buf_init(&url, SIZE_MAX / 2);
    i4_buf_addf(&url, "data:%s;base64,", picture->mime);
    i4_buf_add(&url, picture->base64, picture->size);
    json_t *text = url.failed ? NULL : json_stringn(url.ptr, url.len);
    i4_buf_free(&url);
    return text ? json_pack("{s:s, s:{s:o}}", "type", "image_url", "image_url", "url", text) : NULL;
}

/* With pictures a list of parts, else the text alone. */
static json_t *user_content(const char *text, const i4_magic_idea *idea) {
    if (idea->picture_count == 0) {
        return json_string(text);
    }
    json_t *parts = json_pack("[{s:s, s:s}]", "type", "text", "text", text);
    for (size_t i = 0; parts && i < idea->picture_count; i++) {
        if (json_array_append_new(parts, picture_part(&idea->pictures[i])) != 0) {
            json_decref(parts);
            parts = NULL;
        }
    }
    return parts;
}

json_t *i4_magic_messages(const i4_settings *settings, const i4_magic_idea *idea, i4_err *err) {
    json_t *messages = NULL;
    i4_buf system, user;
    i4_buf_init(&system, 4 * PROMPT_FILE_BYTES);
    i4_buf_init(&user, SIZE_MAX / 2);
    if (system_prompt(settings, idea, &system, err)) {
        user_text(settings, idea, &user);
        json_t *content = user.failed ? NULL : user_content(user.ptr, idea);
        if (system.failed || !content) {
            i4_fail_memory(err, "the question to the provider", user.len);
        } else {
            messages = json_pack("[{s:s, s:s%}, {s:s, s:O}]", "role", "system", "content",
                                 system.ptr, system.len, "role", "user", "content", content);
        }
        if (content && !system.failed && !messages) {
            i4_fail(err, I4_E_FORMAT, "a system prompt in '%s' is not UTF-8; save it so",
                    settings->magic.prompts_dir);
        }
        json_decref(content);
    }
    i4_buf_free(&user);
    i4_buf_free(&system);
    return messages;
}
