/* The way to the model daemon: one call, its answer relayed (docs/http-api.md 2.8), and the routes
 * that do nothing else (3.1, 3.2). */
#include "gateway/outside.h"
#include "gateway/tasks/tasks.h"

#include <string.h>

static const double quick_seconds = 5; /* 2.8: everything but unload and artifacts */
enum { ERROR_TEXT_BYTES = 400 };       /* of a foreign error page that is shown to a person */

/* --- one call ------------------------------------------------------------------------------ */

bool i4_daemon_call(i4_gateway *gateway, const char *method, const char *path, json_t *body,
                    double seconds, i4_answer *answer, i4_err *err) {
    *answer = (i4_answer){0};
    i4_http_client *client = i4_outside_client(err);
    if (!client) {
        return false;
    }
    i4_buf url;
    i4_buf_init(&url, 16 << 10);
    i4_buf_adds(&url, gateway->settings->daemon_url);
    i4_buf_adds(&url, path);
    if (url.failed) {
        i4_buf_free(&url);
        return i4_fail(err, I4_E_INVALID_ARGUMENT, "the address is too long");
    }
    const char *token = gateway->settings->access_token;
    const i4_call call = {.method = method,
                          .url = url.ptr,
                          .token = token[0] ? token : NULL,
                          .json = body,
                          .connect_seconds = seconds,
                          .read_seconds = seconds,
                          .go_on = i4_tasks_running,
                          .user = gateway->tasks};
    const bool is_answered = i4_http_call(client, &call, answer, err);
    if (!is_answered) {
        i4_answer_free(answer);
        *answer = (i4_answer){0};
    }
    i4_buf_free(&url);
    return is_answered;
}

/* --- answers ------------------------------------------------------------------------------- */

static const char *reason_phrase(int status) {
    static const struct {
        int status;
        const char *phrase;
    } known[] = {{400, "Bad Request"},         {401, "Unauthorized"},
                 {403, "Forbidden"},           {404, "Not Found"},
                 {405, "Method Not Allowed"},  {409, "Conflict"},
                 {413, "Content Too Large"},   {415, "Unsupported Media Type"},
                 {421, "Misdirected Request"}, {422, "Unprocessable Content"},
                 {429, "Too Many Requests"},   {500, "Internal Server Error"},
                 {502, "Bad Gateway"},         {503, "Service Unavailable"},
                 {504, "Gateway Timeout"}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (known[i].status == status) {
            return known[i].phrase;
        }
    }
    return status < 400 ? "OK" : "Unknown Error";
}

/* {"error": text}, the body's own text if it is one. */
static json_t *wrapped(const i4_answer *answer) {
    i4_err text; /* cleans and bounds what came from outside */
    i4_fail(&text, I4_E_IO, "%.*s", (int)ERROR_TEXT_BYTES, answer->body ? answer->body : "");
    const size_t blank = strspn(text.text, " ?");
    const char *shown = text.text[blank] ? text.text : reason_phrase(answer->status);
    return json_pack("{s:s}", "error", shown);
}

void i4_relay_answer(i4_http_reply *reply, const i4_answer *answer) {
    json_t *body = i4_answer_json(answer);
    i4_reply_json(reply, answer->status >= 400 ? answer->status : 200,
                  body ? body : wrapped(answer));
}

void i4_relay_unreachable(i4_http_reply *reply, const i4_err *err) {
    i4_reply_error(reply, 503, "Model daemon unreachable: %s", err->text);
}

void i4_relay(i4_gateway *gateway, i4_http_reply *reply, const char *method, const char *path,
              json_t *body, double seconds) {
    i4_answer answer;
    i4_err err = {0};
    if (!i4_daemon_call(gateway, method, path, body, seconds, &answer, &err)) {
        i4_relay_unreachable(reply, &err);
        return;
    }
    i4_relay_answer(reply, &answer);
    i4_answer_free(&answer);
}

/* --- routes -------------------------------------------------------------------------------- */

/* The daemon's answer to GET path, NULL when it gives none that is an object. */
static json_t *ask_daemon(i4_gateway *gateway, const char *path) {
    i4_answer answer;
    i4_err err = {0};
    json_t *status = NULL;
    if (i4_daemon_call(gateway, "GET", path, NULL, quick_seconds, &answer, &err)) {
        status = answer.status < 400 ? i4_answer_json(&answer) : NULL;
        i4_answer_free(&answer);
    }
    if (!json_is_object(status)) {
        json_decref(status);
        status = NULL;
    }
    return status;
}

