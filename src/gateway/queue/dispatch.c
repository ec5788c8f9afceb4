/* The thread that gives jobs to the daemon, one after the other, and follows each to its end.
 *
 * It keeps nothing between two rounds but times: every round begins with what the database says is
 * to be worked on, so that a killed process goes on where it was. A job is written down as running,
 * with the id its task will have, before it is sent; the daemon answers a second sending of an id
 * with the first one's task, so no fault makes two pictures of a job. */
#include "gateway/queue/dispatch.h"

#include "base/os.h"

#include <poll.h>
#include <unistd.h>

static int follow_direct(i4_queue *queue, bool *is_any) {
    json_t *rows = NULL;
    int pause = I4_IDLE_MS;
    (void)i4_db_direct_work(queue->gateway->db, &rows, NULL);
    for (size_t i = 0; i < json_array_size(rows) && i4_dispatch_running(queue); i++) {
        const int next = i4_dispatch_follow(queue, json_array_get(rows, i));
        const int slow = next > I4_DIRECT_MS ? next : I4_DIRECT_MS;
        pause = slow < pause ? slow : pause;
    }
    *is_any = json_array_size(rows) > 0;
    json_decref(rows);
    return pause;
}

/* What is running, or may begin now. */
static int work_on(i4_queue *queue, bool may_begin, bool keeps_reason) {
    json_t *work = NULL;
    int pause = I4_IDLE_MS;
    i4_err err = {0};
    switch (i4_db_work(queue->gateway->db, !may_begin, &work, &err)) {
    case I4_DB_OK:
        pause = i4_work_int(work, "accepted") == I4_JOB_NOT_SENT ? i4_dispatch_prepare(queue, work)
                                                                 : i4_dispatch_follow(queue, work);
        break;
    case I4_DB_NONE:
        if (!keeps_reason) {
            i4_dispatch_unblock(queue);
        }
        break;
    default:
        i4_dispatch_log("cannot read the queue", -1, &err);
        pause = I4_AGAIN_MS;
    }
    json_decref(work);
    return pause;
}

/* One look at everything; how long to sleep afterwards. */
static int run_round(i4_queue *queue) {
    bool paused, is_direct;
    i4_dispatch_notice_ends(queue);
    const int direct_ms = follow_direct(queue, &is_direct);
    if (i4_db_paused(queue->gateway->db, &paused, NULL) != I4_DB_OK) {
        paused = true; /* nothing begins on a guess */
    }
    if (atomic_exchange_explicit(&queue->hurry, false, memory_order_relaxed)) {
        queue->retry_at = 0;
    }
    const double left = queue->retry_at - i4_seconds();
    const bool is_waiting = !paused && left > 0;
    const int pause = work_on(queue, !paused && !is_waiting && !is_direct, is_waiting || is_direct);
    const int retry_ms = is_waiting ? (int)(left * 1000) + 1 : I4_IDLE_MS;
    const int least = pause < direct_ms ? pause : direct_ms;
    return least < retry_ms ? least : retry_ms;
}

static void sleep_until_woken(i4_queue *queue, int timeout_ms) {
    struct pollfd pipe_end = {.fd = queue->wake[0], .events = POLLIN};
    char bytes[64];
    if (poll(&pipe_end, 1, timeout_ms) > 0) {
        while (read(queue->wake[0], bytes, sizeof bytes) == (ssize_t)sizeof bytes) {
        }
    }
}

void *i4_queue_dispatch(void *user) {
    i4_queue *queue = user;
    while (i4_dispatch_running(queue)) {
        const int pause = run_round(queue);
        if (i4_dispatch_running(queue)) {
            sleep_until_woken(queue, pause);
        }
    }
    return NULL;
}
