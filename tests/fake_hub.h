/* For tests: a model hub and its delivery network on two loopback ports, in threads of the test
 * process. It speaks the hub's protocol over raw sockets and misbehaves as it is told. The threads
 * use nothing of the library, so that faults injected there do not hit them. */
#ifndef ID4_TESTS_FAKE_HUB_H
#define ID4_TESTS_FAKE_HUB_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FAKE_LOG_MOST = 8192, FAKE_CUTS_MOST = 128 };

typedef struct fake_file {
    const char *name;
    const uint8_t *bytes;
    size_t size;
    bool is_large;  /* delivered by the network, under its SHA-256 */
    char etag[129]; /* hash as the hub knows it */
} fake_file;

typedef struct fake_request {
    char port; /* 'h': hub, 'c': network */
    char method[8];
    char target[1024];
    char authorization[256]; /* "" if there was none */
    long long from;          /* of the Range, -1 if there was none */
} fake_request;

/* What to do is set between fake_hub_open and the first request, or while nobody asks. */
typedef struct fake_hub {
    const char *repo, *old_repo; /* old_repo is redirected to repo */
    const char *revision, *commit;
    const fake_file *files;
    size_t file_count;

    const char *token; /* needed to read files ("gated"), or everything if is_private */
    bool is_private;
    const char *message;   /* X-Error-Message of refusals */
    const char *listing;   /* in place of the real one */
    const char *location;  /* in place of the address of large files */
    bool has_no_ranges;    /* the network answers 200 to a Range */
    bool has_wrong_ranges; /* it answers 206 with bytes from elsewhere */
    bool sends_too_much;
    const char *damaged; /* this file arrives with a bit flipped … */
    int damaged_times;   /* … so often */
    int expired_times;   /* so many signed addresses have expired when they are used */
    const char *failing; /* requests whose target holds this … */
    int failing_times, failing_status; /* … are answered so */
    const char *failing_header;
    long stall_after; /* bodies stop after so many bytes until fake_hub_release; -1: never */
    long cuts[FAKE_CUTS_MOST]; /* the next bodies from the network end after so many bytes */
    int cut_count;
    bool cuts_reset; /* every third cut is a reset instead of an end */

    int hub_port, network_port;

    pthread_mutex_t mutex; /* guards what follows, and the counters above */
    fake_request log[FAKE_LOG_MOST];
    size_t log_count;
    long sent[FAKE_CUTS_MOST]; /* where each cut really was: first byte + bytes sent */
    int cuts_done;
    bool is_released, is_stopping;
    int stalled; /* bodies that wait */
    int busy;    /* connections that are served */

    int listeners[2], wake[2];
    pthread_t acceptor, threads[FAKE_LOG_MOST];
    size_t thread_count; /* acceptor's */
    bool is_running;
} fake_hub;

void fake_hub_open(fake_hub *hub); /* listens, but answers only after fake_hub_run */
void fake_hub_run(fake_hub *hub);
/* Waits until nobody is served any more; before and after it the fields may be used freely. */
void fake_hub_settle(fake_hub *hub);
void fake_hub_release(fake_hub *hub);
void fake_hub_close(fake_hub *hub);
/* Requests so far whose method and target hold these texts; port 0: both. */
int fake_hub_count(fake_hub *hub, char port, const char *method, const char *target);
bool fake_hub_is_stalled(fake_hub *hub);

#endif
