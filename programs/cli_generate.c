/* cli_generate.c: the command that draws: what is asked, and where it is drawn.
 *
 * A job goes through stages; the first that fails ends it with its exit code. Everything that can
 * be refused without computing is refused before a model is opened. */
#include "cli_commands.h"

#include "cli_files.h"
#include "cli_job.h"
#include "cli_say.h"
#include "cli_settings.h"
#include "cli_stop.h"
#include "cli_text.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { PROMPT_BYTES_MAX = 4 * 1024 * 1024 };
static const double lora_strength_default = 0.6;

/* --- what is asked ----------------------------------------------------------------------- */

static int check_environment(job *j) {
    (void)j;
    return cli_settings() ? CLI_OK : CLI_USAGE;
}

static int open_log(job *j) {
    const char *named = env_text("IDEOGRAM4_LOG_DIR");
    char *script = path_join(j->root, "run.sh");
    char *folder = resolve_path(j->root, named ? named : "logs");
    /* An installed program leaves nothing in the system's folders unless it is told to. */
    if ((named || is_file(script)) && make_folders(folder)) {
        say_open_log(folder);
    }
    free(folder);
    free(script);
    return CLI_OK;
}

static int read_recipe(job *j) {
    j->from.guidance = -1;
    j->from.seed = -1;
    if (j->args->from && !recipe_read(j->args->from, &j->from)) {
        return CLI_FAILED;
    }
    return CLI_OK;
}

static int read_prompt_file(job *j) {
    size_t size;
    if (!read_whole(j->args->prompt_file, "prompt file", PROMPT_BYTES_MAX, &j->prompt, &size)) {
        return CLI_FAILED;
    }
    if (strlen(j->prompt) != size) {
        say_error("the prompt file %s is not text: it contains a zero byte", j->args->prompt_file);
        return CLI_FAILED;
    }
    if (cli_starts_with(j->prompt, "\xEF\xBB\xBF")) { /* a byte order mark is no text */
        memmove(j->prompt, j->prompt + 3, size - 2);
    }
    cli_trim(j->prompt);
    return CLI_OK;
}

static int read_prompt(job *j) {
    const cli_args *args = j->args;
    if (args->prompt_file) {
        int status = read_prompt_file(j);
        if (status) {
            return status;
        }
    } else if (args->prompt) {
        j->prompt = cli_copy(args->prompt);
    } else if (j->from.caption) {
        j->prompt = cli_copy(j->from.caption);
    } else {
        say_error("there is no prompt: give --prompt TEXT, --prompt-file FILE or --from PICTURE");
        return CLI_FAILED;
    }
    if (!*j->prompt) {
        say_error("the prompt is empty");
        return CLI_FAILED;
    }
    json_t *text = json_string(j->prompt);
    json_decref(text);
    if (!text) {
        say_error("the prompt is not valid UTF-8");
        return CLI_FAILED;
    }
    return CLI_OK;
}

/* With --strict every warning is an error, and all of them are told before any work is done.
 * Without, the library logs them as it draws. */
static int check_caption(job *j) {
    id4_findings *findings = NULL;
    id4_error err = {0};
    if (!j->args->strict) {
        return CLI_OK;
    }
    if (id4_caption_check(j->prompt, strlen(j->prompt), 0, &findings, &err) != ID4_OK) {
        say_error("%s", err.text);
        return CLI_FAILED;
    }
    size_t count = id4_findings_count(findings);
    for (size_t i = 0; i < count; i++) {
        const id4_finding *f = id4_findings_at(findings, i);
        say_error("caption: %s: %s [%s]", f->path, f->text, f->code);
    }
    id4_findings_free(findings);
    return count ? CLI_FAILED : CLI_OK;
}