json_t *i4_daemon_model(i4_gateway *gateway) {
    return ask_daemon(gateway, "/model/status");
}

json_t *i4_daemon_loras(i4_gateway *gateway) {
    return ask_daemon(gateway, "/lora/status");
}

json_t *i4_model_away(void) {
    return json_pack("{s:s, s:s}", "state", "idle", "msg", "The model daemon is not reachable.");
}

/* K1: never fails; the launcher waits for this answer. */
static void model_status(i4_http_request *request, i4_http_reply *reply, void *user) {
    (void)request;
    json_t *status = i4_daemon_model(user);
    i4_reply_json(reply, 200, status ? status : i4_model_away());
}

static void model_idle(i4_http_request *request, i4_http_reply *reply, void *user) {
    i4_relay(user, reply, "POST", "/model/idle", i4_req_json(request), quick_seconds);
}

static void model_load(i4_http_request *request, i4_http_reply *reply, void *user) {
    (void)request;
    i4_relay(user, reply, "POST", "/model/load", NULL, quick_seconds);
}

static void model_unload(i4_http_request *request, i4_http_reply *reply, void *user) {
    const i4_gateway *gateway = user;
    (void)request;
    i4_relay(user, reply, "POST", "/model/unload", NULL, gateway->settings->daemon_timeout);
}

static void lora_status(i4_http_request *request, i4_http_reply *reply, void *user) {
    (void)request;
    i4_relay(user, reply, "GET", "/lora/status", NULL, quick_seconds);
}

static void lora_presets(i4_http_request *request, i4_http_reply *reply, void *user) {
    (void)request;
    i4_relay(user, reply, "GET", "/lora/presets", NULL, quick_seconds);
}

static void lora_download(i4_http_request *request, i4_http_reply *reply, void *user) {
    i4_relay(user, reply, "POST", "/lora/download", i4_req_json(request), quick_seconds);
}

static void lora_apply(i4_http_request *request, i4_http_reply *reply, void *user) {
    i4_relay(user, reply, "POST", "/lora/apply", i4_req_json(request), quick_seconds);
}

static void lora_remove(i4_http_request *request, i4_http_reply *reply, void *user) {
    (void)request;
    i4_relay(user, reply, "POST", "/lora/remove", NULL, quick_seconds);
}

static void relay_task(i4_http_request *request, i4_http_reply *reply, void *user,
                       const char *folder) {
    i4_buf path;
    i4_buf_init(&path, 8 << 10);
    i4_buf_adds(&path, folder);
    i4_outside_segment(&path, i4_req_param(request, "task_id"));
    if (path.failed) {
        i4_reply_error(reply, 404, "there is no such task");
    } else {
        i4_relay(user, reply, "GET", path.ptr, NULL, quick_seconds);
    }
    i4_buf_free(&path);
}

static void lora_download_task(i4_http_request *request, i4_http_reply *reply, void *user) {
    relay_task(request, reply, user, "/lora/download/");
}

static void lora_operation_task(i4_http_request *request, i4_http_reply *reply, void *user) {
    relay_task(request, reply, user, "/lora/operation/");
}

/* The daemon may hang for its whole time limit, which must not hold up quick routes. */
const i4_route i4_proxy_routes[] = {
    {.method = "GET", .pattern = "/api/model/status", .handler = model_status},
    {.method = "POST", .pattern = "/api/model/load", .handler = model_load},
    {.method = "POST", .pattern = "/api/model/unload", .slow = true, .handler = model_unload},
    {.method = "POST",
     .pattern = "/api/model/idle",
     .body = I4_BODY_JSON,
     .free_form = true,
     .handler = model_idle},
    {.method = "GET", .pattern = "/api/lora/status", .handler = lora_status},
    {.method = "GET", .pattern = "/api/lora/presets", .handler = lora_presets},
    {.method = "POST",
     .pattern = "/api/lora/download",
     .body = I4_BODY_JSON,
     .free_form = true,
     .handler = lora_download},
    {.method = "GET", .pattern = "/api/lora/download/{task_id}", .handler = lora_download_task},
    {.method = "POST",
     .pattern = "/api/lora/apply",
     .body = I4_BODY_JSON,
     .free_form = true,
     .handler = lora_apply},
    {.method = "POST", .pattern = "/api/lora/remove", .handler = lora_remove},
    {.method = "GET", .pattern = "/api/lora/operation/{task_id}", .handler = lora_operation_task},
    {0}};
