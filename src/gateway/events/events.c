/* The log of events and its listeners.
 *
 * Every event has a number; a listener remembers the number it saw last. What the bounds push out
 * is remembered by its number alone (`lost`): who has not seen that far missed something. */
#include "base/memory.h"
#include "base/os.h"
#include "gateway/events/inside.h"
#include "gateway/queue/queue.h"
#include "http/wire.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    EVENTS_MOST = 4096,
    BYTES_MOST = 8 << 20,  /* of all events together */
    EVENT_BYTES = 1 << 20, /* of one */
    SERVERS_MOST = 4,      /* the gateway has two */
    RUN_BYTES = 8,
    RETRY_MILLISECONDS = 2000
};

typedef struct event {
    struct event *older, *newer;
    uint64_t number;
    const char *kind, *key; /* key NULL: none; both inside text */
    const char *frame;      /* "event: …" to the blank line; inside text */
    size_t frame_size, size;
    char text[];
} event;

/* A server and how many listen through it. */
typedef struct outlet {
    i4_http_server *server;
    int listeners;
} outlet;

struct i4_events {
    char run[2 * RUN_BYTES + 1]; /* of this process; never changes */
    i4_watch *watch;
    i4_gateway *gateway;

    pthread_mutex_t mutex; /* guards what follows; taken before a server's own lock */
    event *oldest, *newest;
    int count;
    size_t bytes;
    uint64_t last, lost; /* number of the last event, and of the last one that was pushed out */
    int listeners;
    outlet outlets[SERVERS_MOST];
};

struct i4_listener {
    i4_events *events;
    outlet *outlet;
    int64_t revision; /* for its greeting */
    uint64_t seen;
    bool is_new, is_lost; /* is to be greeted; has to fetch everything again */
};

/* --- the log (mutex held) ------------------------------------------------------------------ */

static void take_out(i4_events *events, event *e) {
    if (e->older) {
        e->older->newer = e->newer;
    } else {
        events->oldest = e->newer;
    }
    if (e->newer) {
        e->newer->older = e->older;
    } else {
        events->newest = e->older;
    }
    events->count--;
    events->bytes -= e->size;
    i4_free(e);
}

static void put_in(i4_events *events, event *e) {
    e->number = ++events->last;
    e->older = events->newest;
    if (e->older) {
        e->older->newer = e;
    } else {
        events->oldest = e;
    }
    events->newest = e;
    events->count++;
    events->bytes += e->size;
}

static event *find_key(const i4_events *events, const char *kind, const char *key) {
    event *e = key ? events->newest : NULL;
    while (e && (!e->key || strcmp(e->key, key) != 0 || strcmp(e->kind, kind) != 0)) {
        e = e->older;
    }
    return e;
}

static void keep_bounds(i4_events *events) {
    while (events->count > EVENTS_MOST || events->bytes > BYTES_MOST) {
        events->lost = events->oldest->number;
        take_out(events, events->oldest);
    }
}

static event *first_after(const i4_events *events, uint64_t seen) {
    event *found = NULL;
    for (event *e = events->newest; e && e->number > seen; e = e->older) {
        found = e;
    }
    return found;
}

/* A listener keeps its server: it is no longer counted here before the server may go. */
static void wake_all(i4_events *events) {
    for (int i = 0; i < SERVERS_MOST; i++) {
        if (events->outlets[i].listeners > 0) {
            i4_http_wake(events->outlets[i].server);
        }
    }
}

/* --- saying -------------------------------------------------------------------------------- */

/* NULL: no memory, or far too long. */
static event *event_new(const char *kind, const char *key, const json_t *data) {
    i4_buf text;
    i4_buf_init(&text, EVENT_BYTES);
    i4_buf_add(&text, kind, strlen(kind) + 1);
    if (key) {
        i4_buf_add(&text, key, strlen(key) + 1);
    }
    const size_t frame = text.len;
    i4_buf_addf(&text, "event: %s\ndata: ", kind);
    i4_wire_write(data, NULL, &text);
    i4_buf_adds(&text, "\n\n");
    event *e = text.failed ? NULL : i4_malloc(sizeof *e + text.len + 1);
    if (e) {
        *e = (event){.frame_size = text.len - frame, .size = sizeof *e + text.len + 1};
        memcpy(e->text, text.ptr, text.len + 1);
        e->kind = e->text;
        e->key = key ? e->text + strlen(kind) + 1 : NULL;
        e->frame = e->text + frame;
    }
    i4_buf_free(&text);
    return e;
}

void i4_events_say(i4_events *events, const char *kind, const char *key, json_t *data) {
    if (!events) {
        json_decref(data);
        return;
    }
    event *e = data ? event_new(kind, key, data) : NULL;
    pthread_mutex_lock(&events->mutex);
    event *older = find_key(events, kind, key);
    if (older) {
        take_out(events, older);
    }
    if (e) {
        put_in(events, e);
        keep_bounds(events);
    } else {
        events->lost = ++events->last;
    }
    wake_all(events);
    pthread_mutex_unlock(&events->mutex);
    json_decref(data);
}

void i4_events_image(i4_events *events, const char *change, json_t *ids, int64_t prompt_id) {
    json_t *list = ids ? ids : json_null();
    json_t *prompt = prompt_id < 0 ? json_null() : json_integer(prompt_id);
    i4_events_say(events, "image", NULL,
                  json_pack("{s:s, s:o, s:o}", "change", change, "ids", list, "prompt_id", prompt));
}

/* --- listening ----------------------------------------------------------------------------- */

