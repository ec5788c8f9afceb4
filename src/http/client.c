/* Requests to other services. Driven through libcurl's multi interface, so that limits and the
 * caller's question are looked at several times a second whatever the connection does. */
#include "http/client.h"
#include "base/memory.h"
#include "base/os.h"
#include "http/wire.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum {
    HEADER_BYTES = 256 << 10,
    ANSWER_BYTES = 64 << 20,
    ERROR_BODY_BYTES = 1 << 20, /* of a failed download */
    LOOK_MS = 200               /* between two looks at limits */
};

struct i4_http_client {
    CURLM *multi; /* keeps the connections */
    CURL *easy;
};

/* One running call. */
typedef struct transfer {
    CURL *easy;
    const i4_call *call;
    i4_answer *answer;
    i4_buf body, headers;
    char reason[CURL_ERROR_SIZE];
    double moved; /* when a byte moved last; 0: not connected yet */
    curl_off_t uploaded;
    bool has_begun, is_stopped;
    bool out_of_memory;
} transfer;

/* --- life ---------------------------------------------------------------------------------- */

static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool is_ready; /* written once, before every read */

static void prepare(void) {
    is_ready = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
}

i4_http_client *i4_http_client_new(i4_err *err) {
    pthread_once(&once, prepare);
    i4_http_client *client = is_ready ? i4_calloc(1, sizeof *client) : NULL;
    if (client) {
        client->multi = curl_multi_init();
        client->easy = curl_easy_init();
    }
    if (!client || !client->multi || !client->easy) {
        i4_http_client_free(client);
        i4_fail_memory(err, "an HTTP client", sizeof *client);
        return NULL;
    }
    return client;
}

void i4_http_client_free(i4_http_client *client) {
    if (!client) {
        return;
    }
    if (client->easy) {
        curl_easy_cleanup(client->easy);
    }
    if (client->multi) {
        curl_multi_cleanup(client->multi);
    }
    i4_free(client);
}

void i4_answer_free(i4_answer *answer) {
    i4_free(answer->body);
    i4_free(answer->headers);
    *answer = (i4_answer){0};
}

/* --- what arrives -------------------------------------------------------------------------- */

/* A new response begins with its status line; only the last one's headers are kept. */
static size_t on_header(char *line, size_t one, size_t size, void *user) {
    transfer *t = user;
    (void)one;
    t->moved = i4_seconds();
    if (size >= 5 && memcmp(line, "HTTP/", 5) == 0) {
        i4_buf_free(&t->headers);
    }
    i4_buf_add(&t->headers, line, size);
    return t->headers.failed ? 0 : size;
}

/* Status and headers for `begin`, while the body is under way. */
static bool begin_body(transfer *t) {
    long status = 0;
    curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
    t->answer->status = (int)status;
    t->has_begun = true;
    if (!t->call->sink || status < 200 || status > 299 || !t->call->begin) {
        return true;
    }
    i4_answer seen = {.status = (int)status, .body = NULL, .headers = t->headers.ptr};
    return t->call->begin(&seen, t->call->user);
}

static size_t on_body(char *bytes, size_t one, size_t size, void *user) {
    transfer *t = user;
    (void)one;
    t->moved = i4_seconds();
    if (!t->has_begun && !begin_body(t)) {
        t->is_stopped = true;
        return 0;
    }
    const bool is_good = t->answer->status >= 200 && t->answer->status <= 299;
    if (t->call->sink && is_good) {
        const size_t limit = t->call->answer_limit;
        t->answer->size += size;
        t->body.over_limit = limit > 0 && t->answer->size > limit;
        t->is_stopped = !t->body.over_limit && !t->call->sink(bytes, size, t->call->user);
        return t->is_stopped || t->body.over_limit ? 0 : size;
    }
    i4_buf_add(&t->body, bytes, size);
    return t->body.failed ? 0 : size;
}

