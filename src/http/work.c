/* Worker threads: their queues, and what one does with a request: body, rows A to C, handler. */
#include "base/log.h"
#include "base/memory.h"
#include "base/os.h"
#include "http/loop.h"
#include "http/wire.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <time.h>

/* --- a body as JSON ------------------------------------------------------------------------ */

static bool is_json_type(const i4_http_request *r) {
    char type[128];
    i4_request_type(r, type, sizeof type);
    const i4_str s = i4_str_c(type);
    return i4_str_is(s, "application/json") ||
           (i4_str_starts(s, "application/") && i4_str_ends(s, "+json"));
}

static void add_row(i4_http_request *r, json_t *loc, const char *type, const char *msg, json_t *ctx,
                    json_t *input) {
    if (!i4_detail_add(&r->detail, loc, type, msg, ctx, input)) {
        r->out_of_memory = true;
    }
}

static void row_missing(i4_http_request *r) {
    add_row(r, json_pack("[s]", "body"), "missing", "Field required", NULL, json_null());
}

/* Takes input. */
static void row_no_object(i4_http_request *r, json_t *input) {
    const bool is_free = r->route->free_form;
    add_row(r, json_pack("[s]", "body"), is_free ? "dict_type" : "model_attributes_type",
            is_free ? "Input should be a valid dictionary"
                    : "Input should be a valid dictionary or object to extract fields from",
            NULL, input);
}

/* What is no JSON at all hides every other error. */
static void row_invalid(i4_http_request *r, const json_error_t *error) {
    json_decref(r->detail);
    r->detail = NULL;
    add_row(r, json_pack("[s,i]", "body", error->position), "json_invalid", "JSON decode error",
            json_pack("{s:s}", "error", error->text), json_object());
}

/* The body as a string, with what is no text replaced. */
static json_t *raw_text(i4_http_request *r) {
    char *text = i4_malloc(3 * I4_HTTP_ECHO_BYTES + 64);
    if (!text) {
        return NULL;
    }
    /* A little more than is ever repeated, so that it is cut visibly. */
    const size_t most = I4_HTTP_ECHO_BYTES + 16;
    const size_t size = r->body.len < most ? r->body.len : most;
    size_t used = 0;
    for (size_t pos = 0; pos < size;) {
        const size_t start = pos;
        uint32_t code_point;
        const i4_str rest = i4_str_of(r->body.ptr, size);
        if (i4_utf8_next(rest, &pos, &code_point) && code_point != 0) {
            memcpy(text + used, r->body.ptr + start, pos - start);
            used += pos - start;
        } else {
            pos = start + 1;
            memcpy(text + used, "\xef\xbf\xbd", 3);
            used += 3;
        }
    }
    json_t *value = json_stringn(text, used);
    i4_free(text);
    return value;
}

/* False when it is answered or has a row. */
static bool parse_body(i4_http_request *r) {
    json_error_t error;
    json_t *value;
    switch (i4_wire_read(r->body.ptr, r->body.len, &value, &error)) {
    case I4_WIRE_OK:
        break;
    case I4_WIRE_INVALID:
        row_invalid(r, &error);
        return false;
    case I4_WIRE_MEMORY:
        r->out_of_memory = true;
        return false;
    default:
        i4_reply_framework(&r->reply, 400, error.text);
        return false;
    }
    i4_buf_free(&r->body);
    if (json_is_object(value)) {
        r->json = value;
        return true;
    }
    if (json_is_null(value)) {
        row_missing(r);
        json_decref(value);
    } else {
        row_no_object(r, value);
    }
    return false;
}

static bool take_body(i4_http_request *r) {
    if (r->body.len == 0) {
        row_missing(r);
        return false;
    }
    if (!is_json_type(r)) {
        row_no_object(r, raw_text(r));
        return false;
    }
    return parse_body(r);
}

/* --- one request --------------------------------------------------------------------------- */

static void check_path_ints(i4_http_request *r) {
    for (int i = 0; i < r->param_count; i++) {
        i4_param *p = &r->params[i];
        if (!p->is_int || !p->value) {
            continue;
        }
        const i4_int_text kind = i4_int_parse(p->value, &p->number);
        if (kind == I4_INT_TOO_LARGE || p->number < 0) {
            p->number = -1;
        }
        if (kind == I4_INT_UNPARSABLE &&
            !i4_detail_path_int(&r->detail, p->name, p->name_size, p->value)) {
            r->out_of_memory = true;
        }
    }
}

static void answer_detail(i4_http_request *r) {
    json_t *detail = r->detail;
    r->detail = NULL;
    i4_reply_detail(&r->reply, detail);
}

static void run_request(i4_http_request *r) {
    i4_http_server *server = r->server;
    const i4_route *route = r->route;
    if (!route) {
        i4_reply_static(r, &r->reply, server->static_dir);
        return;
    }
    check_path_ints(r);
    const bool has_body = route->body == I4_BODY_JSON;
    const bool is_fine = has_body ? take_body(r) : r->detail == NULL;
    if (r->out_of_memory || r->reply.response) {
        return;
    }
    if (!is_fine) {
        answer_detail(r);
        return;
    }
    route->handler(r, &r->reply, server->user);
    if (r->detail) { /* the handler began no check, against the rule of validate.h */
        i4_reply_drop(&r->reply);
        answer_detail(r);
    }
    if (!r->reply.response && !r->reply.out_of_memory && !r->out_of_memory) {
        i4_log(I4_LOG_ERROR, server->area, "a handler gave no answer method=%s path=%s", r->method,
               r->path);
        i4_reply_error(&r->reply, 500, "internal error: the request was not answered");
    }
}

