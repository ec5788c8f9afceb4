/* Sockets: how libmicrohttpd's events become requests and answers, deadlines, start and stop. */
#include "base/log.h"
#include "base/memory.h"
#include "base/os.h"
#include "http/loop.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <microhttpd.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

/* --- connections --------------------------------------------------------------------------- */

static i4_link *link_of(struct MHD_Connection *connection) {
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info ? info->socket_context : NULL;
}

static void set_phase(i4_http_server *server, i4_link *link, i4_link_phase phase) {
    pthread_mutex_lock(&server->lock);
    link->phase = phase;
    link->since = i4_seconds();
    link->received = 0;
    pthread_mutex_unlock(&server->lock);
}

static void open_link(i4_http_server *server, struct MHD_Connection *connection, void **context) {
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    i4_link *link = i4_calloc(1, sizeof *link);
    *context = link;
    if (!link) {
        return; /* its requests are answered: no memory */
    }
    link->fd = info ? info->connect_fd : -1;
    link->since = i4_seconds();
    pthread_mutex_lock(&server->lock);
    link->next = server->links;
    if (server->links) {
        server->links->previous = link;
    }
    server->links = link;
    pthread_mutex_unlock(&server->lock);
}

/* Comes before the socket is closed, so that the sweeper never meets another's descriptor. */
static void close_link(i4_http_server *server, i4_link *link) {
    pthread_mutex_lock(&server->lock);
    if (link->previous) {
        link->previous->next = link->next;
    } else {
        server->links = link->next;
    }
    if (link->next) {
        link->next->previous = link->previous;
    }
    pthread_mutex_unlock(&server->lock);
    i4_request_free(link->request);
    i4_free(link);
}

static void on_connection(void *user, struct MHD_Connection *connection, void **context,
                          enum MHD_ConnectionNotificationCode code) {
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        open_link(user, connection, context);
    } else if (*context) {
        close_link(user, *context);
        *context = NULL;
    }
}

/* --- deadlines ----------------------------------------------------------------------------- */

static bool is_late(const i4_link *link, double now) {
    const double age = now - link->since;
    switch (link->phase) {
    case I4_LINK_FRESH:
    case I4_LINK_HEADER:
        return age > I4_LOOP_HEADER_SECONDS;
    case I4_LINK_IDLE:
        return age > I4_LOOP_IDLE_SECONDS;
    case I4_LINK_BODY:
        return age > I4_LOOP_BODY_SECONDS + (double)(link->received / I4_LOOP_BODY_RATE);
    default:
        return false;
    }
}

/* The library misses a peer that hung up together with its last request: epoll tells it once, with
 * the request. Looked at once for each idle time; later ends it sees itself. */