/* Connected: from now on bytes are expected to move. */
static int on_connected(void *user, char *ip, char *local_ip, int port, int local_port) {
    transfer *t = user;
    (void)ip;
    (void)local_ip;
    (void)port;
    (void)local_port;
    t->moved = i4_seconds();
    return CURL_PREREQFUNC_OK;
}

/* --- setting up ---------------------------------------------------------------------------- */

static bool is_loopback_name(const char *name) {
    return strcasecmp(name, "localhost") == 0 || strcmp(name, "[::1]") == 0 ||
           strncmp(name, "127.", 4) == 0;
}

/* Scheme and host of the URL for messages and for the proxy; false if it is none of ours. */
static bool take_apart(const char *url, char *place, size_t size, bool *is_loopback) {
    CURLU *parts = curl_url();
    char *scheme = NULL, *host = NULL, *port = NULL;
    bool fine = parts && curl_url_set(parts, CURLUPART_URL, url, 0) == CURLUE_OK &&
                curl_url_get(parts, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
                curl_url_get(parts, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
                curl_url_get(parts, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) == CURLUE_OK;
    fine = fine && (strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0);
    if (fine) {
        *is_loopback = is_loopback_name(host);
        snprintf(place, size, "%s://%s:%s", scheme, host, port);
    }
    curl_free(scheme);
    curl_free(host);
    curl_free(port);
    curl_url_cleanup(parts);
    return fine;
}

static bool add_line(struct curl_slist **list, const char *line) {
    struct curl_slist *longer = curl_slist_append(*list, line);
    *list = longer ? longer : *list;
    return longer != NULL;
}

static bool add_lines(struct curl_slist **list, const i4_call *call) {
    /* libcurl would wait for the word "continue" before a large body; ours is needed anyway. */
    bool fine = add_line(list, "Expect:");
    if (call->json) {
        fine = fine && add_line(list, "Content-Type: application/json");
    } else if (!call->body) {
        fine = fine && add_line(list, "Content-Type:"); /* not the form type that it assumes */
    }
    for (size_t i = 0; call->headers && call->headers[i]; i++) {
        fine = fine && add_line(list, call->headers[i]);
    }
    return fine;
}

/* Options of which none can fail but for memory. */
static bool set_method(CURL *easy, const i4_call *call, const char *text) {
    const char *method = call->head ? "HEAD" : call->method ? call->method : "GET";
    const char *body = text ? text : call->body;
    const size_t size = text ? strlen(text) : call->body ? call->body_size : 0;
    CURLcode code = CURLE_OK;
    if (strcmp(method, "HEAD") == 0) {
        code = curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    } else if (body || strcmp(method, "POST") == 0) {
        curl_easy_setopt(easy, CURLOPT_POST, 1L);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)size);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body ? body : "");
        if (strcmp(method, "POST") != 0) {
            code = curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, method);
        }
    } else if (strcmp(method, "GET") != 0) {
        code = curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, method);
    }
    return code == CURLE_OK;
}

static bool set_limits(CURL *easy, const i4_call *call, bool is_https) {
    const double connect = call->connect_seconds > 0 ? call->connect_seconds : 30;
    CURLcode code = curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    if (code == CURLE_OK) { /* never from a safe connection to an open one */
        code =
            curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS_STR, is_https ? "https" : "http,https");
    }
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)(connect * 1000));
    if (call->total_seconds > 0) {
        curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)(call->total_seconds * 1000));
    }
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, call->follow ? 1L : 0L);
    curl_easy_setopt(easy, CURLOPT_MAXREDIRS, 8L);
    return code == CURLE_OK;
}

static void set_callbacks(transfer *t) {
    CURL *easy = t->easy;
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, t->reason);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, t);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, t);
    curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_connected);
    curl_easy_setopt(easy, CURLOPT_PREREQDATA, t);
}

