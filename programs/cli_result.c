/* cli_result.c: how a picture was made: the .log file beside it, and --json. */
#include "cli_job.h"

#include "cli_files.h"
#include "cli_say.h"
#include "cli_text.h"

#include <math.h>
#include <stdlib.h>

/* --- the metadata file ------------------------------------------------------------------- */

static char *joined_command(const job *j) {
    char *joined = cli_copy(j->argv[0]);
    for (int i = 1; i < j->argc; i++) {
        char *longer = cli_format("%s %s", joined, j->argv[i]);
        free(joined);
        joined = longer;
    }
    return joined;
}

/* What the two ways of drawing tell differently. */
static void set_place(json_t *object, const drawn *d) {
    if (d->task_id) {
        (void)json_object_set_new(object, "backend", json_string("mlx-daemon"));
        (void)json_object_set_new(object, "daemon_url", json_string(d->daemon_url));
        (void)json_object_set_new(object, "daemon_task_id", json_string(d->task_id));
        return;
    }
    (void)json_object_set_new(object, "backend", json_string("mlx-direct"));
    (void)json_object_set_new(object, "quantization_bits",
                              d->quantization_bits ? json_integer(d->quantization_bits)
                                                   : json_null());
}

/* Keys in the original's order; NULL when a text is not UTF-8. */
static json_t *metadata(const job *j, const drawn *d) {
    json_t *object = json_pack("{s:s, s:[i,i], s:i, s:I, s:f, s:s, s:s}", "preset",
                               j->request.preset, "resolution", j->request.width, j->request.height,
                               "steps", d->steps, "seed", (json_int_t)j->request.seed,
                               "generation_seconds", floor(d->seconds * 10 + 0.5) / 10, "output",
                               j->image_path, "format", j->args->format);
    char *command = joined_command(j);
    json_t *last = json_pack("{s:s, s:s}", "prompt", j->prompt, "cmd", command);
    free(command);
    if (!object || !last) {
        json_decref(object);
        json_decref(last);
        return NULL;
    }
    set_place(object, d);
    (void)json_object_update(object, last);
    json_decref(last);
    return object;
}

int write_metadata(const job *j, const drawn *d) {
    json_t *object = metadata(j, d);
    char *text = object ? json_dumps(object, JSON_INDENT(2) | JSON_REAL_PRECISION(15)) : NULL;
    const int is_written = text && write_whole(j->log_path, text);
    if (!text) {
        say_error("the picture %s is written, but not %s: a path or argument is not valid UTF-8",
                  j->image_path, j->log_path);
    }
    free(text);
    json_decref(object);
    return is_written ? CLI_OK : CLI_FAILED;
}

/* --- for machines ------------------------------------------------------------------------ */

int print_result(const job *j, const drawn *d) {
    if (!j->args->json) {
        return CLI_OK;
    }
    json_t *warnings = json_array();
    for (size_t i = 0; i < say_warning_count(); i++) {
        (void)json_array_append_new(warnings, json_string(say_warning_at(i)));
    }
    json_t *object =
        json_pack("{s:s, s:I, s:f, s:s, s:[i,i], s:i, s:o}", "path", j->image_path, "seed",
                  (json_int_t)j->request.seed, "seconds", d->seconds, "model", d->model, "size",
                  j->request.width, j->request.height, "steps", d->steps, "warnings", warnings);
    const int is_printed = object && json_dumpf(object, stdout, JSON_REAL_PRECISION(6)) == 0 &&
                           fputc('\n', stdout) != EOF;
    json_decref(object);
    return is_printed ? CLI_OK : CLI_FAILED;
}