static bool is_deserted(i4_link *link, double now) {
    char byte;
    if (link->phase != I4_LINK_IDLE || link->is_looked_at || now - link->since < 1) {
        return false;
    }
    link->is_looked_at = true;
    return recv(link->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

/* The library's own timeout starts anew with each byte; a peer that drips is met here. */
static void hang_up_late(i4_http_server *server) {
    const double now = i4_seconds();
    pthread_mutex_lock(&server->lock);
    for (i4_link *link = server->links; link; link = link->next) {
        if (!link->is_closing && link->fd >= 0 && (is_late(link, now) || is_deserted(link, now))) {
            link->is_closing = true;
            shutdown(link->fd, SHUT_RDWR);
        }
    }
    pthread_mutex_unlock(&server->lock);
}

static void *sweeper_main(void *user) {
    i4_http_server *server = user;
    for (;;) {
        struct pollfd bell = {.fd = server->bell[0], .events = POLLIN};
        if (poll(&bell, 1, 1000) > 0) {
            return NULL;
        }
        hang_up_late(server);
        i4_stream_beat_all(server);
    }
}

/* --- a request's head ---------------------------------------------------------------------- */

/* The request line was read; its headers follow. */
static void *on_target(void *user, const char *target, struct MHD_Connection *connection) {
    i4_http_server *server = user;
    i4_link *link = link_of(connection);
    if (link) {
        i4_http_request *r = i4_request_new(server, target);
        pthread_mutex_lock(&server->lock);
        link->request = r;
        link->phase = I4_LINK_HEADER;
        link->since = i4_seconds();
        pthread_mutex_unlock(&server->lock);
    }
    return NULL;
}

/* Targets and queries are decoded here, not by the library, which would cut them at a NUL. */
static size_t keep_escapes(void *user, struct MHD_Connection *connection, char *text) {
    (void)user;
    (void)connection;
    return strlen(text);
}

static enum MHD_Result on_header(void *user, enum MHD_ValueKind kind, const char *name,
                                 const char *value) {
    (void)kind;
    return i4_request_add_header(user, name, value ? value : "") ? MHD_YES : MHD_NO;
}

static void apply_verdict(i4_http_request *r, const i4_verdict *verdict) {
    i4_http_reply *reply = &r->reply;
    if (verdict->is_plain) {
        i4_reply_text(reply, verdict->status, "text/plain; charset=utf-8", verdict->text);
    } else {
        i4_reply_error(reply, verdict->status, "%s", verdict->text);
    }
    if (verdict->status == 401) {
        i4_reply_header(reply, "WWW-Authenticate", "Bearer");
    }
    if (verdict->is_preflight) {
        const char *asked = i4_req_header(r, "Access-Control-Request-Headers");
        i4_reply_header(reply, "Access-Control-Allow-Methods",
                        "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT");
        i4_reply_header(reply, "Access-Control-Max-Age", "600");
        if (asked) {
            i4_reply_header(reply, "Access-Control-Allow-Headers", asked);
        }
    }
}

static void refuse_method(i4_http_request *r, const char *allow) {
    i4_reply_framework(&r->reply, 405, "Method Not Allowed");
    i4_reply_header(&r->reply, "Allow", allow);
}

/* A path that no route has: of the page, or of nothing. */
static void find_static(i4_http_request *r) {
    const i4_http_server *server = r->server;
    if (!server->static_dir || !r->path || i4_route_owns(server->routes, r->path)) {
        i4_reply_framework(&r->reply, 404, "Not Found");
    } else if (strcmp(r->method, "GET") != 0 && strcmp(r->method, "HEAD") != 0) {
        refuse_method(r, "GET, HEAD");
    }
}

static void find_route(i4_http_request *r) {
    char allow[128];
    switch (i4_route_find(r->server->routes, r, allow, sizeof allow)) {
    case I4_ROUTE_FOUND:
        break;
    case I4_ROUTE_METHOD:
        refuse_method(r, allow);
        break;
    default:
        find_static(r);
        break;
    }
    if (r->is_page_only && r->route) {
        i4_reply_error(&r->reply, 403, "requests from other sites are refused");
    }
}

static uint64_t content_length(const i4_http_request *r) {
    const char *text = i4_req_header(r, "Content-Length");
    return text ? strtoull(text, NULL, 10) : 0;
}

static void set_body_limit(i4_http_request *r) {
    r->body_limit = I4_HTTP_IGNORED_BYTES;
    if (r->route && r->route->body != I4_BODY_NONE) {
        r->body_limit = r->route->body_limit ? r->route->body_limit : I4_HTTP_BODY_BYTES;
    }
    i4_buf_init(&r->body, r->body_limit);
}

static void refuse_large_body(i4_http_request *r) {
    i4_reply_error(&r->reply, 413, "the body is larger than the %zu bytes that are accepted here",
                   r->body_limit);
}

static bool is_stopping(i4_http_server *server) {
    pthread_mutex_lock(&server->lock);
    const bool answer = server->is_stopping;
    pthread_mutex_unlock(&server->lock);
    return answer;
}

/* All that can be said before the body: leaves an answer when the request is refused. */
static void judge(i4_http_request *r) {
    if (r->too_many_headers) {
        i4_reply_error(&r->reply, 431, "too many or too long header lines");
        return;
    }
    if (!i4_request_split_target(r)) {
        i4_reply_error(&r->reply, 400, "the request's target is no path");
        return;
    }
    const i4_verdict verdict = i4_guard_check(&r->server->guard, r);
    if (verdict.status != 0) {
        apply_verdict(r, &verdict);
        return;
    }
    if (is_stopping(r->server)) {
        i4_reply_error(&r->reply, 503, "the service is stopping");
        return;
    }
    find_route(r);
    set_body_limit(r);
    if (!r->reply.response && content_length(r) > r->body_limit) {
        refuse_large_body(r);
    }
}

/* --- a request's body ---------------------------------------------------------------------- */

static bool is_answered(const i4_http_request *r) {
    return r->reply.response || r->reply.out_of_memory || r->out_of_memory;
}

/* Counts bytes about to be kept; false when all requests together have too many. */
static bool may_keep(i4_http_request *r, size_t size) {
    i4_http_server *server = r->server;
    pthread_mutex_lock(&server->lock);
    const bool fits = server->buffered + size <= I4_HTTP_BUFFERED_BYTES;
    server->buffered += fits ? size : 0;
    pthread_mutex_unlock(&server->lock);
    r->body_counted += fits ? size : 0;
    return fits;
}

/* False when the peer sends without end. */
static bool take_chunk(i4_http_request *r, i4_link *link, const char *bytes, size_t size) {
    r->body_seen += size;
    pthread_mutex_lock(&r->server->lock);
    link->received += size;
    pthread_mutex_unlock(&r->server->lock);
    if (r->body_seen > r->body_limit && !is_answered(r)) {
        i4_buf_free(&r->body);
        refuse_large_body(r);
    }
    if (is_answered(r)) {
        return r->body_seen <= r->body_limit + I4_HTTP_DRAIN_BYTES;
    }
    if (!r->route || r->route->body == I4_BODY_NONE) {
        return true;
    }
    if (!may_keep(r, size)) {
        i4_reply_error(&r->reply, 503, "too many large requests at once: try again");
        return true;
    }
    i4_buf_add(&r->body, bytes, size);
    r->out_of_memory = r->body.failed;
    return true;
}

/* --- answers ------------------------------------------------------------------------------- */

static enum MHD_Result send_answer(i4_http_request *r) {
    i4_http_server *server = r->server;
    if (!r->reply.response || r->reply.out_of_memory) {
        return MHD_queue_response(r->connection, MHD_HTTP_SERVICE_UNAVAILABLE, server->no_memory);
    }
    i4_reply_finish(r);
    if (is_stopping(server)) {
        (void)MHD_add_response_header(r->reply.response, "Connection", "close");
    }
    if (r->reply.is_stream) { /* a reader may take its time */
        (void)MHD_set_connection_option(r->connection, MHD_CONNECTION_OPTION_TIMEOUT, 0U);
    }
    const enum MHD_Result result =
        MHD_queue_response(r->connection, (unsigned)r->reply.status, r->reply.response);
    i4_reply_drop(&r->reply);
    return result;
}

static void hand_out(i4_http_request *r, i4_link *link) {
    i4_http_server *server = r->server;
    MHD_suspend_connection(r->connection);
    pthread_mutex_lock(&server->lock);
    r->state = I4_REQUEST_QUEUED;
    r->is_counted = true;
    server->busy++;
    link->phase = I4_LINK_ANSWER;
    i4_work_push(server, r->route && r->route->slow ? &server->slow : &server->quick, &r->work);
    pthread_mutex_unlock(&server->lock);
}

/* First call for a request: its head is complete. */
static enum MHD_Result begin_request(i4_http_request *r, i4_link *link,
                                     struct MHD_Connection *connection, const char *method) {
    r->connection = connection;
    r->state = I4_REQUEST_READING;
    const char *own_method = i4_request_copy(r, method, strlen(method));
    r->method = own_method ? own_method : "";
    MHD_get_connection_values(connection, MHD_HEADER_KIND, on_header, r);
    judge(r);
    set_phase(r->server, link, I4_LINK_BODY);
    const char *expect = i4_req_header(r, "Expect");
    const bool is_waiting = expect && strcasecmp(expect, "100-continue") == 0;
    if (is_answered(r) && (is_waiting || content_length(r) > I4_HTTP_DRAIN_BYTES)) {
        return send_answer(r);
    }
    return MHD_YES;
}

static enum MHD_Result on_access(void *user, struct MHD_Connection *connection, const char *url,
                                 const char *method, const char *version, const char *bytes,
                                 size_t *size, void **context) {
    i4_http_server *server = user;
    i4_link *link = link_of(connection);
    i4_http_request *r = NULL;
    (void)url;
    (void)version;
    (void)context;
    if (link) {
        pthread_mutex_lock(&server->lock);
        r = link->request;
        pthread_mutex_unlock(&server->lock);
    }
    if (!r) { /* no memory, or the server stopped before its worker answered */
        return MHD_queue_response(connection, MHD_HTTP_SERVICE_UNAVAILABLE, server->no_memory);
    }
    if (r->state == I4_REQUEST_NEW) {
        return begin_request(r, link, connection, method);
    }
    if (*size > 0) {
        const bool goes_on = take_chunk(r, link, bytes, *size);
        *size = 0;
        return goes_on ? MHD_YES : MHD_NO;
    }
    if (r->state == I4_REQUEST_READING && !is_answered(r)) {
        hand_out(r, link);
        return MHD_YES;
    }
    set_phase(server, link, I4_LINK_ANSWER);
    return send_answer(r);
}

/* The answer is sent, or the connection broke. */
static void on_completed(void *user, struct MHD_Connection *connection, void **context,
                         enum MHD_RequestTerminationCode code) {
    i4_http_server *server = user;
    i4_link *link = link_of(connection);
    (void)context;
    (void)code;
    if (!link) {
        return;
    }
    pthread_mutex_lock(&server->lock);
    i4_http_request *r = link->request;
    link->request = NULL;
    link->phase = I4_LINK_IDLE;
    link->is_looked_at = false;
    link->since = i4_seconds();
    if (r) {
        server->buffered -= r->body_counted;
        server->busy -= r->is_counted;
        pthread_cond_broadcast(&server->quiet);
    }
    pthread_mutex_unlock(&server->lock);
    i4_request_free(r);
}

void i4_loop_resume(i4_http_server *server, struct MHD_Connection *connection) {
    MHD_resume_connection(connection);
    pthread_mutex_lock(&server->lock);
    server->resuming--;
    pthread_cond_broadcast(&server->quiet);
    pthread_mutex_unlock(&server->lock);
}

/* --- the socket we listen on --------------------------------------------------------------- */

typedef struct address {
    struct sockaddr_storage storage;
    socklen_t size;
    char text[72]; /* as in a Host header */
    bool is_loopback, is_any;
} address;

static void describe(address *a) {
    char number[INET6_ADDRSTRLEN] = "";
    if (a->storage.ss_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&a->storage;
        a->is_loopback = IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
        a->is_any = IN6_IS_ADDR_UNSPECIFIED(&v6->sin6_addr);
        inet_ntop(AF_INET6, &v6->sin6_addr, number, sizeof number);
        snprintf(a->text, sizeof a->text, "[%s]", number);
    } else {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)&a->storage;
        a->is_loopback = ntohl(v4->sin_addr.s_addr) >> 24 == 127;
        a->is_any = v4->sin_addr.s_addr == htonl(INADDR_ANY);
        inet_ntop(AF_INET, &v4->sin_addr, number, sizeof number);
        snprintf(a->text, sizeof a->text, "%s", number);
    }
}

/* The older family first: "localhost" may mean both, and clients try it first or next. */
static bool resolve(const char *host, int port, address *a, i4_err *err) {
    char service[16];
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
    struct addrinfo *list = NULL;
    snprintf(service, sizeof service, "%d", port);
    if (getaddrinfo(host, service, &hints, &list) != 0) {
        return i4_fail(err, I4_E_INVALID_ARGUMENT,
                       "'%s' is no address of this machine: use 127.0.0.1", host);
    }
    const struct addrinfo *best = list;
    for (const struct addrinfo *i = list; i; i = i->ai_next) {
        if (i->ai_family == AF_INET) {
            best = i;
            break;
        }
    }
    *a = (address){.size = best->ai_addrlen};
    memcpy(&a->storage, best->ai_addr, best->ai_addrlen);
    freeaddrinfo(list);
    describe(a);
    return true;
}

static bool fail_listen(i4_err *err, const address *a, int port, int code) {
    char reason[128];
    if (strerror_r(code, reason, sizeof reason) != 0) {
        snprintf(reason, sizeof reason, "system error %d", code);
    }
    return i4_fail(err, I4_E_IO, "cannot listen on %s:%d: %s; %s", a->text, port, reason,
                   code == EADDRINUSE ? "stop the program that uses this port, or choose another"
                                      : "choose another address or port");
}

static int port_of(int fd) {
    address bound = {.size = sizeof bound.storage};
    if (getsockname(fd, (struct sockaddr *)&bound.storage, &bound.size) != 0) {
        return -1;
    }
    return bound.storage.ss_family == AF_INET6
               ? ntohs(((const struct sockaddr_in6 *)&bound.storage)->sin6_port)
               : ntohs(((const struct sockaddr_in *)&bound.storage)->sin_port);
}

static bool listen_on(i4_http_server *server, const address *a, int port, i4_err *err) {
    const int yes = 1;
    const int fd = socket(a->storage.ss_family, SOCK_STREAM, 0);
    server->listener = fd;
    if (fd < 0) {
        return fail_listen(err, a, port, errno);
    }
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    fcntl(fd, F_SETFL, O_NONBLOCK);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes); /* not taken by what just ended */
    if (a->storage.ss_family == AF_INET6) {
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &yes, sizeof yes);
    }
    if (bind(fd, (const struct sockaddr *)&a->storage, a->size) != 0 || listen(fd, 4096) != 0) {
        return fail_listen(err, a, port, errno);
    }
    server->port = port_of(fd);
    return server->port > 0 || fail_listen(err, a, port, errno);
}