static bool set_up(transfer *t, const char *text, struct curl_slist **lines, bool is_loopback) {
    CURL *easy = t->easy;
    const i4_call *call = t->call;
    curl_easy_reset(easy);
    set_callbacks(t);
    bool fine = add_lines(lines, call) &&
                set_limits(easy, call, strncasecmp(call->url, "https:", 6) == 0) &&
                set_method(easy, call, text) &&
                curl_easy_setopt(easy, CURLOPT_URL, call->url) == CURLE_OK &&
                curl_easy_setopt(easy, CURLOPT_USERAGENT, "ideogram4/0.1") == CURLE_OK;
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, *lines);
    if (call->token) { /* libcurl keeps it from other hosts, ports and schemes */
        curl_easy_setopt(easy, CURLOPT_HTTPAUTH, (long)CURLAUTH_BEARER);
        fine = fine && curl_easy_setopt(easy, CURLOPT_XOAUTH2_BEARER, call->token) == CURLE_OK;
    }
    if (is_loopback) {
        fine = fine && curl_easy_setopt(easy, CURLOPT_PROXY, "") == CURLE_OK;
    }
    return fine;
}

/* --- running ------------------------------------------------------------------------------- */

/* True with the result once the transfer ended. */
static bool look_for_end(CURLM *multi, CURLcode *code) {
    int left;
    const CURLMsg *message;
    while ((message = curl_multi_info_read(multi, &left)) != NULL) {
        if (message->msg == CURLMSG_DONE) {
            *code = message->data.result;
            return true;
        }
    }
    return false;
}

static bool is_silent(transfer *t) {
    const double limit = t->call->read_seconds > 0 ? t->call->read_seconds : 300;
    curl_off_t uploaded = 0;
    curl_easy_getinfo(t->easy, CURLINFO_SIZE_UPLOAD_T, &uploaded);
    if (uploaded != t->uploaded) {
        t->uploaded = uploaded;
        t->moved = i4_seconds();
    }
    return t->moved > 0 && i4_seconds() - t->moved > limit;
}

static CURLcode run(i4_http_client *client, transfer *t) {
    CURLcode code = CURLE_OK;
    int running;
    if (curl_multi_add_handle(client->multi, t->easy) != CURLM_OK) {
        return CURLE_OUT_OF_MEMORY;
    }
    for (;;) {
        if (curl_multi_perform(client->multi, &running) != CURLM_OK) {
            code = CURLE_OUT_OF_MEMORY;
            break;
        }
        if (look_for_end(client->multi, &code)) {
            break;
        }
        if (t->call->go_on && !t->call->go_on(t->call->user)) {
            t->is_stopped = true;
            code = CURLE_ABORTED_BY_CALLBACK;
            break;
        }
        if (is_silent(t)) {
            snprintf(t->reason, sizeof t->reason, "no byte arrived in time");
            code = CURLE_OPERATION_TIMEDOUT;
            break;
        }
        curl_multi_poll(client->multi, NULL, 0, LOOK_MS, NULL);
    }
    curl_multi_remove_handle(client->multi, t->easy);
    return code;
}

/* "Connection refused" instead of libcurl's many words for it. */
static void name_refusal(transfer *t) {
    char reason[128];
    long code = 0;
    curl_easy_getinfo(t->easy, CURLINFO_OS_ERRNO, &code);
    if (code != 0 && strerror_r((int)code, reason, sizeof reason) == 0) {
        snprintf(t->reason, sizeof t->reason, "%s", reason);
    }
}

