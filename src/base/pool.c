/* The worker pool.
 *
 * A job is announced by storing a new ticket: a running number and how many workers take part.
 * Workers poll the ticket for a moment (the next op usually follows at once) and then sleep.
 * Only those who take part may touch the job's fields, and the caller waits for all of them, so
 * the fields are never written while someone reads them. */
#include "base/pool.h"
#include "base/limits.h"
#include "base/memory.h"
#include "base/os.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

enum {
    SPINS = 4000,          /* polls before sleeping: some tens of microseconds */
    STACK_BYTES = 4 << 20, /* the same everywhere; some systems give threads only 512 KiB */
    TAKING_PART_BITS = 16
};

typedef struct worker {
    i4_pool *pool;
    pthread_t thread;
    int number; /* 1.. ; the caller is 0 */
} worker;

struct i4_pool {
    worker *workers;
    int worker_count;
    int spins;

    /* The job: written by the caller before the ticket (release), read after it (acquire). A job
     * without a function tells the workers to end. */
    i4_pool_fn fn;
    void *task;
    int count;
    atomic_llong next; /* next index to hand out */

    _Atomic uint64_t ticket; /* running number << TAKING_PART_BITS | workers taking part */
    atomic_int busy;         /* workers not yet done with the job */

    pthread_mutex_t mutex;
    pthread_cond_t wake; /* a new ticket */
    pthread_cond_t done; /* busy became 0 */
};

static void pause_briefly(void) {
#if defined(__x86_64__)
    _mm_pause();
#endif
}

static uint64_t read_ticket(i4_pool *pool) {
    return atomic_load_explicit(&pool->ticket, memory_order_acquire);
}

static uint64_t wait_for_ticket(i4_pool *pool, uint64_t seen) {
    for (int i = 0; i < pool->spins; i++) {
        if (read_ticket(pool) != seen) {
            return read_ticket(pool);
        }
        pause_briefly();
    }
    pthread_mutex_lock(&pool->mutex);
    while (read_ticket(pool) == seen) {
        pthread_cond_wait(&pool->wake, &pool->mutex);
    }
    pthread_mutex_unlock(&pool->mutex);
    return read_ticket(pool);
}

static int taking_part(uint64_t ticket) {
    return (int)(ticket & ((1u << TAKING_PART_BITS) - 1));
}

static void work(i4_pool *pool, int thread) {
    for (;;) {
        const long long index = atomic_fetch_add_explicit(&pool->next, 1, memory_order_relaxed);
        if (index >= pool->count) {
            return;
        }
        pool->fn(pool->task, (int)index, thread);
    }
}

/* The mutex is taken to signal, so the caller cannot miss it between looking and sleeping. */
static void finish(i4_pool *pool) {
    if (atomic_fetch_sub_explicit(&pool->busy, 1, memory_order_acq_rel) == 1) {
        pthread_mutex_lock(&pool->mutex);
        pthread_cond_signal(&pool->done);
        pthread_mutex_unlock(&pool->mutex);
    }
}

static void *worker_main(void *argument) {
    const worker *self = argument;
    i4_pool *pool = self->pool;
    uint64_t seen = 0;
    for (;;) {
        seen = wait_for_ticket(pool, seen);
        if (self->number > taking_part(seen)) {
            continue;
        }
        if (!pool->fn) {
            return NULL;
        }
        work(pool, self->number);
        finish(pool);
    }
}

static void announce(i4_pool *pool, i4_pool_fn fn, void *task, int count, int workers) {
    pool->fn = fn;
    pool->task = task;
    pool->count = count;
    atomic_store_explicit(&pool->next, 0, memory_order_relaxed);
    atomic_store_explicit(&pool->busy, workers, memory_order_relaxed);
    pthread_mutex_lock(&pool->mutex);
    const uint64_t number = (read_ticket(pool) >> TAKING_PART_BITS) + 1;
    atomic_store_explicit(&pool->ticket, number << TAKING_PART_BITS | (uint64_t)workers,
                          memory_order_release);
    pthread_cond_broadcast(&pool->wake);
    pthread_mutex_unlock(&pool->mutex);
}

