/* The scripted hub: one thread accepts, one thread per connection answers one request. */
#include "fake_hub.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

typedef struct connection {
    fake_hub *hub;
    int fd;
    char port;
} connection;

static void give_up(const char *what) {
    perror(what);
    abort();
}

/* --- sending -------------------------------------------------------------------------------- */

static bool send_all(int fd, const void *bytes, size_t size) {
    const char *next = bytes;
    while (size > 0) {
        const ssize_t n = send(fd, next, size, MSG_NOSIGNAL);
        if (n <= 0) {
            return false;
        }
        next += n;
        size -= (size_t)n;
    }
    return true;
}

static void send_head(int fd, int status, const char *headers, long long length) {
    char head[4096];
    const int n =
        snprintf(head, sizeof head,
                 "HTTP/1.1 %d Fake\r\n%sContent-Length: %lld\r\nConnection: close\r\n\r\n", status,
                 headers, length);
    (void)send_all(fd, head, (size_t)n);
}

static void send_text(const connection *c, const fake_request *q, int status, const char *headers,
                      const char *body) {
    send_head(c->fd, status, headers, (long long)strlen(body));
    if (strcmp(q->method, "HEAD") != 0) {
        (void)send_all(c->fd, body, strlen(body));
    }
}

static void refuse(const connection *c, const fake_request *q, int status, const char *code) {
    char headers[2048] = "";
    int n = 0;
    if (code) {
        n = snprintf(headers, sizeof headers, "X-Error-Code: %s\r\n", code);
    }
    if (c->hub->message) {
        (void)snprintf(headers + n, sizeof headers - (size_t)n, "X-Error-Message: %s\r\n",
                       c->hub->message);
    }
    send_text(c, q, status, headers, "<html>no</html>");
}

/* --- bodies --------------------------------------------------------------------------------- */