static int check_output(job *j) {
    const char *name = j->args->format;
    j->format = strcmp(name, "webp") == 0   ? ID4_WEBP
                : strcmp(name, "jpeg") == 0 ? ID4_JPEG
                                            : ID4_PNG;
    j->image_path = path_with_suffix(j->args->out, name);
    j->log_path = j->image_path ? path_with_suffix(j->image_path, "log") : NULL;
    if (!j->image_path || is_folder(j->image_path)) {
        say_error("--out %s names no file", j->args->out);
        return CLI_FAILED;
    }
    char *folder = path_folder(j->image_path);
    int is_ready = make_folders(folder) && can_write_in(folder);
    if (!is_ready) {
        say_error("cannot write in the folder %s: %s", folder, strerror(errno));
    }
    free(folder);
    return is_ready ? CLI_OK : CLI_FAILED;
}

/* --- flags, recipe, defaults ------------------------------------------------------------- */

size_t job_lora_count(const job *j) {
    return j->args->lora_count ? j->args->lora_count : j->from.lora_count;
}

const char *job_lora_name(const job *j, size_t index) {
    return j->args->lora_count ? j->args->loras[index] : j->from.loras[index];
}

double job_lora_strength(const job *j, size_t index) {
    if (index < j->args->lora_strength_count) {
        return j->args->lora_strengths[index];
    }
    return j->args->lora_count ? lora_strength_default : j->from.strengths[index];
}

/* Thirty-two random bits, as the original draws them. */
static uint64_t random_seed(void) {
    uint32_t bits = 0;
    FILE *file = fopen("/dev/urandom", "rb");
    size_t count = file ? fread(&bits, sizeof bits, 1, file) : 0;
    if (file) {
        (void)fclose(file);
    }
    return count == 1 ? bits : (uint32_t)time(NULL) * 2654435761u;
}

static void choose_size(const cli_args *args, const recipe *from, int otherwise,
                        id4_request *request) {
    if (args->width) {
        request->width = (int)args->width;
        request->height = (int)args->height;
    } else if (!args->resolution && from->width) {
        request->width = (int)from->width;
        request->height = (int)from->height;
    } else {
        request->width = request->height = args->resolution ? (int)args->resolution : otherwise;
    }
}

void job_fill_request(job *j, int default_side) {
    const cli_args *args = j->args;
    const recipe *from = &j->from;
    id4_request *request = &j->request;
    id4_request_init(request);
    request->caption = j->prompt;
    choose_size(args, from, default_side, request);
    /* Another preset brings its own steps and guidance. */
    int keeps_sampler = !args->preset;
    const char *asked = args->preset ? args->preset : from->preset;
    const id4_preset *preset = asked ? id4_preset_find(asked) : NULL;
    request->preset = preset ? preset->name : asked ? asked : request->preset;
    request->steps = (int)(args->steps ? args->steps : keeps_sampler ? from->steps : 0);
    request->guidance = args->guidance >= 0 ? args->guidance : keeps_sampler ? from->guidance : -1;
    request->seed = args->seed >= 0   ? (uint64_t)args->seed
                    : from->seed >= 0 ? (uint64_t)from->seed
                                      : random_seed();
    request->strict = args->strict > 0;
}

/* --- the whole --------------------------------------------------------------------------- */

static void clean_up(job *j) {
    draw_here_end(j);
    draw_in_daemon_end(j);
    free(j->log_path);
    free(j->image_path);
    free(j->prompt);
    recipe_free(&j->from);
}

static int run_stages(job *j) {
    static int (*const stages[])(job *) = {
        check_environment, open_log, read_recipe, read_prompt, check_caption, check_output,
    };
    int status = CLI_OK, remote = 0;
    for (size_t i = 0; status == CLI_OK && i < sizeof stages / sizeof *stages; i++) {
        status = stages[i](j);
    }
    status = status ? status : choose_place(j, &remote);
    return status ? status : remote ? draw_in_daemon(j) : draw_here(j);
}

int run_generate(const cli_args *args, const char *root, int argc, char *const *argv) {
    job *j = cli_resize(NULL, 1, sizeof *j);
    *j = (job){.args = args, .root = root, .argc = argc, .argv = argv};
    stop_listen();
    int status = run_stages(j);
    clean_up(j);
    free(j);
    return status;
}