/* --- start --------------------------------------------------------------------------------- */

/* As many connections as half the descriptors that this process may have, once it asked for more.
 */
static unsigned connection_limit(void) {
    struct rlimit limit;
    const rlim_t wanted = 2 * I4_LOOP_CONNECTIONS + 256;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return 128;
    }
    if (limit.rlim_cur < wanted) {
        const rlim_t old = limit.rlim_cur;
        limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
        if (setrlimit(RLIMIT_NOFILE, &limit) != 0) {
            limit.rlim_cur = old;
        }
    }
    const rlim_t half = limit.rlim_cur > 256 ? (limit.rlim_cur - 128) / 2 : 64;
    return half < I4_LOOP_CONNECTIONS ? (unsigned)half : I4_LOOP_CONNECTIONS;
}

static void on_log(void *user, const char *format, va_list args) I4_PRINTF(2, 0);
static void on_log(void *user, const char *format, va_list args) {
    char line[256];
    const i4_http_server *server = user;
    if (!i4_log_on(I4_LOG_DEBUG)) {
        return;
    }
    vsnprintf(line, sizeof line, format, args);
    line[strcspn(line, "\n")] = '\0';
    i4_log(I4_LOG_DEBUG, server->area, "%s", line);
}

/* For the head of a request and of its answer. More than 32 KiB: then the library maps it, so that
 * it goes back to the system with its connection and a flood leaves nothing behind. */