static bool peer_is_gone(int fd) {
    char byte;
    return recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

static void stall(const connection *c) {
    fake_hub *hub = c->hub;
    for (bool waits = true; waits;) {
        pthread_mutex_lock(&hub->mutex);
        waits = !hub->is_released && !hub->is_stopping && !peer_is_gone(c->fd);
        hub->stalled = waits;
        pthread_mutex_unlock(&hub->mutex);
        nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
    }
}

/* Bytes of this body before it is cut; -1: all. */
static long next_cut(fake_hub *hub, size_t from, size_t size, bool *is_reset) {
    long cut = -1;
    pthread_mutex_lock(&hub->mutex);
    if (hub->cuts_done < hub->cut_count) {
        cut = hub->cuts[hub->cuts_done] % (long)size;
        *is_reset = hub->cuts_reset && hub->cuts_done % 3 == 0;
        hub->sent[hub->cuts_done++] = *is_reset ? -1 : (long)from + cut;
    }
    pthread_mutex_unlock(&hub->mutex);
    return cut;
}

static bool take_turn(fake_hub *hub, int *times) {
    pthread_mutex_lock(&hub->mutex);
    const bool is_on = *times > 0;
    *times -= is_on;
    pthread_mutex_unlock(&hub->mutex);
    return is_on;
}

static void send_bytes(const connection *c, const fake_file *f, size_t from) {
    fake_hub *hub = c->hub;
    size_t size = f->size - from;
    bool is_reset = false;
    uint8_t *copy = malloc(size + 1);
    if (!copy) {
        give_up("malloc");
    }
    memcpy(copy, f->bytes + from, size);
    copy[size] = 0;
    if (hub->damaged && strcmp(hub->damaged, f->name) == 0 && take_turn(hub, &hub->damaged_times)) {
        copy[size / 2] ^= 1;
    }
    const long cut = c->port == 'c' ? next_cut(hub, from, size, &is_reset) : -1;
    size_t first =
        hub->stall_after >= 0 && (size_t)hub->stall_after < size ? (size_t)hub->stall_after : size;
    first = cut >= 0 ? (size_t)cut : first;
    const bool is_sent = send_all(c->fd, copy, first);
    if (cut >= 0 && is_reset) {
        const struct linger hard = {.l_onoff = 1};
        (void)setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    } else if (cut < 0 && is_sent && first < size) {
        stall(c);
        (void)send_all(c->fd, copy + first, size - first);
    }
    if (hub->sends_too_much) {
        (void)send_all(c->fd, copy, 1);
    }
    free(copy);
}

static void send_file(const connection *c, const fake_request *q, const fake_file *f,
                      const char *etag_header) {
    fake_hub *hub = c->hub;
    char headers[1024];
    size_t from = q->from > 0 && !hub->has_no_ranges ? (size_t)q->from : 0;
    if (from >= f->size && q->from > 0 && !hub->has_no_ranges) {
        send_text(c, q, 416, "", "");
        return;
    }
    if (from > 0 && hub->has_wrong_ranges) {
        from /= 2;
    }
    const bool is_part = from > 0;
    int n = snprintf(headers, sizeof headers, "%s", etag_header);
    if (is_part) {
        (void)snprintf(headers + n, sizeof headers - (size_t)n,
                       "Content-Range: bytes %zu-%zu/%zu\r\n", from, f->size - 1, f->size);
    }
    send_head(c->fd, is_part ? 206 : 200, headers,
              (long long)(f->size - from + (hub->sends_too_much ? 1 : 0)));
    if (strcmp(q->method, "HEAD") != 0) {
        send_bytes(c, f, from);
    }
}

/* --- the hub -------------------------------------------------------------------------------- */

static void send_listing(const connection *c, const fake_request *q) {
    const fake_hub *hub = c->hub;
    const size_t room = 1024 + hub->file_count * 600;
    char *text = malloc(room);
    if (!text) {
        give_up("malloc");
    }
    int n = snprintf(text, room, "{\"id\":\"%s\",\"sha\":\"%s\",\"siblings\":[", hub->repo,
                     hub->commit);
    for (size_t i = 0; i < hub->file_count; i++) {
        n += snprintf(text + n, room - (size_t)n, "%s{\"rfilename\":\"%s\"}", i ? "," : "",
                      hub->files[i].name);
    }
    (void)snprintf(text + n, room - (size_t)n, "]}");
    send_text(c, q, 200, "Content-Type: application/json\r\n", hub->listing ? hub->listing : text);
    free(text);
}

static const fake_file *find_file(const fake_hub *hub, const char *name, size_t *index) {
    for (size_t i = 0; i < hub->file_count; i++) {
        if (strcmp(hub->files[i].name, name) == 0) {
            *index = i;
            return &hub->files[i];
        }
    }
    return NULL;
}

static void send_resolved(const connection *c, const fake_request *q, const char *name) {
    const fake_hub *hub = c->hub;
    char headers[2048], signed_url[512];
    size_t index = 0;
    const fake_file *f = find_file(hub, name, &index);
    if (!f) {
        refuse(c, q, 404, "EntryNotFound");
    } else if (!f->is_large) {
        (void)snprintf(headers, sizeof headers, "X-Repo-Commit: %s\r\nETag: \"%s\"\r\n",
                       hub->commit, f->etag);
        send_file(c, q, f, headers);
    } else {
        (void)snprintf(signed_url, sizeof signed_url,
                       "http://127.0.0.1:%d/bytes/%zu?Signature=s3cr3t-signature",
                       hub->network_port, index);
        (void)snprintf(headers, sizeof headers,
                       "X-Repo-Commit: %s\r\nX-Linked-Etag: \"%s\"\r\nX-Linked-Size: %zu\r\n"
                       "ETag: W/\"another\"\r\nLocation: %s\r\n",
                       hub->commit, f->etag, f->size, hub->location ? hub->location : signed_url);
        send_text(c, q, 302, headers, "Found. Redirecting");
    }
}

static bool has_token(const fake_hub *hub, const fake_request *q) {
    char wanted[300];
    (void)snprintf(wanted, sizeof wanted, "Bearer %s", hub->token ? hub->token : "");
    return !hub->token || strcmp(q->authorization, wanted) == 0;
}

/* target without "before"; NULL if it does not begin with that. */
static const char *after(const char *target, const char *before) {
    const size_t length = strlen(before);
    return strncmp(target, before, length) == 0 ? target + length : NULL;
}

static bool redirect_renamed(const connection *c, const fake_request *q) {
    const fake_hub *hub = c->hub;
    const char *old = hub->old_repo ? strstr(q->target, hub->old_repo) : NULL;
    char headers[2048];
    if (!old) {
        return false;
    }
    (void)snprintf(headers, sizeof headers, "Location: %.*s%s%s\r\n", (int)(old - q->target),
                   q->target, hub->repo, old + strlen(hub->old_repo));
    send_text(c, q, 307, headers, "Temporary Redirect");
    return true;
}

static void answer_hub(const connection *c, const fake_request *q) {
    const fake_hub *hub = c->hub;
    char api[512], files[512];
    (void)snprintf(api, sizeof api, "/api/models/%s/revision/", hub->repo);
    (void)snprintf(files, sizeof files, "/%s/resolve/%s/", hub->repo, hub->commit);
    const char *revision = after(q->target, api);
    const char *name = after(q->target, files);
    if (redirect_renamed(c, q)) {
        return;
    }
    if ((!revision && !name) || (hub->is_private && !has_token(hub, q))) {
        refuse(c, q, 401, "RepoNotFound");
    } else if (revision && strcmp(revision, hub->revision) != 0 &&
               strcmp(revision, hub->commit) != 0) {
        refuse(c, q, 404, "RevisionNotFound");
    } else if (revision) {
        send_listing(c, q);
    } else if (!has_token(hub, q)) {
        refuse(c, q, q->authorization[0] ? 403 : 401, "GatedRepo");
    } else {
        send_resolved(c, q, name);
    }
}

static void answer_network(const connection *c, const fake_request *q) {
    fake_hub *hub = c->hub;
    const char *number = after(q->target, "/bytes/");
    const size_t index = number ? strtoul(number, NULL, 10) : hub->file_count;
    if (q->authorization[0]) {
        send_text(c, q, 400, "", "only one auth mechanism allowed");
    } else if (index >= hub->file_count) {
        send_text(c, q, 404, "", "no such key");
    } else if (take_turn(hub, &hub->expired_times)) {
        send_text(c, q, 403, "", "Request has expired");
    } else {
        send_file(c, q, &hub->files[index], "");
    }
}

/* --- requests ------------------------------------------------------------------------------- */

static bool read_request(int fd, char *text, size_t size) {
    size_t length = 0;
    while (length + 1 < size) {
        const ssize_t n = recv(fd, text + length, size - 1 - length, 0);
        if (n <= 0) {
            return false;
        }
        length += (size_t)n;
        text[length] = '\0';
        if (strstr(text, "\r\n\r\n")) {
            return true;
        }
    }
    return false;
}

static void find_header(const char *text, const char *name, char *out, size_t size) {
    const char *at = strstr(text, name);
    out[0] = '\0';
    if (at) {
        at += strlen(name);
        at += strspn(at, ": ");
        (void)snprintf(out, size, "%.*s", (int)strcspn(at, "\r\n"), at);
    }
}

static void parse(const char *text, char port, fake_request *q) {
    char range[64];
    *q = (fake_request){.port = port, .from = -1};
    (void)sscanf(text, "%7s %1023s", q->method, q->target);
    find_header(text, "\r\nAuthorization", q->authorization, sizeof q->authorization);
    find_header(text, "\r\nRange", range, sizeof range);
    (void)sscanf(range, "bytes=%lld-", &q->from);
}

static void note(fake_hub *hub, const fake_request *q) {
    pthread_mutex_lock(&hub->mutex);
    if (hub->log_count < FAKE_LOG_MOST) {
        hub->log[hub->log_count++] = *q;
    }
    pthread_mutex_unlock(&hub->mutex);
}

static bool fails_on_purpose(const connection *c, const fake_request *q) {
    fake_hub *hub = c->hub;
    if (!hub->failing || !strstr(q->target, hub->failing) || !take_turn(hub, &hub->failing_times)) {
        return false;
    }
    if (hub->failing_status) { /* 0: no answer at all */
        send_text(c, q, hub->failing_status, hub->failing_header ? hub->failing_header : "",
                  "out of order");
    }
    return true;
}

static void *serve(void *user) {
    connection *c = user;
    char text[16384];
    fake_request q;
    if (read_request(c->fd, text, sizeof text)) {
        parse(text, c->port, &q);
        note(c->hub, &q);
        if (!fails_on_purpose(c, &q)) {
            (c->port == 'h' ? answer_hub : answer_network)(c, &q);
        }
    }
    close(c->fd);
    pthread_mutex_lock(&c->hub->mutex);
    c->hub->busy--;
    pthread_mutex_unlock(&c->hub->mutex);
    free(c);
    return NULL;
}

static void accept_one(fake_hub *hub, int listener) {
    const struct timeval patience = {.tv_sec = 10};
    const int fd = accept(hub->listeners[listener], NULL, NULL);
    if (fd < 0 || hub->thread_count == FAKE_LOG_MOST) {
        return;
    }
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    connection *c = malloc(sizeof *c);
    if (!c) {
        give_up("malloc");
    }
    pthread_mutex_lock(&hub->mutex);
    hub->busy++;
    pthread_mutex_unlock(&hub->mutex);
    *c = (connection){.hub = hub, .fd = fd, .port = listener == 0 ? 'h' : 'c'};
    if (pthread_create(&hub->threads[hub->thread_count], NULL, serve, c) != 0) {
        give_up("pthread_create");
    }
    hub->thread_count++;
}

static void *accept_all(void *user) {
    fake_hub *hub = user;
    for (;;) {
        struct pollfd polled[3] = {{.fd = hub->listeners[0], .events = POLLIN},
                                   {.fd = hub->listeners[1], .events = POLLIN},
                                   {.fd = hub->wake[0], .events = POLLIN}};
        if (poll(polled, 3, -1) < 0) {
            continue;
        }
        if (polled[2].revents) {
            return NULL;
        }
        for (int i = 0; i < 2; i++) {
            if (polled[i].revents & POLLIN) {
                accept_one(hub, i);
            }
        }
    }
}

/* --- life ----------------------------------------------------------------------------------- */

static int listen_somewhere(int *port) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&at, size) != 0 || listen(fd, 64) != 0 ||
        getsockname(fd, (struct sockaddr *)&at, &size) != 0) {
        give_up("listen");
    }
    *port = ntohs(at.sin_port);
    return fd;
}

