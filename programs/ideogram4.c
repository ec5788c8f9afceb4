/* ideogram4.c: the program. Reads the command line and runs one command:
 *
 *     ideogram4 --prompt "a red circle on a white background" --out circle.png
 *     ideogram4 inspect|verify|recipe|tokens|download|doctor …
 *     ideogram4 status|load|unload|lora|cancel …          the model daemon
 *
 * Results go to standard output, everything else to stderr. Exit codes: 0 done, 1 failed, 2 the
 * command line is wrong, 128 + n stopped by signal n. */
#include "cli_args.h"
#include "cli_commands.h"
#include "cli_download.h"
#include "cli_files.h"
#include "cli_say.h"

#include <errno.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A full disk, a file size limit or a reader that went away are errors to report, not deaths. */
static void survive_write_errors(void) {
    struct sigaction ignore;
    memset(&ignore, 0, sizeof ignore);
    ignore.sa_handler = SIG_IGN;
    (void)sigaction(SIGPIPE, &ignore, NULL);
#ifdef SIGXFSZ
    (void)sigaction(SIGXFSZ, &ignore, NULL);
#endif
}

static void print_version(void) {
    id4_backend_info info;
    printf("ideogram4 %s (library %s, ABI %d, jansson %s)\n", ID4_VERSION_STRING,
           id4_version_string(), id4_abi(), JANSSON_VERSION);
    for (int i = 0; id4_backend_at(i, &info); i++) {
        printf("%s: %s\n", info.name, info.detail);
    }
}

static int print_help_page(const cli_args *args) {
    cli_command page = args->command;
    if (page == CLI_HELP && args->operand) {
        page = cli_find_command(args->operand);
        if (page == CLI_HELP && strcmp(args->operand, "help") != 0) {
            say_error("there is no command \"%s\": see `ideogram4 help`", args->operand);
            return CLI_USAGE;
        }
    }
    if (page == CLI_DOWNLOAD) {
        char words[][12] = {"download", "--help"};
        char *argv[] = {words[0], words[1], NULL};
        return cli_download(2, argv);
    }
    cli_print_help(stdout, page);
    return CLI_OK;
}

static int run(const cli_args *args, int argc, char *const *argv) {
    if (args->version) {
        print_version();
        return CLI_OK;
    }
    if (args->help || args->command == CLI_HELP) {
        return print_help_page(args);
    }
    char *root = find_root(argv[0]);
    int status = CLI_USAGE;
    switch (args->command) {
    case CLI_GENERATE:
        status = run_generate(args, root, argc, argv);
        break;
    case CLI_INSPECT:
        status = run_inspect(args, root);
        break;
    case CLI_VERIFY:
        status = run_verify(args);
        break;
    case CLI_RECIPE:
        status = run_recipe(args);
        break;
    case CLI_TOKENS:
        status = run_tokens(args, root);
        break;
    case CLI_DOCTOR:
        status = run_doctor(args);
        break;
    case CLI_STATUS:
        status = run_status(args);
        break;
    case CLI_LOAD:
        status = run_load(args);
        break;
    case CLI_UNLOAD:
        status = run_unload(args);
        break;
    case CLI_LORA:
        status = run_lora(args);
        break;
    case CLI_CANCEL:
        status = run_cancel(args);
        break;
    case CLI_HELP:
    case CLI_DOWNLOAD:
        break;
    }
    free(root);
    return status;
}

static id4_log_level shown_level(const cli_args *args) {
    if (args->quiet) {
        return ID4_LOG_ERROR;
    }
    return args->verbose > 1 ? ID4_LOG_TRACE : args->verbose ? ID4_LOG_DEBUG : ID4_LOG_INFO;
}

static int run_command_line(int argc, char **argv) {
    cli_args args;
    if (argc > 1 && cli_find_command(argv[1]) == CLI_DOWNLOAD) {
        return cli_download(argc - 1, argv + 1);
    }
    int status = cli_parse(argc, argv, &args);
    if (status == CLI_OK) {
        say_begin(shown_level(&args));
        status = run(&args, argc, argv);
    }
    return status;
}

int main(int argc, char **argv) {
    survive_write_errors();
    say_begin(ID4_LOG_INFO);
    int status = run_command_line(argc, argv);
    if ((fflush(stdout) != 0 || ferror(stdout)) && status == CLI_OK) {
        say_error("cannot write to standard output: %s", strerror(errno));
        status = CLI_FAILED;
    }
    say_end();
    return status;
}
