/* GET /api/magic-prompt/status and POST /api/magic-prompt (docs/http-api.md 8.1 to 8.3), and the
 * table of this module's routes. */
#include "gateway/magic/magic.h"

#include "base/log.h"
#include "base/memory.h"
#include "gateway/checks.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* --- status -------------------------------------------------------------------------------- */

/* The variable that must be set before the provider can be asked; NULL: none. */
static const char *missing_variable(const i4_settings *s) {
    if (!s->magic.enabled) {
        return NULL;
    }
    if (s->magic.local_llama || s->magic.managed_llama) {
        return s->magic.llama_model[0] ? NULL : "IDEOGRAM4_MAGIC_PROMPT_LOCAL_LLAMA_MODEL";
    }
    return i4_magic_needs_key(s) && !s->magic.api_key[0] ? "IDEOGRAM4_MAGIC_PROMPT_API_KEY" : NULL;
}

static void magic_status(i4_http_request *request, i4_http_reply *reply, void *user) {
    i4_gateway *gateway = user;
    const i4_settings *s = gateway->settings;
    const char *missing = missing_variable(s);
    i4_err err = {0};
    (void)request;
    const bool is_probed = s->magic.enabled && !missing;
    const bool is_reachable = is_probed && i4_magic_probe(gateway, &err);
    i4_reply_json(reply, 200,
                  json_pack("{s:b, s:b, s:s, s:s, s:s, s:b, s:b, s:o, s:b, s:s?}", "enabled",
                            s->magic.enabled, "configured", is_reachable, "provider",
                            i4_magic_provider(s), "model", s->magic.model, "base_url",
                            s->magic.base_url, "auth_configured", s->magic.api_key[0] != '\0',
                            "managed_local_llama", s->magic.local_llama || s->magic.managed_llama,
                            "missing_env", missing ? json_pack("[s]", missing) : json_array(),
                            "llm_reachable", is_reachable, "llm_error",
                            is_probed && !is_reachable ? err.text : NULL));
}

/* --- validation ---------------------------------------------------------------------------- */

/* Items are strings. Fills pictures, which has room for max_images. */
static size_t check_items(i4_check *c, const i4_settings *s, const json_t *list,
                          i4_magic_picture *pictures) {
    const size_t count = json_array_size(list);
    for (size_t i = 0; i < count; i++) {
        const char *reason = NULL;
        if (!i4_magic_picture_read(json_string_value(json_array_get(list, i)),
                                   (size_t)s->magic.max_image_bytes, &pictures[i], &reason)) {
            i4_check_rule(c, "images_b64", reason);
            return 0;
        }
    }
    return count;
}

/* *pictures lives as long as the request. */
static size_t check_pictures(i4_check *c, const i4_settings *s, i4_magic_picture **pictures) {
    const json_t *list = i4_check_strings_or_null(c, "images_b64");
    const size_t count = json_array_size(list);
    if (!list || !i4_check_fine(c, "images_b64") || count == 0) {
        return 0;
    }
    if ((int64_t)count > s->magic.max_images) {
        char reason[64];
        snprintf(reason, sizeof reason, "at most %" PRId64 " images are allowed",
                 s->magic.max_images);
        i4_check_rule(c, "images_b64", reason);
        return 0;
    }
    *pictures = i4_req_alloc(c->request, count * sizeof **pictures);
    if (!*pictures) {
        c->out_of_memory = true;
        return 0;
    }
    return check_items(c, s, list, *pictures);
}

static bool is_blank(const char *text) {
    return text[strspn(text, " \t\r\n\v\f")] == '\0';
}

/* False when the reply has been given. */
static bool read_idea(i4_http_request *request, i4_http_reply *reply, const i4_settings *s,
                      i4_magic_idea *idea) {
    i4_check c;
    i4_magic_picture *pictures = NULL;
    i4_check_begin(&c, request);
    idea->text = i4_check_string(&c, "prompt", "", 0, (size_t)s->magic.max_chars);
    idea->width = i4_check_side(&c, s, "width");
    idea->height = i4_check_side(&c, s, "height");
    idea->picture_count = check_pictures(&c, s, &pictures);
    idea->pictures = pictures;
    if (i4_check_fine(&c, "prompt") && is_blank(idea->text) && idea->picture_count == 0) {
        i4_check_rule_body(&c, "a prompt or an image is needed");
    }
    return !i4_check_failed(&c, reply);
}

/* --- the request --------------------------------------------------------------------------- */

/* All messages of the verifier in one sentence. */
static void reply_invalid(i4_http_reply *reply, const json_t *messages) {
    i4_buf text;
    i4_buf_init(&text, 1 << 20);
    i4_buf_adds(&text, "the answer is no valid caption: ");
    for (size_t i = 0; i < json_array_size(messages); i++) {
        i4_buf_addf(&text, "%s%s", i > 0 ? "; " : "",
                    json_string_value(json_array_get(messages, i)));
    }
    i4_reply_json(reply, I4_MAGIC_ANSWER,
                  text.failed ? NULL : json_pack("{s:s}", "error", text.ptr));
    i4_buf_free(&text);
}

static void reply_caption(const i4_settings *s, i4_http_reply *reply, const char *text) {
    i4_err err = {0};
    json_t *messages = NULL;
    json_t *caption = i4_magic_caption(text, &messages, &err);
    if (caption) {
        i4_reply_json(reply, 200,
                      json_pack("{s:o, s:s}", "caption", caption, "model", s->magic.model));
    } else if (json_array_size(messages) > 0) {
        reply_invalid(reply, messages);
    } else {
        i4_reply_error(reply,
                       err.status == I4_E_OUT_OF_MEMORY ? I4_MAGIC_SETTINGS : I4_MAGIC_ANSWER, "%s",
                       err.text);
    }
    json_decref(messages);
}

static void magic_prompt(i4_http_request *request, i4_http_reply *reply, void *user) {
    i4_gateway *gateway = user;
    i4_magic_idea idea = {0};
    if (!read_idea(request, reply, gateway->settings, &idea)) {
        return;
    }
    if (!gateway->settings->magic.enabled) {
        i4_reply_error(reply, 400,
                       "Magic Prompt is not set up: set IDEOGRAM4_MAGIC_PROMPT_PROVIDER or another "
                       "of its variables");
        return;
    }
    char *text = NULL;
    i4_err err = {0};
    const i4_magic_fault fault = i4_magic_ask(gateway, &idea, &text, &err);
    if (fault != I4_MAGIC_FINE) {
        i4_reply_error(reply, (int)fault, "%s", err.text);
    } else {
        reply_caption(gateway->settings, reply, text);
    }
    i4_free(text);
}

const i4_route i4_magic_routes[] = {
    {.method = "GET", .pattern = "/api/magic-prompt/status", .slow = true, .handler = magic_status},
    {.method = "POST",
     .pattern = "/api/magic-prompt",
     .body = I4_BODY_JSON,
     .body_limit = 48 << 20,
     .slow = true,
     .handler = magic_prompt},
    {.method = "POST",
     .pattern = "/api/verify",
     .body = I4_BODY_JSON,
     .body_limit = 4 << 20,
     .handler = i4_verify_route},
    {0}};