void fake_hub_open(fake_hub *hub) {
    memset(hub, 0, sizeof *hub);
    hub->stall_after = -1;
    if (pthread_mutex_init(&hub->mutex, NULL) != 0 || pipe(hub->wake) != 0) {
        give_up("fake_hub_open");
    }
    hub->listeners[0] = listen_somewhere(&hub->hub_port);
    hub->listeners[1] = listen_somewhere(&hub->network_port);
}

void fake_hub_run(fake_hub *hub) {
    if (pthread_create(&hub->acceptor, NULL, accept_all, hub) != 0) {
        give_up("pthread_create");
    }
    hub->is_running = true;
}

void fake_hub_settle(fake_hub *hub) {
    for (bool is_busy = true; is_busy;) {
        pthread_mutex_lock(&hub->mutex);
        is_busy = hub->busy > 0;
        pthread_mutex_unlock(&hub->mutex);
        if (is_busy) {
            nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
        }
    }
}

void fake_hub_release(fake_hub *hub) {
    pthread_mutex_lock(&hub->mutex);
    hub->is_released = true;
    pthread_mutex_unlock(&hub->mutex);
}

void fake_hub_close(fake_hub *hub) {
    pthread_mutex_lock(&hub->mutex);
    hub->is_stopping = true;
    pthread_mutex_unlock(&hub->mutex);
    if (write(hub->wake[1], "", 1) != 1) {
        give_up("write");
    }
    if (hub->is_running) {
        pthread_join(hub->acceptor, NULL);
    }
    for (size_t i = 0; i < hub->thread_count; i++) {
        pthread_join(hub->threads[i], NULL);
    }
    close(hub->listeners[0]);
    close(hub->listeners[1]);
    close(hub->wake[0]);
    close(hub->wake[1]);
    pthread_mutex_destroy(&hub->mutex);
}

int fake_hub_count(fake_hub *hub, char port, const char *method, const char *target) {
    int count = 0;
    pthread_mutex_lock(&hub->mutex);
    for (size_t i = 0; i < hub->log_count; i++) {
        const fake_request *q = &hub->log[i];
        count +=
            (!port || q->port == port) && strstr(q->method, method) && strstr(q->target, target);
    }
    pthread_mutex_unlock(&hub->mutex);
    return count;
}

bool fake_hub_is_stalled(fake_hub *hub) {
    pthread_mutex_lock(&hub->mutex);
    const bool is_stalled = hub->stalled > 0;
    pthread_mutex_unlock(&hub->mutex);
    return is_stalled;
}
