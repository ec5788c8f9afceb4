/* Event streams. A worker asks the producer for bytes, the socket thread takes them; between them
 * lies one buffer, and nobody is asked while much of it is unsent. A connection without bytes to
 * send is suspended. */
#include "base/log.h"
#include "base/memory.h"
#include "base/os.h"
#include "http/loop.h"

#include <microhttpd.h>
#include <string.h>
#include <sys/socket.h>

/* --- list and queue (lock held) ------------------------------------------------------------ */

static void link_in(i4_stream *stream) {
    i4_http_server *server = stream->server;
    stream->next = server->streams;
    if (server->streams) {
        server->streams->previous = stream;
    }
    server->streams = stream;
}

static void link_out(i4_stream *stream) {
    if (stream->previous) {
        stream->previous->next = stream->next;
    } else {
        stream->server->streams = stream->next;
    }
    if (stream->next) {
        stream->next->previous = stream->previous;
    }
}

/* Has the producer asked, unless that has to wait. */
static void ask(i4_stream *stream) {
    const bool is_over = stream->is_ended || stream->is_closed || stream->server->is_over;
    const bool has_room = stream->out.len - stream->sent < I4_STREAM_BYTES;
    if (stream->is_woken && has_room && !is_over && !stream->is_queued && !stream->is_running) {
        stream->is_queued = true;
        i4_work_push(stream->server, &stream->server->streaming, &stream->work);
    }
}

static void wake(i4_stream *stream) {
    stream->is_woken = true;
    ask(stream);
}

/* The connection to resume after unlocking, or NULL: each suspension is resumed once. */
static struct MHD_Connection *take_suspended(i4_stream *stream) {
    const bool has_news = stream->out.len > stream->sent || stream->is_ended;
    if (!stream->is_suspended || !has_news || stream->is_closed) {
        return NULL;
    }
    stream->is_suspended = false;
    stream->server->resuming++;
    return stream->connection;
}

/* --- producer's side ----------------------------------------------------------------------- */

static void stream_free(i4_stream *stream) {
    if (stream->end) {
        stream->end(stream->user);
    }
    i4_buf_free(&stream->out);
    i4_free(stream);
}

/* Forgets what nobody will read any more, and gives its memory back. */
static void empty(i4_stream *stream) {
    i4_buf_free(&stream->out);
    i4_buf_init(&stream->out, 2 * I4_LOOP_STREAM_BYTES);
    stream->sent = 0;
}

/* Takes what the producer made (lock held). */
static void append(i4_stream *stream, i4_buf *made, bool goes_on) {
    if (made->failed) {
        i4_log(I4_LOG_WARN, stream->server->area, "a stream ends: there is no memory for it");
        goes_on = false;
    } else if (stream->out.len == 0) {
        const i4_buf room = stream->out;
        stream->out = *made;
        stream->out.limit = room.limit;
        *made = room;
    } else { /* what was sent makes room for what comes */
        stream->out.len -= stream->sent;
        memmove(stream->out.ptr, stream->out.ptr + stream->sent, stream->out.len);
        stream->sent = 0;
        i4_buf_add(&stream->out, made->ptr, made->len);
    }
    stream->is_ended = stream->is_ended || !goes_on || stream->out.failed;
}

void i4_stream_run(i4_stream *stream) {
    i4_http_server *server = stream->server;
    i4_buf made;
    i4_buf_init(&made, I4_LOOP_STREAM_BYTES);
    pthread_mutex_lock(&server->lock);
    stream->is_queued = stream->is_woken = false;
    stream->is_running = !stream->is_closed && !stream->is_ended;
    const bool is_asked = stream->is_running;
    pthread_mutex_unlock(&server->lock);

    const bool goes_on = is_asked && stream->produce(stream->user, &made);
    const bool has_more = made.len >= I4_STREAM_BYTES;

    pthread_mutex_lock(&server->lock);
    if (is_asked) {
        append(stream, &made, goes_on);
    }
    stream->is_running = false;
    stream->is_woken = stream->is_woken || has_more;
    const bool is_closed = stream->is_closed;
    ask(stream);
    struct MHD_Connection *resumed = take_suspended(stream);
    pthread_mutex_unlock(&server->lock);
    i4_buf_free(&made);
    if (is_closed) {
        stream_free(stream);
    } else if (resumed) {
        i4_loop_resume(server, resumed);
    }
}

/* --- socket's side ------------------------------------------------------------------------- */