/* --- queues -------------------------------------------------------------------------------- */

void i4_work_push(i4_http_server *server, i4_queue *queue, i4_work *work) {
    (void)server;
    work->next = NULL;
    *queue->last = work;
    queue->last = &work->next;
    pthread_cond_signal(&queue->arrived);
}

static i4_work *pop(i4_queue *queue) {
    i4_work *work = queue->first;
    if (work) {
        queue->first = work->next;
        if (!queue->first) {
            queue->last = &queue->first;
        }
    }
    return work;
}

/* Hands a request back to the socket thread, or frees it when nobody waits any more. */
static void give_back(i4_http_request *r) {
    i4_http_server *server = r->server;
    struct MHD_Connection *connection = r->connection;
    pthread_mutex_lock(&server->lock);
    const bool is_lost = r->state == I4_REQUEST_LOST;
    if (!is_lost) {
        r->state = I4_REQUEST_DONE;
    }
    server->resuming += !is_lost;
    pthread_mutex_unlock(&server->lock);
    if (is_lost) {
        i4_request_free(r);
    } else {
        i4_loop_resume(server, connection);
    }
}

static void work_on(i4_http_server *server, i4_work *work) {
    (void)server;
    if (work->is_stream) {
        i4_stream_run((i4_stream *)work);
    } else {
        i4_http_request *r = (i4_http_request *)work;
        run_request(r);
        give_back(r);
    }
}

static void *worker_main(void *user) {
    i4_worker *worker = user;
    i4_http_server *server = worker->server;
    pthread_mutex_lock(&server->lock);
    for (;;) {
        i4_work *work = pop(worker->queue);
        if (work) {
            if (!work->is_stream) {
                ((i4_http_request *)work)->state = I4_REQUEST_RUNNING;
            }
            pthread_mutex_unlock(&server->lock);
            work_on(server, work);
            pthread_mutex_lock(&server->lock);
        } else if (server->is_over) {
            break;
        } else {
            pthread_cond_wait(&worker->queue->arrived, &server->lock);
        }
    }
    worker->is_gone = true;
    pthread_cond_broadcast(&server->quiet);
    pthread_mutex_unlock(&server->lock);
    i4_work_release(server);
    return NULL;
}

/* 50 ms at most: deadlines are on the monotonic clock, which a condition cannot wait on everywhere.
 */
void i4_loop_wait(i4_http_server *server) {
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += 50000000;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_cond_timedwait(&server->quiet, &server->lock, &until);
}

/* --- start and stop ------------------------------------------------------------------------ */

static bool start_worker(i4_http_server *server, i4_worker *worker, i4_queue *queue) {
    *worker = (i4_worker){.server = server, .queue = queue};
    pthread_mutex_lock(&server->lock);
    server->holders++;
    pthread_mutex_unlock(&server->lock);
    worker->is_started = !i4_fault_hit(I4_FAULT_THREAD, 0) &&
                         pthread_create(&worker->thread, NULL, worker_main, worker) == 0;
    if (!worker->is_started) {
        pthread_mutex_lock(&server->lock);
        server->holders--;
        pthread_mutex_unlock(&server->lock);
    }
    return worker->is_started;
}

bool i4_work_start(i4_http_server *server, int quick, int slow, i4_err *err) {
    const int count = quick + slow + I4_LOOP_STREAM_WORKERS;
    server->workers = i4_calloc((size_t)count, sizeof *server->workers);
    if (!server->workers) {
        return i4_fail_memory(err, "the worker threads", sizeof *server->workers);
    }
    for (int i = 0; i < count; i++) {
        i4_queue *queue = i < quick          ? &server->quick
                          : i < quick + slow ? &server->slow
                                             : &server->streaming;
        server->worker_count = i + 1;
        if (!start_worker(server, &server->workers[i], queue)) {
            return i4_fail(err, I4_E_INTERNAL,
                           "cannot start a worker thread: close other programs or raise the limit "
                           "of processes");
        }
    }
    return true;
}

static bool all_gone(const i4_http_server *server) {
    for (int i = 0; i < server->worker_count; i++) {
        if (server->workers[i].is_started && !server->workers[i].is_gone) {
            return false;
        }
    }
    return true;
}

bool i4_work_stop(i4_http_server *server, double until) {
    pthread_mutex_lock(&server->lock);
    server->is_over = true;
    pthread_cond_broadcast(&server->quick.arrived);
    pthread_cond_broadcast(&server->slow.arrived);
    pthread_cond_broadcast(&server->streaming.arrived);
    while (server->resuming > 0 || (!all_gone(server) && i4_seconds() < until)) {
        i4_loop_wait(server);
    }
    const bool is_clean = all_gone(server);
    for (int i = 0; i < server->worker_count; i++) {
        i4_worker *worker = &server->workers[i];
        if (worker->is_started && !worker->is_gone) {
            pthread_detach(worker->thread); /* its handler ends some time; then it frees the rest */
            worker->is_started = false;
        }
    }
    pthread_mutex_unlock(&server->lock);
    for (int i = 0; i < server->worker_count; i++) {
        if (server->workers[i].is_started) {
            pthread_join(server->workers[i].thread, NULL);
            server->workers[i].is_started = false;
        }
    }
    return is_clean;
}

void i4_work_release(i4_http_server *server) {
    pthread_mutex_lock(&server->lock);
    const bool is_last = --server->holders == 0;
    pthread_mutex_unlock(&server->lock);
    if (is_last) {
        i4_loop_free(server);
    }
}
