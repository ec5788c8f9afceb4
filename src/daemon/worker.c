/* The worker's thread: takes items off the queue one by one. LoRA operations are done here;
 * models in model.c, drawing in draw.c. */
#include "daemon/worker.h"

#include "base/log.h"
#include "base/memory.h"
#include "base/os.h"
#include "daemon/desk.h"

#include <stdio.h>
#include <string.h>

/* --- moments ------------------------------------------------------------------------------- */

static i4_moment_fn moment_fn; /* written while no worker exists */
static void *moment_user;

void i4_worker_watch(i4_moment_fn fn, void *user) {
    moment_fn = fn;
    moment_user = user;
}

void i4_moment(const char *name) {
    if (moment_fn != NULL) {
        moment_fn(name, moment_user);
    }
}

bool i4_pass_on(const id4_error *from, i4_err *err) {
    return i4_fail(err, (i4_status)from->status, "%s", from->text);
}

/* --- LoRA operations ----------------------------------------------------------------------- */

static void report(i4_worker *w, i4_job *job, const char *phase, int progress, const char *msg) {
    i4_table_lock(w->table);
    job->phase = phase;
    job->progress = progress;
    i4_job_say(job, "%s", msg);
    i4_table_unlock(w->table);
    i4_moment(phase);
}

/* {"ok", "msg", "applied_loras", "changed"}; the mutex is held. */
static json_t *make_result(const i4_table *t, bool ok, const char *msg, bool changed) {
    return json_pack("{s:b, s:s, s:o, s:b}", "ok", ok, "msg", msg, "applied_loras",
                     i4_stack_list(&t->stack), "changed", changed);
}

static const char *outcome(const i4_job *job, bool changed) {
    if (job->order->loras == NULL) {
        return changed ? "the LoRA stack is removed" : "no LoRA was applied";
    }
    return changed ? "the LoRA stack is applied" : "this LoRA stack is applied already";
}

static void end_lora(i4_worker *w, i4_job *job, bool is_resolved, bool ok, bool changed,
                     const i4_err *err) {
    i4_table *t = w->table;
    i4_table_lock(t);
    if (ok) {
        job->result = make_result(t, true, outcome(job, changed), changed);
        i4_job_say(job, "%s", outcome(job, changed));
        i4_job_succeed(t, job, i4_seconds());
    } else {
        /* bad names are errors of the request; files that do not fit have a result */
        job->result = is_resolved ? make_result(t, false, err->text, false) : NULL;
        i4_job_fail(t, job, err->text, i4_seconds());
    }
    i4_table_unlock(t);
    i4_log(ok ? I4_LOG_INFO : I4_LOG_WARN, "lora", "%s", ok ? job->msg : err->text);
}

static void run_lora(i4_worker *w, i4_job *job) {
    i4_err err = {0};
    i4_stack next = {.count = 0};
    bool changed = false;
    report(w, job, "resolve", 1, "looking for the LoRA files");
    const bool is_resolved = job->order->loras == NULL ||
                             i4_stack_resolve(&next, job->order->loras, w->settings->lora_dir,
                                              w->settings->lora_strength, &err);
    bool ok = is_resolved;
    if (ok) {
        report(w, job, "load", 20, "reading the LoRA files");
        ok = i4_model_apply(w, &next, &changed, &err);
    }
    if (ok) {
        report(w, job, "done", 99, "the LoRA stack is set");
    }
    end_lora(w, job, is_resolved, ok, changed, &err);
}

/* --- the thread ---------------------------------------------------------------------------- */

static void run_item(i4_worker *w, const i4_item *item) {
    switch (item->work) {
    case I4_WORK_LOAD:
        i4_model_load(w);
        break;
    case I4_WORK_UNLOAD:
        i4_model_unload(w);
        break;
    case I4_WORK_DRAW:
        i4_draw(w, item->job);
        break;
    case I4_WORK_LORA:
    case I4_WORK_UNLORA:
        run_lora(w, item->job);
        break;
    }
}

static void *work(void *argument) {
    i4_worker *w = argument;
    i4_item item;
    i4_table_lock(w->table);
    while (i4_turn_take(w->table, &item)) {
        i4_table_unlock(w->table);
        run_item(w, &item);
        i4_table_lock(w->table);
        i4_turn_done(w->table);
        i4_table_unlock(w->table);
        i4_moment("end");
        i4_table_lock(w->table);
    }
    i4_table_unlock(w->table);
    i4_model_unload(w);
    return NULL;
}

i4_worker *i4_worker_start(i4_table *table, const i4_settings *settings, i4_err *err) {
    i4_worker *w = i4_calloc(1, sizeof *w);
    if (w == NULL) {
        i4_fail_memory(err, "the worker", sizeof *w);
        return NULL;
    }
    w->table = table;
    w->settings = settings;
    if (i4_fault_hit(I4_FAULT_THREAD, 0) || pthread_create(&w->thread, NULL, work, w) != 0) {
        i4_fail_memory(err, "the worker's thread", sizeof *w);
        i4_free(w);
        return NULL;
    }
    return w;
}

/* A picture that is computed and only being stored is not thrown away: that takes a moment. */
static void end_all(i4_table *t) {
    for (i4_job *job = t->oldest; job != NULL; job = job->newer) {
        const bool is_stored = t->is_working && t->is_storing && t->current.job == job;
        if (job->step == I4_STEP_DONE || is_stored) {
            continue;
        }
        if (job->kind == I4_JOB_DRAW) {
            i4_job_cancel(t, job, i4_seconds());
        } else if (job->step == I4_STEP_QUEUED) {
            i4_job_fail(t, job, "the model daemon is stopping", i4_seconds());
        }
    }
}

void i4_worker_stop(i4_worker *worker) {
    if (worker == NULL) {
        return;
    }
    i4_table *t = worker->table;
    i4_table_lock(t);
    t->is_stopping = true;
    end_all(t);
    pthread_cond_broadcast(&t->work);
    pthread_cond_broadcast(&t->settled);
    i4_table_unlock(t);
    pthread_join(worker->thread, NULL);
    i4_free(worker);
}

bool i4_worker_usable(const i4_settings *settings, char *out, size_t size, i4_err *err) {
    const char *wanted = settings->backend;
    const bool any = *wanted == '\0' || strcmp(wanted, "auto") == 0;
    id4_backend_info info;
    for (int i = 0; id4_backend_at(i, &info); i++) {
        if (any || strcmp(info.name, wanted) == 0) {
            snprintf(out, size, "%s", info.name);
            return true;
        }
    }
    snprintf(out, size, "%s", any ? "none" : wanted);
    return i4_fail(err, I4_E_UNSUPPORTED,
                   "this build has no backend '%s': set IDEOGRAM4_BACKEND to auto, cpu or scalar",
                   wanted);
}
