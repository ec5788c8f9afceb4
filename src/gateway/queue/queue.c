/* The queue. */
#include "gateway/queue/queue.h"

#include "base/memory.h"

i4_queue *i4_queue_start(i4_gateway *gateway, i4_err *err) {
    (void)gateway;
    i4_queue *queue = i4_calloc(1, 8);
    if (!queue) {
        i4_fail_memory(err, "the queue", 8);
    }
    return queue;
}

void i4_queue_begin_stop(i4_queue *queue) {
    (void)queue;
}

void i4_queue_stop(i4_queue *queue) {
    i4_free(queue);
}

i4_queue_result i4_queue_add(i4_queue *queue, const i4_new_job *jobs, size_t count, bool next,
                             json_t **rows, int64_t *pending, i4_err *err) {
    (void)queue;
    (void)jobs;
    (void)count;
    (void)next;
    *rows = NULL;
    *pending = 0;
    i4_fail(err, I4_E_INTERNAL, "not built yet");
    return I4_QUEUE_FAILED;
}

json_t *i4_queue_job(i4_queue *queue, int64_t id) {
    (void)queue;
    (void)id;
    return NULL;
}

bool i4_queue_cancel(i4_queue *queue, int64_t id) {
    (void)queue;
    (void)id;
    return false;
}

bool i4_queue_wait(i4_queue *queue, uint64_t *seen, double seconds) {
    (void)queue;
    (void)seen;
    (void)seconds;
    return false;
}

bool i4_queue_preview(i4_queue *queue, int64_t id, int step, i4_answer *answer) {
    (void)queue;
    (void)id;
    (void)step;
    (void)answer;
    return false;
}

void i4_queue_direct(i4_queue *queue, const char *task_id, const json_t *order) {
    (void)queue;
    (void)task_id;
    (void)order;
}
