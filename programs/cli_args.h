/* cli_args.h: commands and options of the program. One table describes every option; parsing, the
 * help pages and the choices in error sentences are made from it. */
#ifndef CLI_ARGS_H
#define CLI_ARGS_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum { CLI_OK = 0, CLI_FAILED = 1, CLI_USAGE = 2, CLI_SIGNAL = 128 }; /* + n: stopped by n */
enum { CLI_LORAS_MAX = 64, CLI_OPERANDS_MAX = 1 + CLI_LORAS_MAX };
enum { CLI_SIDE_MIN = 256, CLI_SIDE_MAX = 2048, CLI_SIDE_STEP = 16 };

typedef enum cli_command {
    CLI_GENERATE = 1,
    CLI_INSPECT = 2,
    CLI_VERIFY = 4,
    CLI_RECIPE = 8,
    CLI_TOKENS = 16,
    CLI_HELP = 32,
    CLI_STATUS = 64,
    CLI_LOAD = 128,
    CLI_UNLOAD = 256,
    CLI_LORA = 512,
    CLI_CANCEL = 1024,
    CLI_DOCTOR = 2048,
    CLI_DOWNLOAD = 4096 /* has options of its own: cli_download.h */
} cli_command;

/* What a command line said. Pointers are borrowed from argv or the environment. Not given: NULL,
 * 0, or the value named. */
typedef struct cli_args {
    cli_command command;
    const char *operand; /* the first argument that is no option */
    const char *operands[CLI_OPERANDS_MAX];
    size_t operand_count;
    int help, version;

    const char *prompt, *prompt_file, *from, *out;
    int64_t width, height, resolution;
    const char *preset;
    int64_t steps;
    double guidance; /* -1 */
    int64_t seed;    /* -1 */
    int strict;
    const char *format; /* "png" */
    int64_t quality;
    const char *loras[CLI_LORAS_MAX];
    double lora_strengths[CLI_LORAS_MAX];
    size_t lora_count, lora_strength_count;
    const char *daemon; /* NULL: the environment's, else "auto" */
    const char *daemon_url;

    const char *model_repo, *model_path;
    const char *backend, *isa;
    int64_t threads;
    uint64_t memory_budget;

    int json, verbose, quiet, profile, caption_only, ids;
} cli_args;

/* Fills args. Returns CLI_OK, or CLI_USAGE after saying on stderr what is wrong. */
int cli_parse(int argc, char *const *argv, cli_args *args);

/* The page of one command, or the overview for CLI_HELP. */
void cli_print_help(FILE *out, cli_command command);

/* CLI_HELP when there is no such command. */
cli_command cli_find_command(const char *name);

#endif
