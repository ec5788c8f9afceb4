/* For tests of running programs: a keep-alive HTTP connection that outlives a peer that dies, and
 * what the system says about a process. Nothing here fails a test by itself. */
#ifndef ID4_TESTS_PROBE_H
#define ID4_TESTS_PROBE_H

#include <arpa/inet.h>
#include <dirent.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

/* --- time, chance, environment -------------------------------------------------------------- */

static inline double probe_now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static inline void probe_sleep(double seconds) {
    (void)poll(NULL, 0, (int)(1000 * seconds));
}

/* xorshift: the same moments in every run with the same seed, which is not 0 */
static inline uint32_t probe_random(uint32_t *state) {
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

static inline long probe_number(const char *variable, long fallback) {
    const char *text = getenv(variable);
    return text && text[0] ? strtol(text, NULL, 10) : fallback;
}

/* --- HTTP ----------------------------------------------------------------------------------- */

enum { PROBE_PATIENCE = 60 }; /* seconds for an answer: far beyond every deadline tested */

static inline int probe_connect(int port) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    const struct timeval patience = {.tv_sec = PROBE_PATIENCE};
    const int yes = 1;
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || connect(fd, (const struct sockaddr *)&to, sizeof to) != 0) {
        if (fd >= 0) {
            close(fd);
        }
        return -1;
    }
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    return fd;
}

static inline bool probe_send(int fd, const char *bytes, size_t size) {
    while (size > 0) {
        const ssize_t sent = send(fd, bytes, size, MSG_NOSIGNAL);
        if (sent <= 0) {
            return false;
        }
        bytes += sent;
        size -= (size_t)sent;
    }
    return true;
}

/* The length of the first whole answer in text[0 … size), 0: more has to come. *status is read as
 * soon as it can be; `is_head`: no body follows. */
static inline size_t probe_answer_size(const char *text, size_t size, bool is_head, int *status,
                                       size_t *body_at) {
    const char *end = size > 12 ? strstr(text, "\r\n\r\n") : NULL; /* NUL-terminated by callers */
    size_t length = 0;
    if (!end || sscanf(text, "HTTP/1.%*d %d", status) != 1) {
        return 0;
    }
    *body_at = (size_t)(end + 4 - text);
    for (const char *line = strstr(text, "\r\n"); line && line < end; line = strstr(line, "\r\n")) {
        line += 2;
        if (strncasecmp(line, "Content-Length:", 15) == 0) {
            length = strtoul(line + 15, NULL, 10);
        }
    }
    const size_t whole = *body_at + (is_head || *status == 304 || *status == 204 ? 0 : length);
    return size >= whole ? whole : 0;
}

/* One connection, opened when needed. A zeroed one with its port is ready. */
typedef struct probe_link {
    int port;
    bool is_open;
    int fd;
    char *text; /* the last answer; owned, NUL-terminated */
    size_t room, size;
    const char *body; /* inside text; "" when there is none */
    size_t body_size;
} probe_link;

static inline void probe_hang_up(probe_link *link) {
    if (link->is_open) {
        close(link->fd);
        link->is_open = false;
    }
}

static inline void probe_free(probe_link *link) {
    probe_hang_up(link);
    free(link->text);
    *link = (probe_link){.port = link->port};
}

static inline bool probe_make_room(probe_link *link) {
    if (link->room - link->size < 4096) {
        const size_t room = link->room ? 2 * link->room : 16384;
        char *grown = realloc(link->text, room);
        if (!grown) {
            return false;
        }
        link->text = grown;
        link->room = room;
    }
    return true;
}

/* Status of one answer, 0: the peer went away. Leaves a connection open that may be used again. */
static inline int probe_receive(probe_link *link, bool is_head) {
    int status = 0;
    size_t body_at = 0, whole = 0;
    link->size = link->body_size = 0;
    link->body = "";
    while (whole == 0) {
        ssize_t got = probe_make_room(link)
                          ? recv(link->fd, link->text + link->size, link->room - link->size - 1, 0)
                          : -1;
        if (got <= 0) {
            probe_hang_up(link);
            return 0;
        }
        link->size += (size_t)got;
        link->text[link->size] = '\0';
        whole = probe_answer_size(link->text, link->size, is_head, &status, &body_at);
    }
    link->body = link->text + body_at;
    link->body_size = whole - body_at;
    const char *closes = strstr(link->text, "Connection: close");
    if (status < 200 || link->size != whole || (closes && closes < link->body)) {
        probe_hang_up(link);
    }
    return status;
}

/* Sends bytes as they are. A connection that the peer closed while it was idle is opened anew. */
static inline int probe_exchange(probe_link *link, const char *bytes, size_t size, bool is_head) {
    const bool was_open = link->is_open;
    for (int turn = 0; turn < (was_open ? 2 : 1); turn++) {
        if (!link->is_open) {
            link->fd = probe_connect(link->port);
            link->is_open = link->fd >= 0;
        }
        if (!link->is_open) {
            return 0;
        }
        if (!probe_send(link->fd, bytes, size)) {
            probe_hang_up(link);
            continue;
        }
        const int status = probe_receive(link, is_head);
        if (status != 0 || link->size > 0) {
            return status;
        }
    }
    return 0;
}

/* `lines`: further header lines, each with its "\r\n"; a Host at their head replaces ours. `body`
 * NULL: none, and no length. */
static inline int probe_ask(probe_link *link, const char *method, const char *target,
                            const char *lines, const char *body) {
    const size_t body_size = body ? strlen(body) : 0;
    const size_t room = strlen(target) + (lines ? strlen(lines) : 0) + body_size + 256;
    char *text = malloc(room), host[64] = "", length[64] = "";
    if (!text) {
        return 0;
    }
    if (!lines || strncmp(lines, "Host:", 5) != 0) {
        snprintf(host, sizeof host, "Host: 127.0.0.1:%d\r\n", link->port);
    }
    if (body) {
        snprintf(length, sizeof length, "Content-Length: %zu\r\n", body_size);
    }
    const int size = snprintf(text, room, "%s %s HTTP/1.1\r\n%s%s%s\r\n%s", method, target, host,
                              length, lines ? lines : "", body ? body : "");
    const int status = probe_exchange(link, text, (size_t)size, strcmp(method, "HEAD") == 0);
    free(text);
    return status;
}

static inline int probe_get(probe_link *link, const char *target) {
    return probe_ask(link, "GET", target, NULL, NULL);
}

static inline int probe_post(probe_link *link, const char *target, const char *json) {
    return probe_ask(link, "POST", target, "Content-Type: application/json\r\n", json);
}

/* --- a process ------------------------------------------------------------------------------- */

/* A figure of /proc/PID/status, -1 where there is none. "VmRSS:" is in KiB. */
static inline long probe_status(pid_t pid, const char *key) {
    char path[64], line[256];
    long value = -1;
    snprintf(path, sizeof path, "/proc/%ld/status", (long)pid);
    FILE *file = fopen(path, "r");
    while (file && value < 0 && fgets(line, sizeof line, file)) {
        if (strncmp(line, key, strlen(key)) == 0) {
            value = strtol(line + strlen(key), NULL, 10);
        }
    }
    if (file) {
        fclose(file);
    }
    return value;
}

/* Open descriptors, -1 where the system does not tell. */
static inline long probe_descriptors(pid_t pid) {
    char path[64];
    long count = -2; /* "." and ".." */
    snprintf(path, sizeof path, "/proc/%ld/fd", (long)pid);
    DIR *folder = opendir(path);
    if (!folder) {
        return -1;
    }
    while (readdir(folder)) {
        count++;
    }
    closedir(folder);
    return count;
}

#endif
