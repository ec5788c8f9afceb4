/* cli_download.c: gets a model from the Hugging Face hub into its cache.
 *
 *     ideogram4 download [--repo OWNER/NAME] [--revision NAME]
 *
 * On a terminal one line shows where it is, elsewhere lines at each file and each tenth. */
#include "cli_download.h"

#include "cli_args.h"
#include "cli_files.h"
#include "cli_say.h"
#include "cli_text.h"

#include "base/os.h"
#include "hub/hub.h"
#include "hub/names.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static const char default_repo[] = "MLXBits/ideogram-4-mlx-q8";

typedef struct download_args {
    const char *repo, *revision; /* NULL: not given */
    int quiet, help;
} download_args;

/* --- options ----------------------------------------------------------------------------- */

typedef struct download_option {
    const char *name;  /* without the dashes */
    const char *value; /* its name in the help, NULL for flags */
    const char *help;
    char letter; /* of flags */
    size_t at;   /* offset in download_args */
} download_option;

static const download_option options[] = {
    {"repo", "NAME", "model on the hub (default: IDEOGRAM4_MODEL_REPO, else the 8-bit model)", 0,
     offsetof(download_args, repo)},
    {"revision", "NAME", "branch, tag or commit (default: IDEOGRAM4_MODEL_REVISION, else main)", 0,
     offsetof(download_args, revision)},
    {"quiet", NULL, "errors only", 'q', offsetof(download_args, quiet)},
    {"help", NULL, "this page", 'h', offsetof(download_args, help)},
};
enum { OPTION_COUNT = sizeof options / sizeof *options };

static void print_help(void) {
    fputs("ideogram4 download [options]\n"
          "  gets a model from the Hugging Face hub; goes on where an earlier try stopped\n\n"
          "Options\n",
          stdout);
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        const download_option *o = &options[i];
        char *left = o->letter ? cli_format("-%c, --%s", o->letter, o->name)
                               : cli_format("--%s %s", o->name, o->value);
        printf("  %-22s %s\n", left, o->help);
        free(left);
    }
    printf("\nEnvironment\n"
           "  HF_TOKEN               who asks, for models whose terms must be accepted\n"
           "  HF_HOME, HF_HUB_CACHE  where models are kept (~/.cache/huggingface/hub)\n"
           "  HF_ENDPOINT            another hub\n"
           "  HF_HUB_OFFLINE         1: only what is in the cache\n"
           "The 8-bit model (%s) has 28 GB; its licence is non-commercial.\n",
           default_repo);
}

static const download_option *find_option(const char *name, size_t length) {
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        if (strlen(options[i].name) == length && memcmp(options[i].name, name, length) == 0) {
            return &options[i];
        }
    }
    return NULL;
}

static const download_option *find_letter(const char *text) {
    for (size_t i = 0; text[1] && !text[2] && i < OPTION_COUNT; i++) {
        if (options[i].letter == text[1]) {
            return &options[i];
        }
    }
    return NULL;
}

/* --name=value, --name value, or a letter. */
static int parse_option(int argc, char **argv, int *index, download_args *args) {
    const char *text = argv[*index];
    const int is_long = text[1] == '-';
    const size_t length = is_long ? strcspn(text + 2, "=") : 0;
    const char *value = is_long && text[2 + length] == '=' ? text + 3 + length : NULL;
    const download_option *o = is_long ? find_option(text + 2, length) : find_letter(text);
    if (!o) {
        say_error("download knows no %s: see `ideogram4 download --help`", text);
        return CLI_USAGE;
    }
    void *place = (char *)args + o->at;
    if (!o->value) {
        if (value) {
            say_error("--%s takes no value", o->name);
            return CLI_USAGE;
        }
        *(int *)place = 1;
        return CLI_OK;
    }
    if (!value && *index + 1 < argc && argv[*index + 1][0] != '-') {
        value = argv[++*index];
    }
    if (!value || !*value) {
        say_error("--%s needs a value", o->name);
        return CLI_USAGE;
    }
    *(const char **)place = value;
    return CLI_OK;
}

static int parse(int argc, char **argv, download_args *args) {
    for (int i = 1; i < argc; i++) {
        if (argv[i][0] != '-' || !argv[i][1]) {
            say_error("unexpected argument \"%s\": name the model with --repo", argv[i]);
            return CLI_USAGE;
        }
        const int status = parse_option(argc, argv, &i, args);
        if (status) {
            return status;
        }
    }
    return CLI_OK;
}

/* --- being stopped ----------------------------------------------------------------------- */

static volatile sig_atomic_t stop_signal;

static void on_stop(int number) {
    stop_signal = number;
}

/* The first signal ends the download in order, the second one the program at once. */
static void listen_to_signals(void) {
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = on_stop;
    action.sa_flags = (int)SA_RESETHAND;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        (void)sigaction(numbers[i], &action, NULL);
    }
}

/* --- progress ---------------------------------------------------------------------------- */

typedef struct shown {
    int is_quiet, is_terminal, line_is_up;
    double began_at, drawn_at; /* began_at: of the first byte to come, 0 before */
    uint64_t began_with;       /* bytes that were there then */
    int told_file, told_tenth;
} shown;

