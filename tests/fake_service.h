/* For tests: an HTTP server on a loopback port, in threads of the test process, whose answers a
 * function writes byte by byte: it can be as wrong as a real one. One request a connection. The
 * threads use nothing of the library, so that faults injected there do not hit them. */
#ifndef ID4_TESTS_FAKE_SERVICE_H
#define ID4_TESTS_FAKE_SERVICE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

typedef struct fake_call {
    char method[16], target[2048];
    char *head; /* all of it, NUL-terminated */
    char *body; /* NUL-terminated */
    size_t size;
} fake_call;

typedef struct fake_service fake_service;
/* Writes the answer to fd; the connection is closed afterwards. */
typedef void (*fake_answer)(fake_service *service, int fd, const fake_call *call, void *user);

struct fake_service {
    int port;
    fake_answer answer;
    void *user;
    int listener, wake[2];
    pthread_t acceptor;
    pthread_mutex_t mutex; /* guards what follows */
    pthread_cond_t quiet;
    int connections;
    bool is_stopping;
};

/* port 0: any free one */
void fake_service_open(fake_service *service, int port, fake_answer answer, void *user);
/* Refuses connections from now on, waits until every answer is given. */
void fake_service_close(fake_service *service);
/* False, at once, when the service is closing. */
bool fake_service_sleep(fake_service *service, int milliseconds);

bool fake_send(int fd, const void *bytes, size_t size);
bool fake_send_text(int fd, const char *text);
/* A whole answer. */
void fake_reply(int fd, int status, const char *type, const void *bytes, size_t size);
void fake_reply_json(int fd, int status, const char *text);

#endif