enum { CONNECTION_BYTES = 36 << 10 };

static bool start_daemon(i4_http_server *server, bool is_v6, i4_err *err) {
    unsigned flags = MHD_USE_INTERNAL_POLLING_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG;
    if (MHD_is_feature_supported(MHD_FEATURE_EPOLL) == MHD_YES) {
        flags |= MHD_USE_EPOLL;
    } else if (MHD_is_feature_supported(MHD_FEATURE_POLL) == MHD_YES) {
        flags |= MHD_USE_POLL;
    }
    flags |= is_v6 ? MHD_USE_IPv6 : 0;
    if (!i4_fault_hit(I4_FAULT_THREAD, 0)) {
        server->daemon =
            MHD_start_daemon(flags, 0, NULL, NULL, on_access, server,    /**/
                             MHD_OPTION_EXTERNAL_LOGGER, on_log, server, /* before all others */
                             MHD_OPTION_LISTEN_SOCKET, server->listener, /**/
                             MHD_OPTION_CONNECTION_LIMIT, connection_limit(), /**/
                             MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_BYTES,
                             MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)I4_LOOP_IDLE_SECONDS, /**/
                             MHD_OPTION_STRICT_FOR_CLIENT, 1,                               /**/
                             MHD_OPTION_URI_LOG_CALLBACK, on_target, server,                /**/
                             MHD_OPTION_UNESCAPE_CALLBACK, keep_escapes, server,            /**/
                             MHD_OPTION_NOTIFY_CONNECTION, on_connection, server,           /**/
                             MHD_OPTION_NOTIFY_COMPLETED, on_completed, server,             /**/
                             MHD_OPTION_END);
    }
    if (!server->daemon) {
        return i4_fail(err, I4_E_INTERNAL,
                       "cannot start the HTTP server on port %d: memory or threads are short",
                       server->port);
    }
    server->listener = -1; /* the daemon's now */
    return true;
}

