/* cli_remote.c: drawing in the model daemon (docs/http-api.md 10.1). Once it has answered,
 * everything happens there or fails: nothing falls back to drawing here. */
#include "cli_job.h"

#include "cli_files.h"
#include "cli_say.h"
#include "cli_settings.h"
#include "cli_stop.h"
#include "cli_text.h"

#include "base/os.h"
#include "http/wire.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SIDE_UNKNOWN_MODEL = 1024 };
static const double artifact_seconds = 60;

/* --- whether ----------------------------------------------------------------------------- */

/* What asks for something that no daemon does; NULL if nothing does. */
static const char *direct_only(const job *j) {
    const cli_args *a = j->args;
    const struct {
        int is_given;
        const char *name;
    } flags[] = {
        {a->model_path != NULL, "--model-path"},
        {a->model_repo != NULL, "--model-repo"},
        {a->steps > 0, "--steps"},
        {a->guidance >= 0, "--guidance"},
        {a->strict > 0, "--strict"},
        {a->profile > 0, "--profile"},
        {a->backend != NULL, "--backend"},
        {a->isa != NULL, "--isa"},
        {a->threads > 0, "--threads"},
        {a->memory_budget > 0, "--memory-budget"},
        {!a->preset && (j->from.steps > 0 || j->from.guidance >= 0),
         "a recipe with steps or guidance of its own"},
    };
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
        if (flags[i].is_given) {
            return flags[i].name;
        }
    }
    return NULL;
}

static int look_for_daemon(job *j, int is_required, int *remote) {
    i4_err err = {0};
    const int status = daemon_open(&j->talk, j->args);
    if (status) {
        return status;
    }
    *remote = daemon_is_there(&j->talk, &err);
    if (!*remote && is_required) {
        say_error("no model daemon at %s (%s): start it with ./run.sh, or use --daemon off",
                  j->talk.url, err.text);
        return CLI_FAILED;
    }
    if (!*remote) {
        say_debug("no model daemon at %s: drawing here", j->talk.url);
    }
    return CLI_OK;
}

int choose_place(job *j, int *remote) {
    const char *mode = j->args->daemon ? j->args->daemon : cli_settings()->cli_daemon_mode;
    const int is_required = strcmp(mode, "require") == 0;
    const char *only_here = direct_only(j);
    *remote = 0;
    if (strcmp(mode, "off") == 0) {
        return CLI_OK;
    }
    if (only_here && is_required) {
        say_error("%s does not work in a daemon: leave it out, or use --daemon off", only_here);
        return CLI_USAGE;
    }
    if (only_here) {
        say_debug("%s does not work in a daemon: drawing here", only_here);
        return CLI_OK;
    }
    return look_for_daemon(j, is_required, remote);
}

/* --- before ------------------------------------------------------------------------------ */

static int load(job *j) {
    return daemon_load(&j->talk, &j->status);
}

/* Without --lora whatever is applied there stays so, as in the original; but a recipe is repeated
 * as it is. */
static int set_loras(job *j) {
    const size_t count = job_lora_count(j);
    const size_t applied = json_array_size(json_object_get(j->status, "applied_loras"));
    if (count == 0 && (applied == 0 || !j->args->from)) {
        if (applied > 0) {
            say_info(
                "the daemon draws with the LoRAs that are applied there: see `ideogram4 lora`");
        }
        return CLI_OK;
    }
    if (count == 0) {
        return daemon_lora(&j->talk, "/lora/remove", NULL, NULL);
    }
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++) {
        (void)json_array_append_new(list,
                                    json_pack("{s:s, s:f}", "name", path_name(job_lora_name(j, i)),
                                              "strength", job_lora_strength(j, i)));
    }
    if (count > 1) {
        return daemon_lora(&j->talk, "/lora/apply", json_pack("{s:o}", "loras", list), NULL);
    }
    json_t *only = json_incref(json_array_get(list, 0));
    json_decref(list);
    return daemon_lora(&j->talk, "/lora/apply", only, NULL);
}

/* The side that its model draws best, as when drawing here; its files may be on this machine. */
static int side_of_model(const json_t *status) {
    id4_model *model = NULL;
    id4_model_info info;
    int side = SIDE_UNKNOWN_MODEL;
    const char *folder = json_text(status, "model_path");
    id4_model_info_init(&info);
    if (*folder && id4_model_open(folder, NULL, NULL, &model, NULL) == ID4_OK &&
        id4_model_get_info(model, &info) == ID4_OK) {
        side = info.default_side;
    }
    (void)id4_model_close(model);
    return side;
}

/* What the library warns about when it draws here, the daemon only logs. */
static void warn_of_caption(const job *j) {
    id4_findings *findings = NULL;
    (void)id4_caption_check(j->prompt, strlen(j->prompt), 0, &findings, NULL);
    for (size_t i = 0; findings && i < id4_findings_count(findings); i++) {
        const id4_finding *f = id4_findings_at(findings, i);
        say_warning("caption: %s: %s", f->path, f->text);
    }
    id4_findings_free(findings);
}