static ssize_t read_stream(void *user, uint64_t pos, char *out, size_t max) {
    i4_stream *stream = user;
    (void)pos;
    pthread_mutex_lock(&stream->server->lock);
    size_t count = stream->out.len - stream->sent;
    count = count < max ? count : max;
    if (count > 0) {
        memcpy(out, stream->out.ptr + stream->sent, count);
        stream->sent += count;
        stream->last = i4_seconds();
    }
    if (stream->sent > 0 && stream->sent == stream->out.len) {
        empty(stream);
    }
    ask(stream);
    const bool is_over = count == 0 && stream->is_ended;
    stream->is_suspended = count == 0 && !is_over;
    const bool is_suspended = stream->is_suspended;
    struct MHD_Connection *connection = stream->connection;
    pthread_mutex_unlock(&stream->server->lock);
    if (is_suspended) {
        /* Resumed in between, it stays awake: the library keeps the resumption in mind. */
        MHD_suspend_connection(connection);
    }
    return is_over ? MHD_CONTENT_READER_END_OF_STREAM : (ssize_t)count;
}

/* The answer is done with, or was never sent. */
static void close_stream(void *user) {
    i4_stream *stream = user;
    pthread_mutex_lock(&stream->server->lock);
    stream->is_closed = true;
    link_out(stream);
    const bool is_held = stream->is_queued || stream->is_running;
    pthread_mutex_unlock(&stream->server->lock);
    if (!is_held) {
        stream_free(stream);
    }
}

static int descriptor_of(struct MHD_Connection *connection) {
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    return info ? info->connect_fd : -1;
}

i4_http_server *i4_req_server(const i4_http_request *r) {
    return r->server;
}

void i4_reply_stream(i4_http_reply *reply, const char *type, i4_stream_next next, i4_stream_end end,
                     void *user) {
    i4_http_request *r = reply->request;
    i4_stream *stream = i4_calloc(1, sizeof *stream);
    if (!stream) {
        if (end) {
            end(user);
        }
        reply->out_of_memory = true;
        return;
    }
    stream->work.is_stream = true;
    stream->server = r->server;
    stream->connection = r->connection;
    stream->produce = next;
    stream->end = end;
    stream->user = user;
    stream->has_beats = strncmp(type, "text/event-stream", 17) == 0;
    stream->last = i4_seconds();
    stream->fd = descriptor_of(r->connection);
    empty(stream);
    struct MHD_Response *response = MHD_create_response_from_callback(
        MHD_SIZE_UNKNOWN, 4096, read_stream, stream, close_stream);
    if (!response) {
        stream_free(stream);
        reply->out_of_memory = true;
        return;
    }
    pthread_mutex_lock(&r->server->lock);
    link_in(stream);
    stream->is_ended = r->server->is_stopping;
    wake(stream);
    pthread_mutex_unlock(&r->server->lock);
    reply->is_stream = true;
    i4_reply_header(reply, "Cache-Control", "no-cache");
    i4_reply_header(reply, "Connection", "close"); /* it has no time limit any more */
    i4_reply_set(reply, 200, type, response);
}

/* --- all streams --------------------------------------------------------------------------- */

void i4_http_wake(i4_http_server *server) {
    pthread_mutex_lock(&server->lock);
    for (i4_stream *stream = server->streams; stream; stream = stream->next) {
        wake(stream);
    }
    pthread_mutex_unlock(&server->lock);
}

/* Does `change` to one stream after the other until none wants to be resumed. */
static void resume_each(i4_http_server *server, void (*change)(i4_stream *stream)) {
    struct MHD_Connection *resumed;
    do {
        resumed = NULL;
        pthread_mutex_lock(&server->lock);
        for (i4_stream *stream = server->streams; stream && !resumed; stream = stream->next) {
            change(stream);
            resumed = take_suspended(stream);
        }
        pthread_mutex_unlock(&server->lock);
        if (resumed) {
            i4_loop_resume(server, resumed);
        }
    } while (resumed);
}

static void end_one(i4_stream *stream) {
    stream->is_ended = true;
}

void i4_stream_hang_up(i4_http_server *server) {
    pthread_mutex_lock(&server->lock);
    for (i4_stream *stream = server->streams; stream; stream = stream->next) {
        if (stream->fd >= 0) {
            shutdown(stream->fd, SHUT_RDWR);
        }
    }
    pthread_mutex_unlock(&server->lock);
}

static void beat_one(i4_stream *stream) {
    const double now = i4_seconds();
    if (stream->has_beats && stream->is_suspended && stream->out.len == 0 &&
        now - stream->last >= I4_LOOP_BEAT_SECONDS) {
        stream->last = now;
        i4_buf_adds(&stream->out, ":\n\n");
    }
}

void i4_stream_end_all(i4_http_server *server) {
    resume_each(server, end_one);
}

void i4_stream_beat_all(i4_http_server *server) {
    resume_each(server, beat_one);
}