static char **copy_list(const char *const *list) {
    size_t count = 0;
    while (list[count]) {
        count++;
    }
    char **copy = i4_calloc(count + 1, sizeof *copy);
    for (size_t i = 0; copy && i < count; i++) {
        copy[i] = i4_strdup(list[i]);
        if (!copy[i]) {
            while (i > 0) {
                i4_free(copy[--i]);
            }
            i4_free(copy);
            return NULL;
        }
    }
    return copy;
}

static void free_list(char **list) {
    for (size_t i = 0; list && list[i]; i++) {
        i4_free(list[i]);
    }
    i4_free(list);
}

static bool copy_options(i4_http_server *server, const i4_http_options *o, const address *a,
                         i4_err *err) {
    if (o->token && strlen(o->token) >= sizeof server->token) {
        return i4_fail(err, I4_E_INVALID_ARGUMENT, "the access token is longer than %zu characters",
                       sizeof server->token - 1);
    }
    snprintf(server->host, sizeof server->host, "%s", a->is_any ? "" : a->text);
    snprintf(server->area, sizeof server->area, "%s", o->area ? o->area : "http");
    snprintf(server->token, sizeof server->token, "%s", o->token ? o->token : "");
    server->lists[0] = o->origins ? copy_list(o->origins) : NULL;
    server->lists[1] = o->hosts ? copy_list(o->hosts) : NULL;
    server->static_dir = o->static_dir ? i4_strdup(o->static_dir) : NULL;
    if ((o->origins && !server->lists[0]) || (o->hosts && !server->lists[1]) ||
        (o->static_dir && !server->static_dir)) {
        return i4_fail_memory(err, "the server's options", 0);
    }
    server->routes = o->routes;
    server->user = o->user;
    server->guard = (i4_guard){
        .host = server->host,
        .port = server->port,
        .any_address = a->is_any,
        .origins = (const char *const *)server->lists[0],
        .hosts = (const char *const *)server->lists[1],
        .credentials = o->cors_credentials,
        .token = o->token ? server->token : NULL,
    };
    return true;
}

