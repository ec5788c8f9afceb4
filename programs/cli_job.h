/* cli_job.h: one picture that `generate` makes. cli_generate.c reads what is asked; cli_direct.c
 * draws it here, cli_remote.c in the daemon; cli_result.c writes down how it was made.
 *
 * Functions that return int are stages: CLI_OK, or the exit code after saying why. */
#ifndef CLI_JOB_H
#define CLI_JOB_H

#include "cli_args.h"
#include "cli_daemon.h"
#include "cli_profile.h"
#include "cli_recipe.h"
#include "ideogram4.h"

/* How it was made, for the metadata file and --json. */
typedef struct drawn {
    const char *model;                /* its name */
    const char *daemon_url, *task_id; /* NULL: drawn here */
    int steps, quantization_bits;     /* 0 bits: not quantised */
    double seconds;
} drawn;

typedef struct job {
    const cli_args *args;
    const char *root;
    int argc;
    char *const *argv;

    /* what is asked */
    recipe from; /* of --from; empty without */
    char *prompt;
    id4_image_format format;
    char *image_path, *log_path;
    id4_request request;

    /* drawing here */
    char *lora_paths[CLI_LORAS_MAX];
    id4_recipe_lora loras[CLI_LORAS_MAX]; /* names point into lora_paths */
    size_t lora_count;
    int is_demo;
    id4_model *model;
    id4_model_info info;
    id4_adapter *adapters[CLI_LORAS_MAX];
    id4_engine *engine;
    id4_bytes recipe_json;
    id4_image *image;
    id4_stats stats;
    profile profile;

    /* drawing in the daemon */
    daemon_talk talk;
    json_t *status; /* of its model */
    char *task;     /* id; NULL: none yet */
    json_t *done;   /* the finished task */
} job;

/* cli_generate.c: flags first, then the recipe, then the defaults. */
void job_fill_request(job *j, int default_side);
/* The LoRAs asked for, by flag or recipe. */
size_t job_lora_count(const job *j);
const char *job_lora_name(const job *j, size_t index);
double job_lora_strength(const job *j, size_t index);

/* cli_direct.c */
int draw_here(job *j);
void draw_here_end(job *j);

/* cli_remote.c: whether to, and doing it. *remote stays 0 for drawing here. */
int choose_place(job *j, int *remote);
int draw_in_daemon(job *j);
void draw_in_daemon_end(job *j);

/* cli_result.c: the .log file; one line of JSON with --json. */
int write_metadata(const job *j, const drawn *d);
int print_result(const job *j, const drawn *d);

#endif