/* "<run>-<number>" of this process, of an event that is not to come yet. */
static bool read_id(const i4_events *events, const char *id, uint64_t *number) {
    const size_t run = 2 * RUN_BYTES;
    char *end;
    if (strncmp(id, events->run, run) != 0 || id[run] != '-' || id[run + 1] < '0' ||
        id[run + 1] > '9') {
        return false;
    }
    *number = strtoull(id + run + 1, &end, 10);
    return *end == '\0' && *number <= events->last;
}

static outlet *find_outlet(i4_events *events, i4_http_server *server) {
    outlet *free_one = NULL;
    for (int i = 0; i < SERVERS_MOST; i++) {
        outlet *o = &events->outlets[i];
        if (o->listeners > 0 && o->server == server) {
            return o;
        }
        free_one = o->listeners == 0 ? o : free_one;
    }
    return free_one;
}

static bool enter(i4_listener *listener, i4_http_server *server, const char *last_id) {
    i4_events *events = listener->events;
    outlet *o = events->listeners < I4_LISTENERS_MOST ? find_outlet(events, server) : NULL;
    if (!o) {
        return false;
    }
    o->server = server;
    o->listeners++;
    events->listeners++;
    listener->outlet = o;
    listener->seen = events->last;
    listener->is_new = !last_id || !last_id[0];
    listener->is_lost = !listener->is_new && !read_id(events, last_id, &listener->seen);
    return true;
}

i4_listener *i4_listener_new(i4_events *events, i4_http_server *server, const char *last_id,
                             i4_err *err) {
    i4_listener *listener = i4_calloc(1, sizeof *listener);
    if (!listener) {
        i4_fail_memory(err, "a listener", sizeof *listener);
        return NULL;
    }
    listener->events = events;
    pthread_mutex_lock(&events->mutex);
    const bool is_in = enter(listener, server, last_id);
    pthread_mutex_unlock(&events->mutex);
    /* Afterwards: it counts every change whose event this listener will not get. */
    listener->revision = i4_queue_revision(events->gateway->queue);
    if (!is_in) {
        i4_free(listener);
        i4_fail(err, I4_E_UNSUPPORTED,
                "%d pages listen already: close some of them, or ask /api/queue instead",
                I4_LISTENERS_MOST);
        return NULL;
    }
    return listener;
}

void i4_listener_end(void *user) {
    i4_listener *listener = user;
    i4_events *events = listener->events;
    pthread_mutex_lock(&events->mutex);
    listener->outlet->listeners--;
    events->listeners--;
    pthread_mutex_unlock(&events->mutex);
    i4_free(listener);
}

static void add_id(const i4_events *events, uint64_t number, i4_buf *out) {
    i4_buf_addf(out, "id: %s-%llu\n", events->run, (unsigned long long)number);
}

static void greet(i4_listener *listener, i4_buf *out) {
    const i4_events *events = listener->events;
    listener->is_new = false;
    i4_buf_addf(out, "retry: %d\n", RETRY_MILLISECONDS);
    add_id(events, listener->seen, out);
    i4_buf_addf(out, "event: hello\ndata: {\"version\":\"%s\",\"revision\":%lld}\n\n", I4_VERSION,
                (long long)listener->revision);
}

static void begin_again(i4_listener *listener, i4_buf *out) {
    listener->is_lost = false;
    listener->seen = listener->events->last;
    add_id(listener->events, listener->seen, out);
    i4_buf_adds(out, "event: resync\ndata: {}\n\n");
}

bool i4_listener_next(void *user, i4_buf *out) {
    i4_listener *listener = user;
    i4_events *events = listener->events;
    pthread_mutex_lock(&events->mutex);
    if (listener->is_new) {
        greet(listener, out);
    }
    if (listener->is_lost || listener->seen < events->lost) {
        begin_again(listener, out);
    }
    for (event *e = first_after(events, listener->seen); e && out->len < I4_STREAM_BYTES;
         e = e->newer) {
        add_id(events, e->number, out);
        i4_buf_add(out, e->frame, e->frame_size);
        listener->seen = e->number;
    }
    pthread_mutex_unlock(&events->mutex);
    return true;
}

int i4_events_listeners(i4_events *events) {
    pthread_mutex_lock(&events->mutex);
    const int count = events->listeners;
    pthread_mutex_unlock(&events->mutex);
    return count;
}

/* --- life ---------------------------------------------------------------------------------- */

static bool name_run(i4_events *events, i4_err *err) {
    unsigned char bytes[RUN_BYTES];
    if (!i4_random_bytes(bytes, sizeof bytes)) {
        return i4_fail(err, I4_E_INTERNAL, "the system gives no random numbers");
    }
    for (int i = 0; i < RUN_BYTES; i++) {
        snprintf(events->run + (size_t)(2 * i), 3, "%02x", bytes[i]);
    }
    return true;
}

i4_events *i4_events_start(i4_gateway *gateway, i4_err *err) {
    i4_events *events = i4_calloc(1, sizeof *events);
    if (!events) {
        i4_fail_memory(err, "the log of events", sizeof *events);
        return NULL;
    }
    events->gateway = gateway;
    pthread_mutex_init(&events->mutex, NULL);
    events->watch = name_run(events, err) ? i4_watch_start(gateway, events, err) : NULL;
    if (!events->watch) {
        i4_events_stop(events);
        return NULL;
    }
    return events;
}

void i4_events_stop(i4_events *events) {
    if (!events) {
        return;
    }
    i4_watch_stop(events->watch);
    while (events->oldest) {
        take_out(events, events->oldest);
    }
    pthread_mutex_destroy(&events->mutex);
    i4_free(events);
}