static bool make_bell(i4_http_server *server, i4_err *err) {
    if (pipe(server->bell) != 0) {
        server->bell[0] = server->bell[1] = -1;
        return i4_fail(err, I4_E_IO, "cannot make a pipe: too many files are open");
    }
    fcntl(server->bell[0], F_SETFD, FD_CLOEXEC);
    fcntl(server->bell[1], F_SETFD, FD_CLOEXEC);
    return true;
}

static bool start_sweeper(i4_http_server *server, i4_err *err) {
    if (!make_bell(server, err)) {
        return false;
    }
    if (i4_fault_hit(I4_FAULT_THREAD, 0) ||
        pthread_create(&server->sweeper, NULL, sweeper_main, server) != 0) {
        close(server->bell[1]);
        server->bell[1] = -1;
        return i4_fail(err, I4_E_INTERNAL, "cannot start a thread: the limit of threads is hit");
    }
    return true;
}

static i4_http_server *server_new(i4_err *err) {
    i4_http_server *server = i4_calloc(1, sizeof *server);
    if (!server) {
        i4_fail_memory(err, "the HTTP server", sizeof *server);
        return NULL;
    }
    server->listener = server->bell[0] = server->bell[1] = -1;
    server->holders = 1;
    server->quick.last = &server->quick.first;
    server->slow.last = &server->slow.first;
    server->streaming.last = &server->streaming.first;
    pthread_mutex_init(&server->lock, NULL);
    pthread_cond_init(&server->quiet, NULL);
    pthread_cond_init(&server->quick.arrived, NULL);
    pthread_cond_init(&server->slow.arrived, NULL);
    pthread_cond_init(&server->streaming.arrived, NULL);
    return server;
}

