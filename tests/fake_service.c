/* One thread accepts, one thread a connection answers. */
#include "fake_service.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum { REQUEST_MOST = 64 << 20 };

typedef struct connection {
    fake_service *service;
    int fd;
} connection;

static void give_up(const char *what) {
    perror(what);
    abort();
}

/* --- answers -------------------------------------------------------------------------------- */

bool fake_send(int fd, const void *bytes, size_t size) {
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

bool fake_send_text(int fd, const char *text) {
    return fake_send(fd, text, strlen(text));
}

void fake_reply(int fd, int status, const char *type, const void *bytes, size_t size) {
    char head[512];
    snprintf(head, sizeof head,
             "HTTP/1.1 %d Fake\r\nContent-Type: %s\r\nContent-Length: %zu\r\n"
             "Connection: close\r\n\r\n",
             status, type, size);
    if (fake_send_text(fd, head)) {
        (void)fake_send(fd, bytes, size);
    }
}

void fake_reply_json(int fd, int status, const char *text) {
    fake_reply(fd, status, "application/json", text, strlen(text));
}

bool fake_service_sleep(fake_service *service, int milliseconds) {
    for (int left = milliseconds;; left -= 20) {
        pthread_mutex_lock(&service->mutex);
        const bool is_stopping = service->is_stopping;
        pthread_mutex_unlock(&service->mutex);
        if (is_stopping || left <= 0) {
            return !is_stopping;
        }
        (void)poll(NULL, 0, left < 20 ? left : 20);
    }
}

/* --- requests ------------------------------------------------------------------------------- */

static size_t body_size(const char *head) {
    for (const char *line = head; (line = strchr(line, '\n')) != NULL; line++) {
        if (strncasecmp(line + 1, "Content-Length:", 15) == 0) {
            return (size_t)strtoul(line + 16, NULL, 10);
        }
    }
    return 0;
}

/* All of a request, in one block that call->head owns. */
static bool read_call(int fd, fake_call *call) {
    size_t capacity = 1 << 16, size = 0, need = 0;
    char *text = malloc(capacity), *end = NULL;
    while (text && (!end || size < need)) {
        if (size + 1 == capacity) {
            capacity = capacity < REQUEST_MOST ? 2 * capacity : 0;
            char *grown = capacity ? realloc(text, capacity) : NULL;
            if (!grown) {
                give_up("a request");
            }
            text = grown;
        }
        const ssize_t n = recv(fd, text + size, capacity - 1 - size, 0);
        if (n <= 0) {
            free(text);
            return false;
        }
        size += (size_t)n;
        text[size] = '\0';
        const char *found = end ? NULL : strstr(text, "\r\n\r\n");
        if (found) {
            end = text; /* known */
            need = (size_t)(found - text) + 4 + body_size(text);
        }
    }
    call->head = text;
    char *blank = strstr(text, "\r\n\r\n");
    *blank = '\0';
    call->body = blank + 4;
    call->size = size - (size_t)(call->body - text);
    return sscanf(text, "%15s %2047s", call->method, call->target) == 2;
}

static void *serve(void *user) {
    connection *c = user;
    fake_service *service = c->service;
    fake_call call = {.head = NULL};
    if (read_call(c->fd, &call)) {
        service->answer(service, c->fd, &call, service->user);
    }
    free(call.head);
    (void)shutdown(c->fd, SHUT_WR);
    close(c->fd);
    free(c);
    pthread_mutex_lock(&service->mutex);
    service->connections--;
    pthread_cond_signal(&service->quiet);
    pthread_mutex_unlock(&service->mutex);
    return NULL;
}

static void start_serving(fake_service *service, int fd) {
    const struct timeval limit = {.tv_sec = 20};
    connection *c = malloc(sizeof *c);
    pthread_attr_t detached;
    pthread_t thread;
    if (!c) {
        give_up("a connection");
    }
    *c = (connection){service, fd};
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    pthread_mutex_lock(&service->mutex);
    service->connections++;
    pthread_mutex_unlock(&service->mutex);
    pthread_attr_init(&detached);
    pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
    if (pthread_create(&thread, &detached, serve, c) != 0) {
        give_up("a thread");
    }
    pthread_attr_destroy(&detached);
}

static void *accept_all(void *user) {
    fake_service *service = user;
    for (;;) {
        struct pollfd ends[2] = {{.fd = service->listener, .events = POLLIN},
                                 {.fd = service->wake[0], .events = POLLIN}};
        if (poll(ends, 2, -1) > 0 && ends[1].revents) {
            return NULL;
        }
        const int fd = accept(service->listener, NULL, NULL);
        if (fd >= 0) {
            start_serving(service, fd);
        }
    }
}

/* --- life ----------------------------------------------------------------------------------- */

void fake_service_open(fake_service *service, int port, fake_answer answer, void *user) {
    const int on = 1;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port)};
    socklen_t size = sizeof address;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    *service = (fake_service){.answer = answer, .user = user};
    pthread_mutex_init(&service->mutex, NULL);
    pthread_cond_init(&service->quiet, NULL);
    service->listener = socket(AF_INET, SOCK_STREAM, 0);
    if (service->listener < 0 || pipe(service->wake) != 0) {
        give_up("a socket");
    }
    (void)setsockopt(service->listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(service->listener, (struct sockaddr *)&address, sizeof address) != 0 ||
        listen(service->listener, 64) != 0 ||
        getsockname(service->listener, (struct sockaddr *)&address, &size) != 0) {
        give_up("a port");
    }
    service->port = ntohs(address.sin_port);
    if (pthread_create(&service->acceptor, NULL, accept_all, service) != 0) {
        give_up("a thread");
    }
}

void fake_service_close(fake_service *service) {
    pthread_mutex_lock(&service->mutex);
    service->is_stopping = true;
    pthread_mutex_unlock(&service->mutex);
    if (write(service->wake[1], "", 1) != 1) {
        give_up("a pipe");
    }
    pthread_join(service->acceptor, NULL);
    close(service->listener);
    pthread_mutex_lock(&service->mutex);
    while (service->connections > 0) {
        pthread_cond_wait(&service->quiet, &service->mutex);
    }
    pthread_mutex_unlock(&service->mutex);
    close(service->wake[0]);
    close(service->wake[1]);
    pthread_cond_destroy(&service->quiet);
    pthread_mutex_destroy(&service->mutex);
}
