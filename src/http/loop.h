/* Floor 1, private to http. The running server: what server.c (sockets), work.c (worker threads)
 * and stream.c (event streams) share.
 *
 * Threads: one of libmicrohttpd reads and writes all sockets, the workers run handlers, the sweeper
 * looks once a second for deadlines. `lock` guards everything marked; no function of libmicrohttpd
 * is called while it is held. */
#ifndef I4_HTTP_LOOP_H
#define I4_HTTP_LOOP_H

#include "http/private.h"

#include <pthread.h>

enum {
    I4_LOOP_IDLE_SECONDS = 30,     /* between two requests, and without progress of an answer */
    I4_LOOP_HEADER_SECONDS = 10,   /* for a request's header lines, and before the first request */
    I4_LOOP_BODY_SECONDS = 30,     /* for a body, and one more for each of … */
    I4_LOOP_BODY_RATE = 256 << 10, /* … so many bytes of it that arrived */
    I4_LOOP_BEAT_SECONDS = 15,     /* comment lines of an idle event stream */
    I4_LOOP_CONNECTIONS = 8192,
    I4_LOOP_STREAM_WORKERS = 2,
    I4_LOOP_STREAM_BYTES = 128 << 20 /* of one call of a producer: a picture in base64 */
};

/* What a socket's deadline is for. */
typedef enum i4_link_phase {
    I4_LINK_FRESH, /* no request yet */
    I4_LINK_IDLE,
    I4_LINK_HEADER,
    I4_LINK_BODY,
    I4_LINK_ANSWER /* no deadline of ours */
} i4_link_phase;

/* A connection. All guarded by lock. */
typedef struct i4_link {
    struct i4_link *previous, *next;
    int fd;
    i4_link_phase phase;
    double since;                  /* begin of the phase */
    size_t received;               /* bytes of the body */
    bool is_looked_at, is_closing; /* told to hang up */
    i4_http_request *request;
} i4_link;

typedef struct i4_stream {
    i4_work work; /* first: see i4_work */
    struct i4_stream *previous, *next;
    i4_http_server *server;
    struct MHD_Connection *connection;
    i4_stream_next produce;
    i4_stream_end end;
    void *user;
    bool has_beats; /* an event stream */
    int fd;         /* of its connection, for hanging up; -1: unknown */
    /* guarded by lock */
    i4_buf out;
    size_t sent; /* bytes of out */
    double last; /* when bytes were last given to the socket */
    bool is_woken, is_queued, is_running, is_ended, is_suspended, is_closed;
} i4_stream;

typedef struct i4_queue {
    i4_work *first, **last; /* guarded by lock */
    pthread_cond_t arrived;
    int count;
} i4_queue;

typedef struct i4_worker {
    pthread_t thread;
    i4_http_server *server;
    i4_queue *queue;
    bool is_started, is_gone; /* is_gone: guarded by lock; the thread touches nothing after it */
} i4_worker;

struct i4_http_server {
    struct MHD_Daemon *daemon;
    struct MHD_Response *no_memory; /* 503, made beforehand */
    int listener, port;
    const i4_route *routes;
    void *user;
    i4_guard guard;
    char host[80], area[32], token[512];
    char *static_dir;   /* owned */
    char **lists[2];    /* owned copies of origins and hosts */
    i4_worker *workers; /* owned */
    int worker_count;
    pthread_t sweeper;
    int bell[2]; /* a pipe whose closed end stops the sweeper */

    pthread_mutex_t lock;
    pthread_cond_t quiet; /* busy or resuming became 0, or a worker is gone */
    i4_queue quick, slow, streaming;
    i4_link *links;
    i4_stream *streams;
    int busy;         /* requests that were handed out and are not answered yet; streams too */
    size_t buffered;  /* bytes of bodies in memory */
    int resuming;     /* connections that a thread is about to resume */
    int holders;      /* the owner and each worker: the last one frees */
    bool is_stopping; /* no new requests */
    bool is_over;     /* workers go home */
};

/* work.c */
bool i4_work_start(i4_http_server *server, int quick, int slow, i4_err *err);
/* Sends the workers home and waits for them, at most until `until` (i4_seconds); false when one
 * still runs, which then is left alone. */
bool i4_work_stop(i4_http_server *server, double until);
void i4_work_push(i4_http_server *server, i4_queue *queue, i4_work *work); /* lock held */
void i4_work_release(i4_http_server *server); /* one holder less; lock not held */

/* stream.c */
void i4_stream_run(i4_stream *stream);           /* on a worker */
void i4_stream_end_all(i4_http_server *server);  /* when the server stops */
void i4_stream_hang_up(i4_http_server *server);  /* on those whose readers do not read their end */
void i4_stream_beat_all(i4_http_server *server); /* once a second */

/* server.c */
/* Resumes a connection that the caller counted in `resuming` under the lock. */
void i4_loop_resume(i4_http_server *server, struct MHD_Connection *connection);
void i4_loop_wait(i4_http_server *server); /* for `quiet`, a moment at most; lock held */
void i4_loop_free(i4_http_server *server);

#endif