static bool make_spare_answer(i4_http_server *server, i4_err *err) {
    static char text[] = "{\"error\":\"the service is out of memory or stopping\"}";
    server->no_memory =
        MHD_create_response_from_buffer(sizeof text - 1, text, MHD_RESPMEM_PERSISTENT);
    if (!server->no_memory ||
        MHD_add_response_header(server->no_memory, "Content-Type", "application/json") != MHD_YES ||
        MHD_add_response_header(server->no_memory, "X-Content-Type-Options", "nosniff") !=
            MHD_YES) {
        return i4_fail_memory(err, "the HTTP server", sizeof text);
    }
    return true;
}

static bool check_options(const i4_http_options *o, const address *a, i4_err *err) {
    enum { TOKEN_CHARS = 22 }; /* 128 bits in base64 */
    if (!a->is_loopback && (!o->token || strlen(o->token) < TOKEN_CHARS)) {
        return i4_fail(err, I4_E_INVALID_ARGUMENT,
                       "%s can be reached from other machines: set an access token of at least %d "
                       "characters, or bind to 127.0.0.1",
                       a->text, TOKEN_CHARS);
    }
    return true;
}

static bool start_all(i4_http_server *server, const i4_http_options *o, i4_err *err) {
    address a;
    if (o->port < 0 || o->port > 65535) {
        return i4_fail(err, I4_E_INVALID_ARGUMENT, "port %d: must be from 0 to 65535", o->port);
    }
    return resolve(o->host ? o->host : "127.0.0.1", o->port, &a, err) &&
           check_options(o, &a, err) && listen_on(server, &a, o->port, err) &&
           copy_options(server, o, &a, err) && make_spare_answer(server, err) &&
           i4_work_start(server, o->workers > 0 ? o->workers : 8,
                         o->slow_workers > 0 ? o->slow_workers : 8, err) &&
           start_sweeper(server, err) && start_daemon(server, a.storage.ss_family == AF_INET6, err);
}

i4_http_server *i4_http_start(const i4_http_options *options, i4_err *err) {
    i4_http_server *server = server_new(err);
    if (!server) {
        return NULL;
    }
    /* Our threads take no signals: they are the program's. */
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    const bool is_started = start_all(server, options, err);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (!is_started) {
        i4_http_stop(server, 1);
        return NULL;
    }
    return server;
}

