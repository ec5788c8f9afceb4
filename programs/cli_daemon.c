/* cli_daemon.c: requests to the model daemon (docs/http-api.md 4), and waiting for what it does. */
#include "cli_daemon.h"

#include "cli_say.h"
#include "cli_settings.h"
#include "cli_stop.h"
#include "cli_text.h"

#include "base/os.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const double health_seconds = 3, call_seconds = 5;
static const double silence_seconds = 1200; /* without news of a load or a LoRA operation */

/* --- opening ----------------------------------------------------------------------------- */

int daemon_open(daemon_talk *talk, const cli_args *args) {
    const i4_settings *settings = cli_settings();
    i4_err err = {0};
    *talk = (daemon_talk){0};
    if (!settings) {
        return CLI_USAGE;
    }
    const char *url =
        args->daemon_url && *args->daemon_url ? args->daemon_url : settings->daemon_url;
    if (strncasecmp(url, "http://", 7) != 0 && strncasecmp(url, "https://", 8) != 0) {
        say_error("--daemon-url needs an address like http://127.0.0.1:8001, not \"%s\"", url);
        return CLI_USAGE;
    }
    talk->http = i4_http_client_new(&err);
    if (!talk->http) {
        say_error("%s", err.text);
        return CLI_FAILED;
    }
    talk->url = cli_copy(url);
    for (size_t size = strlen(talk->url); size > 0 && talk->url[size - 1] == '/'; size--) {
        talk->url[size - 1] = '\0';
    }
    talk->token = *settings->access_token ? cli_copy(settings->access_token) : NULL;
    talk->patience = settings->daemon_timeout;
    return CLI_OK;
}

void daemon_close(daemon_talk *talk) {
    i4_http_client_free(talk->http);
    free(talk->token);
    free(talk->url);
    *talk = (daemon_talk){0};
}

/* --- calls ------------------------------------------------------------------------------- */