static int terminal_columns(void) {
    struct winsize size = {0};
    return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

/* ", 85 MB/s, 3:05 min left"; empty while nothing can be said. */
static char *speed_text(const shown *s, const i4_hub_progress *p) {
    const double seconds = i4_seconds() - s->began_at;
    const double bytes = (double)(p->done_bytes - s->began_with);
    if (seconds < 1 || bytes <= 0 || p->done_bytes >= p->total_bytes) {
        return cli_copy("");
    }
    const double left = (double)(p->total_bytes - p->done_bytes) / (bytes / seconds);
    char *rate = cli_human_bytes((uint64_t)(bytes / seconds));
    char *text =
        left < 6000 ? cli_format(", %s/s, %d:%02d min left", rate, (int)(left / 60), (int)left % 60)
                    : cli_format(", %s/s, %.0f h left", rate, left / 3600);
    free(rate);
    return text;
}

/* "12.3 GB of 27.5 GB, 44 %, 85 MB/s, 3:05 min left" */
static char *progress_text(const shown *s, const i4_hub_progress *p) {
    char *done = cli_human_bytes(p->done_bytes);
    char *total = cli_human_bytes(p->total_bytes);
    char *speed = speed_text(s, p);
    const double part = p->total_bytes ? (double)p->done_bytes / (double)p->total_bytes * 100 : 100;
    char *text = cli_format("%s of %s, %d %%%s", done, total, (int)part, speed);
    free(speed);
    free(total);
    free(done);
    return text;
}

static void wipe(shown *s) {
    if (s->line_is_up) {
        fputs("\r\033[K", stderr);
        (void)fflush(stderr);
        s->line_is_up = 0;
    }
}

/* The name goes first when the line is too short; one column stays free, so nothing wraps. */
static void draw(shown *s, const i4_hub_progress *p) {
    if (i4_seconds() - s->drawn_at < 0.1) {
        return;
    }
    char *text = progress_text(s, p);
    const int room = terminal_columns() - 1 - (int)strlen(text) - 2;
    const char *name = p->file ? p->file : "";
    if (*name && (int)strlen(name) <= room) {
        fprintf(stderr, "\r\033[K%s  %s", text, name);
    } else {
        fprintf(stderr, "\r\033[K%.*s", terminal_columns() - 1, text);
    }
    (void)fflush(stderr);
    s->line_is_up = 1;
    s->drawn_at = i4_seconds();
    free(text);
}

static void tell(shown *s, const i4_hub_progress *p) {
    const int tenth =
        p->total_bytes ? (int)((double)p->done_bytes / (double)p->total_bytes * 10) : 10;
    if (p->file_index != s->told_file) {
        say_info("file %d of %d: %s", p->file_index + 1, p->file_count, p->file);
    } else if (tenth != s->told_tenth && i4_seconds() - s->drawn_at >= 1) {
        char *text = progress_text(s, p);
        say_info("%s", text);
        free(text);
    } else {
        return;
    }
    s->told_file = p->file_index;
    s->told_tenth = tenth;
    s->drawn_at = i4_seconds();
}

static bool on_progress(const i4_hub_progress *p, void *user) {
    shown *s = user;
    if (p->file && s->began_at <= 0) {
        s->began_at = i4_seconds();
        s->began_with = p->done_bytes;
    }
    if (p->file && !s->is_quiet) {
        (s->is_terminal ? draw : tell)(s, p);
    }
    return stop_signal == 0;
}

/* --- the command ------------------------------------------------------------------------- */

static int fetch(const download_args *args) {
    const char *term = getenv("TERM");
    const char *from_environment = env_text("IDEOGRAM4_MODEL_REPO");
    shown s = {.is_quiet = args->quiet, .told_file = -1};
    s.is_terminal = isatty(STDERR_FILENO) && term && *term && strcmp(term, "dumb") != 0;
    const i4_hub_options wanted = {
        .repo = args->repo         ? args->repo
                : from_environment ? from_environment
                                   : default_repo,
        .revision = args->revision ? args->revision : env_text("IDEOGRAM4_MODEL_REVISION"),
        .progress = on_progress,
        .user = &s,
    };
    char folder[4096];
    i4_err err = {0};
    if (!i4_hub_repo_check(wanted.repo, &err) ||
        (wanted.revision && !i4_hub_revision_check(wanted.revision, &err))) {
        say_error("%s", err.text);
        return CLI_USAGE;
    }
    say_info("model: %s", wanted.repo);
    const bool is_done = i4_hub_fetch(&wanted, folder, sizeof folder, &err);
    wipe(&s);
    if (is_done) {
        say_info("%s", "the model is complete");
        printf("%s\n", folder);
        return CLI_OK;
    }
    say_error("%s", err.text);
    if (stop_signal) {
        return 128 + (int)stop_signal;
    }
    return CLI_FAILED;
}

int cli_download(int argc, char **argv) {
    download_args args = {0};
    const int status = parse(argc, argv, &args);
    if (status || args.help) {
        if (!status) {
            print_help();
        }
        return status;
    }
    if (args.quiet) {
        say_begin(ID4_LOG_ERROR);
    }
    listen_to_signals();
    return fetch(&args);
}
