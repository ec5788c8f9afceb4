/* The provider of Magic Prompt: which one, what it is asked (docs/http-api.md 8.4), whether it is
 * there (8.2). The key goes into a header and nowhere else: no log line and no error has it. */
#include "gateway/magic/magic.h"

#include "base/log.h"
#include "base/memory.h"
#include "base/os.h"
#include "gateway/outside.h"
#include "gateway/tasks/tasks.h"
#include "http/wire.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { ANSWER_BYTES_MAX = 8 << 20, PROBE_BYTES_MAX = 4 << 20, NOTE_BYTES = 300 };

/* --- settings ------------------------------------------------------------------------------ */

const char *i4_magic_provider(const i4_settings *s) {
    return s->magic.provider[0]                             ? s->magic.provider
           : s->magic.local_llama || s->magic.managed_llama ? "llama_cpp"
                                                            : "openai_compatible";
}

bool i4_magic_is_llama(const i4_settings *s) {
    const char *name = i4_magic_provider(s);
    return strcmp(name, "llama_cpp") == 0 || strcmp(name, "llama-cpp") == 0 ||
           strcmp(name, "llamacpp") == 0;
}

bool i4_magic_needs_key(const i4_settings *s) {
    return !i4_magic_is_llama(s) && strcmp(i4_magic_provider(s), "openai_compatible") != 0;
}

/* --- addresses ----------------------------------------------------------------------------- */

/* The base address without slashes at its end (I21), and without /v1 if wanted. */
static size_t base_size(const char *base, bool without_version) {
    size_t size = strlen(base);
    while (size > 0 && base[size - 1] == '/') {
        size--;
    }
    if (without_version && size >= 3 && strncmp(base + size - 3, "/v1", 3) == 0) {
        size -= 3;
    }
    return size;
}

enum { URL_BYTES = 1024 + 32 }; /* the setting and one of the paths below */

static void make_url(const i4_settings *s, bool without_version, const char *path, char *out) {
    const int size = (int)base_size(s->magic.base_url, without_version);
    snprintf(out, URL_BYTES, "%.*s%s", size, s->magic.base_url, path);
}

static bool is_loopback(const char *url) {
    static const char *const hosts[] = {"127.0.0.1", "localhost", "[::1]"};
    const char *host = strstr(url, "://");
    host = host ? host + 3 : url;
    for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++) {
        const size_t size = strlen(hosts[i]);
        if (strncasecmp(host, hosts[i], size) == 0 && strchr(":/?#", host[size])) {
            return true; /* strchr finds the end of the text too */
        }
    }
    return false;
}

/* --- calls --------------------------------------------------------------------------------- */

static bool call_provider(i4_gateway *gateway, i4_call *call, i4_answer *answer, i4_err *err) {
    *answer = (i4_answer){0};
    i4_http_client *client = i4_outside_client(err);
    call->go_on = i4_tasks_running;
    call->user = gateway->tasks;
    return client && i4_http_call(client, call, answer, err);
}

static const char *key_of(const i4_settings *s) {
    return s->magic.api_key[0] ? s->magic.api_key : NULL;
}

/* --- the question -------------------------------------------------------------------------- */

static int64_t tokens_max(const i4_settings *s) {
    const int64_t most = s->magic.max_tokens;
    if (!i4_magic_is_llama(s) || s->magic.llama_ctx <= 0) {
        return most;
    }
    const int64_t share = (int64_t)floor(0.55 * (double)s->magic.llama_ctx);
    const int64_t room = share > 512 ? share : 512;
    return most < room ? most : room;
}