static int fill_request(job *j) {
    const cli_args *a = j->args;
    const int has_size = a->width || a->resolution || j->from.width;
    job_fill_request(j, has_size ? 0 : side_of_model(j->status));
    warn_of_caption(j);
    return CLI_OK;
}

/* --- the task ---------------------------------------------------------------------------- */

static json_t *caption_of(const job *j) {
    json_t *value = NULL;
    if (i4_wire_read(j->prompt, strlen(j->prompt), &value, NULL) == I4_WIRE_OK &&
        json_is_object(value)) {
        return value;
    }
    json_decref(value);
    return json_string(j->prompt);
}

/* Not to be interrupted: a task without a known id could not be cancelled. */
static int submit(job *j) {
    const id4_request *r = &j->request;
    json_t *body = json_pack("{s:o, s:i, s:i, s:s, s:I, s:s, s:o}", "caption", caption_of(j),
                             "width", r->width, "height", r->height, "preset", r->preset, "seed",
                             (json_int_t)r->seed, "format", j->args->format, "quality",
                             j->args->quality ? json_integer(j->args->quality) : json_null());
    json_t *answer = body ? daemon_post(&j->talk, "/generate", body) : NULL;
    const char *task = json_text(answer, "task_id");
    if (*task) {
        j->task = cli_copy(task);
        say_info("drawing %dx%d, %s, seed %llu in the daemon at %s, task %s", r->width, r->height,
                 r->preset, (unsigned long long)r->seed, j->talk.url, task);
    } else if (answer) {
        say_error("the model daemon gave no task: is that one at %s?", j->talk.url);
    }
    json_decref(answer);
    return j->task ? CLI_OK : CLI_FAILED;
}

static int cancel(job *j) {
    char *path = cli_format("/cancel/%s", j->task);
    json_t *answer = daemon_post(&j->talk, path, NULL);
    const int is_cancelled = answer != NULL;
    json_decref(answer);
    free(path);
    return stop_code(is_cancelled ? "the daemon stops drawing, nothing was written"
                                  : "but the daemon goes on drawing");
}

/* Polls until the task is done. */
static int watch(job *j) {
    daemon_pace pace = {0};
    const double begun = i4_seconds();
    char *path = cli_format("/status/%s", j->task);
    int code = CLI_OK;
    while (code == CLI_OK && !j->done) {
        if (stop_asked()) {
            code = cancel(j);
            break;
        }
        json_t *status = daemon_get(&j->talk, path);
        if (!status) {
            code = CLI_FAILED;
        } else if (strcmp(json_text(status, "state"), "done") == 0) {
            j->done = json_incref(status);
        } else {
            say_remote(json_text(status, "msg"), daemon_fraction(status), i4_seconds() - begun);
            (void)daemon_wait(&pace);
        }
        json_decref(status);
    }
    say_progress_end();
    free(path);
    return code;
}

static int check_done(job *j) {
    const char *error = json_text(j->done, "error");
    if (*error || !json_is_true(json_object_get(j->done, "has_artifact"))) {
        say_error("the model daemon drew no picture: %s",
                  *error ? error : json_text(j->done, "msg"));
        return CLI_FAILED;
    }
    return CLI_OK;
}

/* --- the picture ------------------------------------------------------------------------- */

/* What is stored here, nobody else needs to fetch: the spool is told so. */
static int fetch(job *j) {
    i4_answer answer;
    char *path = cli_format("/artifact/%s", j->task);
    char *spool = cli_format("/spool/%s", j->task);
    const int is_there = daemon_bytes(&j->talk, "GET", path, artifact_seconds, &answer);
    const int is_written = is_there && write_bytes(j->image_path, answer.body, answer.size);
    if (is_written) {
        daemon_tell(&j->talk, "DELETE", spool);
    }
    i4_answer_free(&answer);
    free(spool);
    free(path);
    return is_written ? CLI_OK : CLI_FAILED;
}

static int write_down(job *j) {
    const char *folder = json_text(j->status, "model_path");
    const json_t *meta = json_object_get(j->done, "image_meta");
    const drawn d = {
        .model = *folder ? path_name(folder) : json_text(j->status, "model_repo"),
        .daemon_url = j->talk.url,
        .task_id = j->task,
        .steps = (int)json_integer_value(json_object_get(j->done, "total_steps")),
        .seconds = json_number_value(json_object_get(meta, "generation_seconds")),
    };
    const int status = write_metadata(j, &d);
    if (status == CLI_OK) {
        say_info("%s: %.1f s in the daemon", j->image_path, d.seconds);
    }
    return status ? status : print_result(j, &d);
}

/* --- the whole --------------------------------------------------------------------------- */

int draw_in_daemon(job *j) {
    static int (*const stages[])(job *) = {
        load, set_loras, fill_request, submit, watch, check_done, fetch, write_down,
    };
    int status = CLI_OK;
    for (size_t i = 0; status == CLI_OK && i < sizeof stages / sizeof *stages; i++) {
        status = !j->task && stop_asked() ? stop_code("nothing was written") : stages[i](j);
    }
    return status;
}

void draw_in_daemon_end(job *j) {
    json_decref(j->done);
    json_decref(j->status);
    free(j->task);
    daemon_close(&j->talk);
}