const char *json_text(const json_t *object, const char *key) {
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

/* False when no answer came; any status is an answer. */
static bool call(daemon_talk *talk, const char *method, const char *path, json_t *body,
                 double seconds, i4_answer *answer, i4_err *err) {
    char *url = cli_format("%s%s", talk->url, path);
    const i4_call wanted = {
        .method = method,
        .url = url,
        .token = talk->token,
        .json = body,
        .connect_seconds = seconds < call_seconds ? seconds : call_seconds,
        .read_seconds = seconds,
        .total_seconds = seconds,
    };
    const bool has_answer = i4_http_call(talk->http, &wanted, answer, err);
    free(url);
    return has_answer;
}

bool daemon_is_there(daemon_talk *talk, i4_err *err) {
    i4_answer answer;
    bool is_there = call(talk, "GET", "/health", NULL, health_seconds, &answer, err);
    if (is_there && (answer.status < 200 || answer.status > 299)) {
        is_there =
            i4_fail(err, I4_E_IO, "what listens there answers /health with %d", answer.status);
    }
    i4_answer_free(&answer);
    return is_there;
}

/* `error` of the body, else `detail` as a text or as a list, else the status. */
static void say_refusal(const i4_answer *answer, const char *method, const char *path) {
    json_t *body = i4_answer_json(answer);
    const json_t *detail = json_object_get(body, "detail");
    const char *text = json_text(body, "error");
    text = *text ? text : json_text(body, "detail");
    text = *text ? text : json_text(json_array_get(detail, 0), "msg");
    if (*text) {
        say_error("the model daemon refuses: %s", text);
    } else {
        say_error("the model daemon answers %s %s with %d", method, path, answer->status);
    }
    json_decref(body);
}

static int bytes_of(daemon_talk *talk, const char *method, const char *path, json_t *body,
                    double seconds, i4_answer *answer) {
    i4_err err = {0};
    if (!call(talk, method, path, body, seconds, answer, &err)) {
        say_progress_end();
        say_error("%s", err.text);
        return 0;
    }
    if (answer->status < 200 || answer->status > 299) {
        say_progress_end();
        say_refusal(answer, method, path);
        return 0;
    }
    return 1;
}

int daemon_bytes(daemon_talk *talk, const char *method, const char *path, double seconds,
                 i4_answer *answer) {
    return bytes_of(talk, method, path, NULL, seconds, answer);
}

static json_t *object_of(daemon_talk *talk, const char *method, const char *path, json_t *body,
                         double seconds) {
    i4_answer answer;
    json_t *object = NULL;
    if (bytes_of(talk, method, path, body, seconds, &answer)) {
        object = i4_answer_json(&answer);
        if (!json_is_object(object)) {
            json_decref(object);
            object = NULL;
            say_progress_end();
            say_error("the answer of %s%s is no JSON object: is that a model daemon?", talk->url,
                      path);
        }
    }
    i4_answer_free(&answer);
    json_decref(body);
    return object;
}

json_t *daemon_get(daemon_talk *talk, const char *path) {
    return object_of(talk, "GET", path, NULL, call_seconds);
}

json_t *daemon_post(daemon_talk *talk, const char *path, json_t *body) {
    const bool is_slow = strcmp(path, "/model/unload") == 0; /* answered when it is done */
    return object_of(talk, "POST", path, body, is_slow ? talk->patience : call_seconds);
}

void daemon_tell(daemon_talk *talk, const char *method, const char *path) {
    i4_answer answer;
    i4_err err = {0};
    if (!call(talk, method, path, NULL, call_seconds, &answer, &err)) {
        say_debug("%s", err.text);
    }
    i4_answer_free(&answer);
}

/* --- waiting ----------------------------------------------------------------------------- */

int daemon_wait(daemon_pace *pace) {
    static const double first = 0.05, growth = 1.4, last = 1;
    pace->seconds = pace->seconds <= 0 ? first : pace->seconds * growth;
    pace->seconds = pace->seconds < last ? pace->seconds : last;
    return stop_sleep(pace->seconds);
}

/* Something that the daemon does while we look on. */
typedef struct watch {
    daemon_pace pace;
    double begun, told; /* told: when the text changed last */
    char *text;         /* owned */
} watch;

static void watch_end(watch *w) {
    say_progress_end();
    free(w->text);
}

/* Shows the text, and waits for the next look. */
static int watch_on(watch *w, const char *text, double fraction, const char *what) {
    const double now = i4_seconds();
    w->begun = w->begun > 0 ? w->begun : now;
    if (!w->text || strcmp(w->text, text) != 0) {
        free(w->text);
        w->text = cli_copy(text);
        w->told = now;
    }
    if (now - w->told > silence_seconds) {
        say_progress_end();
        say_error("%s: nothing new for %.0f minutes, giving up", what, silence_seconds / 60);
        return CLI_FAILED;
    }
    say_remote(text, fraction, now - w->begun);
    return daemon_wait(&w->pace) ? CLI_OK : stop_code("the daemon goes on with what it does");
}

/* --- loading ----------------------------------------------------------------------------- */

static bool is_state(const json_t *status, const char *state) {
    return strcmp(json_text(status, "state"), state) == 0;
}

static int begin_load(daemon_talk *talk) {
    json_t *answer = daemon_post(talk, "/model/load", NULL);
    if (!answer) {
        return CLI_FAILED;
    }
    const json_t *ok = json_object_get(answer, "ok");
    const int is_refused = json_is_false(ok);
    if (is_refused) {
        say_error("the model cannot be loaded: %s", json_text(answer, "msg"));
    }
    json_decref(answer);
    return is_refused ? CLI_FAILED : CLI_OK;
}

static const char *first_text(const json_t *status) {
    const char *text = json_text(status, "msg");
    text = *text ? text : json_text(status, "operation");
    return *text ? text : json_text(status, "state");
}

/* Idle with a text: the load failed (K9). */
static int refuse_idle(const json_t *status) {
    const char *reason = json_text(status, "msg");
    say_progress_end();
    say_error("the model was not loaded: %s", *reason ? reason : "somebody unloaded it meanwhile");
    return CLI_FAILED;
}

static int watch_load(daemon_talk *talk, json_t **status) {
    watch w = {0};
    int code = CLI_OK;
    while (code == CLI_OK) {
        *status = daemon_get(talk, "/model/status");
        if (!*status || is_state(*status, "loaded")) {
            break;
        }
        code = is_state(*status, "idle") ? refuse_idle(*status)
                                         : watch_on(&w, first_text(*status), -1, "loading");
        json_decref(*status);
        *status = NULL;
    }
    watch_end(&w);
    return code ? code : *status ? CLI_OK : CLI_FAILED;
}

int daemon_load(daemon_talk *talk, json_t **status) {
    *status = daemon_get(talk, "/model/status");
    if (!*status) {
        return CLI_FAILED;
    }
    if (is_state(*status, "loaded")) {
        return CLI_OK;
    }
    const bool is_under_way = is_state(*status, "loading");
    json_decref(*status);
    *status = NULL;
    const int code = is_under_way ? CLI_OK : begin_load(talk);
    return code ? code : watch_load(talk, status);
}

double daemon_fraction(const json_t *task) {
    return (double)json_integer_value(json_object_get(task, "progress")) / 100;
}

/* --- LoRA -------------------------------------------------------------------------------- */

/* What a finished operation came to. */
static int lora_outcome(const json_t *operation, json_t **result) {
    json_t *came = json_object_get(operation, "result");
    const char *error = json_text(operation, "error");
    if (*error || json_is_false(json_object_get(came, "ok"))) {
        say_progress_end();
        say_error("LoRA: %s", *error ? error : json_text(came, "msg"));
        return CLI_FAILED;
    }
    if (result) {
        *result = json_incref(came);
    }
    return CLI_OK;
}

static int watch_lora(daemon_talk *talk, const char *task, json_t **result) {
    char *path = cli_format("/lora/operation/%s", task);
    watch w = {0};
    int code = CLI_OK;
    for (bool is_done = false; code == CLI_OK && !is_done;) {
        json_t *operation = daemon_get(talk, path);
        is_done = is_state(operation, "done");
        code = !operation ? CLI_FAILED
               : is_done
                   ? lora_outcome(operation, result)
                   : watch_on(&w, json_text(operation, "msg"), daemon_fraction(operation), "LoRA");
        json_decref(operation);
    }
    watch_end(&w);
    free(path);
    return code;
}

int daemon_lora(daemon_talk *talk, const char *path, json_t *body, json_t **result) {
    json_t *answer = daemon_post(talk, path, body);
    const char *task = json_text(answer, "task_id");
    int code = CLI_FAILED;
    if (*task) {
        code = watch_lora(talk, task, result);
    } else if (answer) {
        say_error("LoRA: %s", json_text(answer, "msg"));
    }
    json_decref(answer);
    return code;
}