static bool settings_fit(const i4_settings *s, const char **token_key, bool *wants_object,
                         i4_err *err) {
    const char *param = s->magic.token_param, *format = s->magic.response_format;
    if (i4_magic_needs_key(s) && !key_of(s)) {
        return i4_fail(err, I4_E_INVALID_ARGUMENT,
                       "the provider \"%s\" needs a key: set IDEOGRAM4_MAGIC_PROMPT_API_KEY",
                       i4_magic_provider(s));
    }
    *token_key = param[0] ? param : "max_tokens";
    if (strcmp(*token_key, "max_tokens") != 0 && strcmp(*token_key, "max_completion_tokens") != 0) {
        return i4_fail(err, I4_E_INVALID_ARGUMENT,
                       "IDEOGRAM4_MAGIC_PROMPT_TOKEN_PARAM is \"%s\"; use max_tokens or "
                       "max_completion_tokens",
                       param);
    }
    *wants_object = strcmp(format, "json_object") == 0;
    return *wants_object || format[0] == '\0' || strcmp(format, "off") == 0 ||
           i4_fail(err, I4_E_INVALID_ARGUMENT,
                   "IDEOGRAM4_MAGIC_PROMPT_RESPONSE_FORMAT is \"%s\"; use json_object or off",
                   format);
}

static bool add_options(const i4_settings *s, bool wants_object, json_t *body) {
    if (wants_object && json_object_set_new(body, "response_format",
                                            json_pack("{s:s}", "type", "json_object")) != 0) {
        return false;
    }
    return !i4_magic_is_llama(s) ||
           (json_object_set_new(body, "chat_template_kwargs",
                                json_pack("{s:b}", "enable_thinking", 0)) == 0 &&
            json_object_set_new(body, "reasoning_format", json_string("none")) == 0);
}

static json_t *question(const i4_settings *s, const i4_magic_idea *idea, i4_err *err) {
    const char *token_key = NULL;
    bool wants_object = false;
    if (!settings_fit(s, &token_key, &wants_object, err)) {
        return NULL;
    }
    json_t *messages = i4_magic_messages(s, idea, err);
    if (!messages) {
        return NULL;
    }
    json_t *body =
        json_pack("{s:s, s:o, s:f, s:I}", "model", s->magic.model, "messages", messages,
                  "temperature", s->magic.temperature, token_key, (json_int_t)tokens_max(s));
    if (!body || !add_options(s, wants_object, body)) {
        json_decref(body);
        i4_fail_memory(err, "the question to the provider", 0);
        return NULL;
    }
    return body;
}

/* --- the answer ---------------------------------------------------------------------------- */

/* The provider's own explanation, for a person; "" when it has none or tells of the key. */
static void provider_note(const i4_settings *s, const json_t *body, char *note, size_t size) {
    const json_t *error = json_object_get(body, "error");
    const char *text =
        json_string_value(json_is_string(error) ? error : json_object_get(error, "message"));
    note[0] = '\0';
    if (text && !(s->magic.api_key[0] && strstr(text, s->magic.api_key))) {
        snprintf(note, size, ": %s", text);
    }
}

static i4_magic_fault refused(const i4_settings *s, const i4_answer *answer, i4_err *err) {
    char note[NOTE_BYTES] = "";
    /* Refusals of a key like to quote it, in part. */
    if (answer->status != 401 && answer->status != 403) {
        json_t *body = i4_answer_json(answer);
        provider_note(s, body, note, sizeof note);
        json_decref(body);
    }
    const char *advice = answer->status == 401 || answer->status == 403
                             ? " (check IDEOGRAM4_MAGIC_PROMPT_API_KEY)"
                         : answer->status == 429 ? " (too many requests; try again later)"
                                                 : "";
    i4_fail(err, I4_E_IO, "the Magic Prompt provider answered HTTP %d%s%s", answer->status, advice,
            note);
    return I4_MAGIC_ANSWER;
}

static const char *text_in(const json_t *message, const char *key) {
    const char *text = json_string_value(json_object_get(message, key));
    return text && text[0] ? text : NULL;
}

