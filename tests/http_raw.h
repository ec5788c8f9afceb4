/* For tests: HTTP by hand over loopback sockets, so that requests can be as wrong as needed. */
#ifndef ID4_TESTS_HTTP_RAW_H
#define ID4_TESTS_HTTP_RAW_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cmocka.h>

typedef struct raw_answer {
    int status;  /* 0: the connection ended without an answer */
    char *text;  /* all of it; owned */
    char *body;  /* inside text */
    size_t size; /* of the body */
} raw_answer;

static inline int raw_connect(int port) {
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    struct timeval patience = {.tv_sec = 20};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_true(fd >= 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    assert_int_equal(connect(fd, (const struct sockaddr *)&to, sizeof to), 0);
    return fd;
}

/* False when the peer hung up. */
static inline bool raw_send(int fd, const void *bytes, size_t size) {
    const char *rest = bytes;
    while (size > 0) {
        const ssize_t sent = send(fd, rest, size, MSG_NOSIGNAL);
        if (sent <= 0) {
            return false;
        }
        rest += sent;
        size -= (size_t)sent;
    }
    return true;
}

static inline bool raw_say(int fd, const char *text) {
    return raw_send(fd, text, strlen(text));
}

static inline void raw_parse(raw_answer *a, size_t size) {
    a->body = a->text + size;
    a->size = 0;
    a->status = 0;
    if (sscanf(a->text, "HTTP/1.%*d %d", &a->status) != 1) {
        return;
    }
    char *end = strstr(a->text, "\r\n\r\n");
    if (end) {
        a->body = end + 4;
        a->size = size - (size_t)(a->body - a->text);
    }
}

/* Reads until the peer hangs up. */
static inline raw_answer raw_read(int fd) {
    raw_answer a = {0};
    size_t size = 0, room = 4096;
    a.text = malloc(room);
    for (;;) {
        assert_non_null(a.text);
        const ssize_t got = recv(fd, a.text + size, room - size - 1, 0);
        if (got <= 0) {
            break;
        }
        size += (size_t)got;
        if (room - size < 2) {
            room *= 2;
            a.text = realloc(a.text, room);
        }
    }
    a.text[size] = '\0';
    raw_parse(&a, size);
    return a;
}

static inline raw_answer raw_exchange(int port, const void *bytes, size_t size) {
    const int fd = raw_connect(port);
    raw_send(fd, bytes, size);
    const raw_answer a = raw_read(fd);
    close(fd);
    return a;
}

/* lines: further header lines, each with its "\r\n"; body NULL: none, and no length. */
static inline raw_answer raw_ask(int port, const char *method, const char *target,
                                 const char *lines, const char *body) {
    const size_t size = body ? strlen(body) : 0;
    const size_t room = size + strlen(target) + (lines ? strlen(lines) : 0) + 512;
    char *text = malloc(room), length[64] = "", host[64] = "";
    assert_non_null(text);
    if (body) {
        snprintf(length, sizeof length, "Content-Length: %zu\r\n", size);
    }
    if (!lines || !strstr(lines, "Host:")) {
        snprintf(host, sizeof host, "Host: 127.0.0.1:%d\r\n", port);
    }
    const int used = snprintf(text, room, "%s %s HTTP/1.1\r\n%s%s%sConnection: close\r\n\r\n%s",
                              method, target, host, length, lines ? lines : "", body ? body : "");
    assert_true(used > 0 && (size_t)used < room);
    const raw_answer a = raw_exchange(port, text, (size_t)used);
    free(text);
    return a;
}

static inline void raw_free(raw_answer *a) {
    free(a->text);
    *a = (raw_answer){0};
}

/* The value of a header line in the last answer asked for; "" if absent. */
static inline const char *raw_header(const raw_answer *a, const char *name) {
    static char value[1024];
    char wanted[128];
    value[0] = '\0';
    snprintf(wanted, sizeof wanted, "\r\n%s: ", name);
    const char *found = strstr(a->text, wanted);
    if (found && found < a->body) {
        found += strlen(wanted);
        snprintf(value, sizeof value, "%.*s", (int)strcspn(found, "\r"), found);
    }
    return value;
}

#endif