int i4_http_port(const i4_http_server *server) {
    return server->port;
}

/* --- stop ---------------------------------------------------------------------------------- */

static void wait_until_quiet(i4_http_server *server, double until) {
    pthread_mutex_lock(&server->lock);
    while (server->busy > 0 && i4_seconds() < until) {
        i4_loop_wait(server);
    }
    pthread_mutex_unlock(&server->lock);
}

/* A request that a worker still has, taken from its connection; NULL when there is none. */
static struct MHD_Connection *lose_request(i4_http_server *server) {
    struct MHD_Connection *connection = NULL;
    pthread_mutex_lock(&server->lock);
    for (i4_link *link = server->links; link && !connection; link = link->next) {
        i4_http_request *r = link->request;
        if (r && (r->state == I4_REQUEST_QUEUED || r->state == I4_REQUEST_RUNNING)) {
            connection = r->connection;
            server->buffered -= r->body_counted;
            server->resuming++;
            link->request = NULL;
            r->state = I4_REQUEST_LOST;
        }
    }
    pthread_mutex_unlock(&server->lock);
    return connection;
}

/* Requests that no worker will take any more. */
static void free_queue(i4_http_server *server, i4_queue *queue) {
    for (;;) {
        pthread_mutex_lock(&server->lock);
        i4_work *work = queue->first;
        queue->first = work ? work->next : NULL;
        queue->last = queue->first ? queue->last : &queue->first;
        pthread_mutex_unlock(&server->lock);
        if (!work) {
            return;
        }
        if (work->is_stream) {
            i4_stream_run((i4_stream *)work);
        } else {
            i4_request_free((i4_http_request *)work);
        }
    }
}

static void stop_daemon(i4_http_server *server) {
    if (!server->daemon) {
        return;
    }
    struct MHD_Connection *connection;
    while ((connection = lose_request(server)) != NULL) {
        i4_loop_resume(server, connection);
    }
    i4_stream_end_all(server);
    MHD_stop_daemon(server->daemon);
    server->daemon = NULL;
}

static void stop_sweeper(i4_http_server *server) {
    if (server->bell[1] >= 0) {
        close(server->bell[1]);
        server->bell[1] = -1;
        pthread_join(server->sweeper, NULL);
    }
}

bool i4_http_stop(i4_http_server *server, double seconds) {
    if (!server) {
        return true;
    }
    const double until = i4_seconds() + seconds;
    const double streams_until = i4_seconds() + (seconds < 1 ? seconds : 1);
    const int listener = server->daemon ? MHD_quiesce_daemon(server->daemon) : server->listener;
    server->listener = listener;
    pthread_mutex_lock(&server->lock);
    server->is_stopping = true;
    pthread_mutex_unlock(&server->lock);
    i4_stream_end_all(server);
    wait_until_quiet(server, streams_until);
    i4_stream_hang_up(server);
    wait_until_quiet(server, until);
    const bool is_clean = i4_work_stop(server, until);
    stop_sweeper(server);
    stop_daemon(server);
    free_queue(server, &server->quick);
    free_queue(server, &server->slow);
    free_queue(server, &server->streaming);
    i4_work_release(server);
    return is_clean;
}

void i4_loop_free(i4_http_server *server) {
    for (int i = 0; i < 2; i++) {
        free_list(server->lists[i]);
    }
    if (server->listener >= 0) {
        close(server->listener);
    }
    if (server->bell[0] >= 0) {
        close(server->bell[0]);
    }
    if (server->no_memory) {
        MHD_destroy_response(server->no_memory);
    }
    pthread_cond_destroy(&server->quick.arrived);
    pthread_cond_destroy(&server->slow.arrived);
    pthread_cond_destroy(&server->streaming.arrived);
    pthread_cond_destroy(&server->quiet);
    pthread_mutex_destroy(&server->lock);
    i4_free(server->static_dir);
    i4_free(server->workers);
    i4_free(server);
}