static bool is_busy(i4_pool *pool) {
    return atomic_load_explicit(&pool->busy, memory_order_acquire) > 0;
}

static void wait_until_done(i4_pool *pool) {
    for (int i = 0; i < pool->spins && is_busy(pool); i++) {
        pause_briefly();
    }
    pthread_mutex_lock(&pool->mutex);
    while (is_busy(pool)) {
        pthread_cond_wait(&pool->done, &pool->mutex);
    }
    pthread_mutex_unlock(&pool->mutex);
}

void i4_pool_run(i4_pool *pool, i4_pool_fn fn, void *task, int count) {
    const int workers = count - 1 < pool->worker_count ? count - 1 : pool->worker_count;
    if (workers <= 0) {
        for (int i = 0; i < count; i++) {
            fn(task, i, 0);
        }
        return;
    }
    announce(pool, fn, task, count, workers);
    work(pool, 0);
    wait_until_done(pool);
}

/* Signals of the process are the program's business: workers inherit a mask that blocks all. */
static void start_workers(i4_pool *pool, int count) {
    pthread_attr_t attributes;
    if (pthread_attr_init(&attributes) != 0) {
        return;
    }
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    sigset_t all, before;
    sigfillset(&all);
    const bool is_masked = pthread_sigmask(SIG_SETMASK, &all, &before) == 0;
    for (int i = 0; i < count; i++) {
        worker *w = &pool->workers[i];
        w->pool = pool;
        w->number = i + 1;
        if (i4_fault_hit(I4_FAULT_THREAD, 0) ||
            pthread_create(&w->thread, &attributes, worker_main, w) != 0) {
            break;
        }
        pool->worker_count++;
    }
    if (is_masked) {
        pthread_sigmask(SIG_SETMASK, &before, NULL);
    }
    pthread_attr_destroy(&attributes);
}

static bool init_sync(i4_pool *pool) {
    if (pthread_mutex_init(&pool->mutex, NULL) != 0) {
        return false;
    }
    if (pthread_cond_init(&pool->wake, NULL) != 0) {
        goto no_wake;
    }
    if (pthread_cond_init(&pool->done, NULL) != 0) {
        goto no_done;
    }
    return true;
no_done:
    pthread_cond_destroy(&pool->wake);
no_wake:
    pthread_mutex_destroy(&pool->mutex);
    return false;
}

i4_pool *i4_pool_new(int threads, i4_err *err) {
    const int cores = i4_cpu_count();
    if (threads <= 0) {
        threads = cores;
    }
    if (threads > I4_LIMIT_THREADS) {
        threads = I4_LIMIT_THREADS;
    }
    i4_pool *pool = i4_calloc(1, sizeof *pool);
    worker *workers = i4_calloc((size_t)threads, sizeof *workers);
    if (!pool || !workers || !init_sync(pool)) {
        i4_free(workers);
        i4_free(pool);
        i4_fail_memory(err, "the worker threads", sizeof *pool + (size_t)threads * sizeof(worker));
        return NULL;
    }
    pool->workers = workers;
    /* More threads than cores: whoever polls keeps a worker with work from running. */
    pool->spins = threads > cores ? 0 : SPINS;
    atomic_init(&pool->next, 0);
    atomic_init(&pool->ticket, 0);
    atomic_init(&pool->busy, 0);
    start_workers(pool, threads - 1);
    return pool;
}

void i4_pool_free(i4_pool *pool) {
    if (!pool) {
        return;
    }
    announce(pool, NULL, NULL, 0, pool->worker_count);
    for (int i = 0; i < pool->worker_count; i++) {
        pthread_join(pool->workers[i].thread, NULL);
    }
    pthread_cond_destroy(&pool->done);
    pthread_cond_destroy(&pool->wake);
    pthread_mutex_destroy(&pool->mutex);
    i4_free(pool->workers);
    i4_free(pool);
}

int i4_pool_threads(const i4_pool *pool) {
    return pool->worker_count + 1;
}