static i4_magic_fault take_text(const i4_answer *answer, char **text, i4_err *err) {
    json_t *body = i4_answer_json(answer);
    const json_t *choice = json_array_get(json_object_get(body, "choices"), 0);
    const json_t *message = json_object_get(choice, "message");
    const char *content = text_in(message, "content");
    content = content ? content : text_in(message, "reasoning_content");
    i4_magic_fault fault = I4_MAGIC_FINE;
    if (!content) {
        fault = I4_MAGIC_ANSWER;
        i4_fail(err, I4_E_FORMAT, "the Magic Prompt provider's answer %s",
                !body    ? "is not JSON"
                : choice ? "is empty"
                         : "has no choices");
    } else if (!(*text = i4_strdup(content))) {
        fault = I4_MAGIC_SETTINGS;
        i4_fail_memory(err, "the provider's answer", strlen(content));
    }
    json_decref(body);
    return fault;
}

static i4_magic_fault not_answered(const i4_answer *answer, double seconds, i4_err *err) {
    const i4_err why = *err;
    if (why.status == I4_E_OUT_OF_MEMORY) {
        return I4_MAGIC_SETTINGS;
    }
    if (answer->timed_out) {
        i4_fail(err, I4_E_IO, "the Magic Prompt provider did not answer within %.0f seconds",
                seconds);
        return I4_MAGIC_TIMEOUT;
    }
    i4_fail(err, I4_E_IO, "the Magic Prompt provider gave no answer: %s", why.text);
    return I4_MAGIC_ANSWER;
}

i4_magic_fault i4_magic_ask(i4_gateway *gateway, const i4_magic_idea *idea, char **text,
                            i4_err *err) {
    const i4_settings *s = gateway->settings;
    char url[URL_BYTES];
    *text = NULL;
    json_t *body = question(s, idea, err);
    if (!body) {
        return I4_MAGIC_SETTINGS;
    }
    make_url(s, false, "/chat/completions", url);
    i4_call call = {.method = "POST",
                    .url = url,
                    .token = key_of(s),
                    .json = body,
                    .connect_seconds = s->magic.timeout,
                    .read_seconds = s->magic.timeout,
                    /* an answer that drips without end ends here */
                    .total_seconds = 2 * s->magic.timeout,
                    .answer_limit = ANSWER_BYTES_MAX};
    i4_answer answer;
    const double start = i4_seconds();
    const bool is_answered = call_provider(gateway, &call, &answer, err);
    json_decref(body);
    const i4_magic_fault fault = !is_answered ? not_answered(&answer, s->magic.timeout, err)
                                 : answer.status >= 400 ? refused(s, &answer, err)
                                                        : take_text(&answer, text, err);
    i4_log(I4_LOG_INFO, "magic", "asked the provider status=%d bytes=%zu seconds=%.1f",
           answer.status, answer.size, i4_seconds() - start);
    i4_answer_free(&answer);
    return fault;
}

/* --- the probe ----------------------------------------------------------------------------- */

/* Status of a GET, 0 when nobody answers. */
static int look(i4_gateway *gateway, bool without_version, const char *path, double seconds,
                const char *token, i4_err *err) {
    char url[URL_BYTES];
    i4_answer answer;
    make_url(gateway->settings, without_version, path, url);
    i4_call call = {.url = url,
                    .token = token,
                    .connect_seconds = seconds,
                    .read_seconds = seconds,
                    .total_seconds = seconds,
                    .answer_limit = PROBE_BYTES_MAX};
    const int status = call_provider(gateway, &call, &answer, err) ? answer.status : 0;
    i4_answer_free(&answer);
    return status;
}

static bool is_there(int status, int below, i4_err *err) {
    return (status > 0 && status < below) ||
           (status == 0 ? i4_fail(err, I4_E_IO, "the provider is not reachable: %s", err->text)
                        : i4_fail(err, I4_E_IO, "the provider answered HTTP %d", status));
}

bool i4_magic_probe(i4_gateway *gateway, i4_err *err) {
    const i4_settings *s = gateway->settings;
    const bool is_llama = i4_magic_is_llama(s);
    if (is_llama || is_loopback(s->magic.base_url)) {
        const int status = look(gateway, true, "/health", 3, NULL, err);
        /* Local servers of other makes have no such page (I20). */
        if (status == 200 || status == 0 || is_llama) {
            return is_there(status, 201, err);
        }
    }
    return is_there(look(gateway, false, "/models", 5, key_of(s), err), 500, err);
}