static bool tell(const transfer *t, const char *place, CURLcode code, i4_err *err) {
    if (code == CURLE_OK) {
        return true;
    }
    t->answer->timed_out = code == CURLE_OPERATION_TIMEDOUT;
    if (t->is_stopped) {
        return i4_fail(err, I4_E_CANCELLED, "the request to %s was cancelled", place);
    }
    if (t->body.over_limit || t->headers.over_limit) {
        return i4_fail(err, I4_E_IO, "the answer of %s is larger than is accepted", place);
    }
    if (t->out_of_memory || t->body.failed || t->headers.failed || code == CURLE_OUT_OF_MEMORY) {
        return i4_fail_memory(err, "an HTTP request", 0);
    }
    return i4_fail(err, I4_E_IO, "cannot reach %s: %s", place,
                   t->reason[0] ? t->reason : curl_easy_strerror(code));
}

/* Body and headers go to the answer, the body empty after a failure. */
static bool hand_over(transfer *t, bool is_complete) {
    if (!is_complete) {
        i4_buf_free(&t->body);
    }
    const bool is_streamed = t->body.len == 0;
    size_t size = 0;
    t->answer->body = i4_buf_take(&t->body, &size);
    t->answer->size = is_streamed ? t->answer->size : size;
    t->answer->headers = i4_buf_take(&t->headers, NULL);
    return t->answer->body && t->answer->headers;
}

static size_t body_limit(const i4_call *call) {
    if (call->sink) {
        return ERROR_BODY_BYTES;
    }
    return call->answer_limit ? call->answer_limit : ANSWER_BYTES;
}

bool i4_http_call(i4_http_client *client, const i4_call *call, i4_answer *answer, i4_err *err) {
    char place[320];
    bool is_loopback = false;
    *answer = (i4_answer){0};
    if (!take_apart(call->url, place, sizeof place, &is_loopback)) {
        return i4_fail(err, I4_E_INVALID_ARGUMENT, "the address to call is no http or https URL");
    }
    transfer t = {.easy = client->easy, .call = call, .answer = answer};
    struct curl_slist *lines = NULL;
    i4_buf_init(&t.body, body_limit(call));
    i4_buf_init(&t.headers, HEADER_BYTES);
    char *text = call->json ? i4_wire_text(call->json) : NULL;
    t.out_of_memory = (call->json && !text) || !set_up(&t, text, &lines, is_loopback);
    const CURLcode code = t.out_of_memory ? CURLE_OUT_OF_MEMORY : run(client, &t);
    long status = 0;
    curl_easy_getinfo(client->easy, CURLINFO_RESPONSE_CODE, &status);
    if (code == CURLE_COULDNT_CONNECT) {
        name_refusal(&t);
    }
    curl_easy_reset(client->easy); /* it points to what ends here */
    curl_slist_free_all(lines);
    i4_free(text);

    bool fine = tell(&t, place, code, err);
    answer->status = fine ? (int)status : 0;
    if (!hand_over(&t, fine) && fine) {
        fine = i4_fail_memory(err, "an HTTP answer", 0);
    }
    i4_buf_free(&t.body);
    i4_buf_free(&t.headers);
    return fine;
}

/* --- reading an answer --------------------------------------------------------------------- */

static i4_str trim(const char *text, size_t size) {
    while (size > 0 && strchr(" \t\r\n", text[size - 1])) {
        size--;
    }
    while (size > 0 && (*text == ' ' || *text == '\t')) {
        text++;
        size--;
    }
    return i4_str_of(text, size);
}

bool i4_answer_header(const i4_answer *answer, const char *name, char *out, size_t size) {
    const size_t name_size = strlen(name);
    for (const char *line = answer->headers; line && *line;) {
        const size_t length = strcspn(line, "\n");
        if (length > name_size && line[name_size] == ':' &&
            strncasecmp(line, name, name_size) == 0) {
            const i4_str value = trim(line + name_size + 1, length - name_size - 1);
            snprintf(out, size, "%.*s", (int)value.len, value.ptr);
            return true;
        }
        line += length + (line[length] == '\n');
    }
    return false;
}

json_t *i4_answer_json(const i4_answer *answer) {
    json_t *value = NULL;
    if (answer->body) {
        i4_wire_read(answer->body, answer->size, &value, NULL);
    }
    return value;
}
