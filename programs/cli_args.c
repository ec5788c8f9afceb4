/* cli_args.c: the option table, its parser and its help pages. */
#include "cli_args.h"

#include "cli_say.h"
#include "cli_text.h"

#include <stdlib.h>
#include <string.h>

typedef enum option_kind {
    FLAG,    /* int: counts how often */
    TEXT,    /* const char * */
    CHOICE,  /* const char *, one of `choices` */
    INTEGER, /* int64_t in lowest..highest */
    NUMBER,  /* double in lowest..highest */
    BYTES,   /* uint64_t */
    TEXTS,   /* const char *[CLI_LORAS_MAX] and the count at `count` */
    NUMBERS  /* the same with double */
} option_kind;

typedef struct option {
    const char *name;  /* without the dashes */
    const char *value; /* its name in the help, NULL for flags */
    const char *help;
    int commands; /* that know it */
    size_t at;    /* offset in cli_args */
    option_kind kind;
    size_t count; /* offset of a list's count */
    char letter;  /* the short form, if there is one */
    double lowest, highest;
    const char *choices[12]; /* ended by NULL */
} option;

#define AT(field) offsetof(cli_args, field)
enum {
    MODEL_USERS = CLI_GENERATE | CLI_INSPECT | CLI_TOKENS,
    TALKERS = CLI_STATUS | CLI_LOAD | CLI_UNLOAD | CLI_LORA | CLI_CANCEL,
    JSON_USERS = CLI_GENERATE | CLI_INSPECT | CLI_VERIFY | CLI_TOKENS | TALKERS | CLI_DOCTOR,
    EVERY = JSON_USERS | CLI_RECIPE | CLI_HELP
};

/* A table reads best as one: a row or two per option. */
/* clang-format off */
static const option options[] = {
    {"prompt", "TEXT", "caption JSON, or a plain sentence",
     CLI_GENERATE, AT(prompt), .kind = TEXT},
    {"prompt-file", "FILE", "file with the same; wins over --prompt",
     CLI_GENERATE, AT(prompt_file), .kind = TEXT},
    {"from", "FILE", "repeat the recipe of a picture; other flags override it",
     CLI_GENERATE, AT(from), .kind = TEXT},
    {"out", "FILE", "required; the suffix becomes that of --format",
     CLI_GENERATE, AT(out), .kind = TEXT},
    {"width", "N", "pixels, a multiple of 16 in 256..2048; together with --height",
     CLI_GENERATE, AT(width), .kind = INTEGER, .highest = 1e9},
    {"height", "N", "pixels; together with --width",
     CLI_GENERATE, AT(height), .kind = INTEGER, .highest = 1e9},
    {"resolution", "N", "square size (default 1024; 256 with the demo model)",
     CLI_GENERATE, AT(resolution), .kind = INTEGER, .highest = 1e9},
    {"preset", "NAME", "V4_QUALITY_48 (default), V4_DEFAULT_20 or V4_TURBO_12",
     CLI_GENERATE, AT(preset), .kind = TEXT},
    {"steps", "N", "steps in place of the preset's, with constant guidance",
     CLI_GENERATE, AT(steps), .kind = INTEGER, .lowest = 1, .highest = 1000},
    {"guidance", "X", "constant guidance (default: the preset's list, or 7)",
     CLI_GENERATE, AT(guidance), .kind = NUMBER, .highest = 1000},
    {"seed", "N", "noise to start from (default: random)",
     CLI_GENERATE, AT(seed), .kind = INTEGER, .highest = 9.3e18},
    {"strict", NULL, "caption warnings are errors",
     CLI_GENERATE, AT(strict), .kind = FLAG},
    {"format", "KIND", "of the file (default png)",
     CLI_GENERATE, AT(format), .kind = CHOICE, .choices = {"png", "webp", "jpeg"}},
    {"quality", "N", "1..100 for webp and jpeg (default 95)",
     CLI_GENERATE, AT(quality), .kind = INTEGER, .lowest = 1, .highest = 100},
    {"lora", "FILE", "adapter in the LoRA folder, or a path; may be repeated",
     CLI_GENERATE, AT(loras), .kind = TEXTS, .count = AT(lora_count)},
    {"lora-strength", "X", "of the adapter at the same place (default 0.6)",
     CLI_GENERATE, AT(lora_strengths), .kind = NUMBERS, .count = AT(lora_strength_count),
     .lowest = -1000, .highest = 1000},
    {"daemon", "MODE", "draw in a running daemon (default auto)",
     CLI_GENERATE, AT(daemon), .kind = CHOICE, .choices = {"auto", "require", "off"}},
    {"daemon-url", "URL", "where the daemon listens (default http://127.0.0.1:8001)",
     CLI_GENERATE | TALKERS, AT(daemon_url), .kind = TEXT},
    {"profile", NULL, "time of each op at the end",
     CLI_GENERATE, AT(profile), .kind = FLAG},

    {"model-path", "DIR", "model folder",
     MODEL_USERS, AT(model_path), .kind = TEXT},
    {"model-repo", "NAME", "model in the Hugging Face cache",
     MODEL_USERS, AT(model_repo), .kind = TEXT},
    {"backend", "NAME", "what computes (default auto)",
     MODEL_USERS, AT(backend), .kind = CHOICE, .choices = {"auto", "cpu", "scalar"}},
    {"isa", "NAME", "instructions of the cpu backend (default auto)",
     MODEL_USERS, AT(isa), .kind = CHOICE,
     .choices = {"auto", "scalar", "avx2", "avx512", "avx512bf16", "amx", "neon",
                 "neonbf16"}},
    {"threads", "N", "default: all cores",
     MODEL_USERS, AT(threads), .kind = INTEGER, .lowest = 1, .highest = 4096},
    {"memory-budget", "SIZE", "e.g. 8G: weights are resident only while they are needed",
     MODEL_USERS, AT(memory_budget), .kind = BYTES},

    {"caption", NULL, "print the caption alone",
     CLI_RECIPE, AT(caption_only), .kind = FLAG},
    {"ids", NULL, "print the token ids too",
     CLI_TOKENS, AT(ids), .kind = FLAG},
    {"json", NULL, "one JSON value on standard output",
     JSON_USERS, AT(json), .kind = FLAG},
    {"verbose", NULL, "say more; twice: everything",
     EVERY, AT(verbose), .kind = FLAG, .letter = 'v'},
    {"quiet", NULL, "errors only",
     EVERY, AT(quiet), .kind = FLAG},
    {"help", NULL, "this page",
     EVERY, AT(help), .kind = FLAG, .letter = 'h'},
    {"version", NULL, "version and backends",
     EVERY, AT(version), .kind = FLAG},
};

typedef struct command_text {
    cli_command command;
    const char *name, *operand, *line;
    size_t most; /* operands */
} command_text;

static const command_text commands[] = {
    {CLI_GENERATE, "generate", NULL, "draw a picture (also without the word)", 0},
    {CLI_INSPECT, "inspect", "[DIR]", "what a model is and how much memory it takes", 1},
    {CLI_VERIFY, "verify", "CAPTION", "check a caption: a file, - for standard input, or JSON", 1},
    {CLI_RECIPE, "recipe", "FILE", "print how a picture was made", 1},
    {CLI_TOKENS, "tokens", "TEXT", "count the tokens of a prompt; - for standard input", 1},
    {CLI_DOWNLOAD, "download", NULL, "get a model from the Hugging Face hub", 0},
    {CLI_DOCTOR, "doctor", NULL, "look whether everything is in place, and say what to do", 0},
    {CLI_STATUS, "status", NULL, "what the model daemon has loaded and does", 0},
    {CLI_LOAD, "load", NULL, "load the daemon's model, and wait for it", 0},
    {CLI_UNLOAD, "unload", NULL, "unload it, and give its memory back", 0},
    {CLI_LORA, "lora", "[VERB]", "the daemon's adapters: list, apply NAME[=X]..., remove",
     CLI_OPERANDS_MAX},
    {CLI_CANCEL, "cancel", "TASK", "stop a picture that the daemon draws", 1},
    {CLI_HELP, "help", "[COMMAND]", "this overview, or the page of a command", 1},
};
/* clang-format on */

enum {
    OPTION_COUNT = sizeof options / sizeof *options,
    COMMAND_COUNT = sizeof commands / sizeof *commands
};

static const command_text *command_of(cli_command command) {
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        if (commands[i].command == command) {
            return &commands[i];
        }
    }
    return &commands[COMMAND_COUNT - 1];
}

cli_command cli_find_command(const char *name) {
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        if (strcmp(commands[i].name, name) == 0) {
            return commands[i].command;
        }
    }
    return CLI_HELP;
}

/* --- finding options --------------------------------------------------------------------- */

static void say_ambiguous(const char *name, size_t length, cli_command command) {
    char *list = cli_copy("");
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        if ((options[i].commands & (int)command) && !strncmp(options[i].name, name, length)) {
            char *longer = cli_format("%s%s--%s", list, *list ? ", " : "", options[i].name);
            free(list);
            list = longer;
        }
    }
    say_error("--%.*s could be any of %s: write it out", (int)length, name, list);
    free(list);
}

/* name: of `length` bytes, whole or an unambiguous beginning. NULL after saying why. */
static const option *find_long(const char *name, size_t length, cli_command command) {
    const option *found = NULL;
    size_t count = 0;
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        const option *o = &options[i];
        if (!(o->commands & (int)command) || strncmp(o->name, name, length) != 0) {
            continue;
        }
        if (strlen(o->name) == length) {
            return o;
        }
        found = o;
        count++;
    }
    if (count > 1 && length > 0) {
        say_ambiguous(name, length, command);
        return NULL;
    }
    if (count != 1) {
        const char *command_name = command_of(command)->name;
        say_error("unknown option --%.*s: see `ideogram4 help %s`", (int)length, name,
                  command == CLI_HELP ? "" : command_name);
        return NULL;
    }
    return found;
}

static const option *find_letter(char letter, cli_command command) {
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        if ((options[i].commands & (int)command) && options[i].letter == letter) {
            return &options[i];
        }
    }
    say_error("unknown option -%c: see `ideogram4 help %s`", letter, command_of(command)->name);
    return NULL;
}

/* --- storing values ---------------------------------------------------------------------- */

static int refuse_choice(const option *o, const char *value) {
    char *list = cli_copy("");
    for (size_t i = 0; o->choices[i]; i++) {
        const char *glue = i == 0 ? "" : o->choices[i + 1] ? ", " : " or ";
        char *longer = cli_format("%s%s%s", list, glue, o->choices[i]);
        free(list);
        list = longer;
    }
    say_error("--%s is %s, not \"%s\"", o->name, list, value);
    free(list);
    return CLI_USAGE;
}

static int store_choice(const option *o, const char *value, const char **place) {
    for (size_t i = 0; o->choices[i]; i++) {
        if (strcmp(o->choices[i], value) == 0) {
            *place = o->choices[i];
            return CLI_OK;
        }
    }
    return refuse_choice(o, value);
}

static int store_integer(const option *o, const char *value, int64_t *place) {
    int64_t number;
    if (!cli_parse_integer(value, &number)) {
        say_error("--%s needs a whole number, not \"%s\"", o->name, value);
        return CLI_USAGE;
    }
    if ((double)number < o->lowest) {
        say_error("--%s must be at least %.0f, not %s", o->name, o->lowest, value);
        return CLI_USAGE;
    }
    if ((double)number > o->highest) {
        say_error("--%s must be at most %.0f, not %s", o->name, o->highest, value);
        return CLI_USAGE;
    }
    *place = number;
    return CLI_OK;
}

static int store_number(const option *o, const char *value, double *place) {
    double number;
    if (!cli_parse_number(value, &number) || number < o->lowest || number > o->highest) {
        say_error("--%s needs a number between %g and %g, not \"%s\"", o->name, o->lowest,
                  o->highest, value);
        return CLI_USAGE;
    }
    *place = number;
    return CLI_OK;
}

static int store_bytes(const option *o, const char *value, uint64_t *place) {
    if (!cli_parse_bytes(value, place) || *place == 0) {
        say_error("--%s needs a size like 8G or 512M, not \"%s\"", o->name, value);
        return CLI_USAGE;
    }
    return CLI_OK;
}

static int store(const option *o, const char *value, cli_args *args) {
    char *base = (char *)args;
    size_t *count = (size_t *)(void *)(base + o->count);
    void *place = base + o->at;
    if ((o->kind == TEXTS || o->kind == NUMBERS) && *count >= CLI_LORAS_MAX) {
        say_error("--%s may be given at most %d times", o->name, CLI_LORAS_MAX);
        return CLI_USAGE;
    }
    switch (o->kind) {
    case FLAG:
        ++*(int *)place;
        return CLI_OK;
    case TEXT:
        *(const char **)place = value;
        return CLI_OK;
    case CHOICE:
        return store_choice(o, value, place);
    case INTEGER:
        return store_integer(o, value, place);
    case NUMBER:
        return store_number(o, value, place);
    case BYTES:
        return store_bytes(o, value, place);
    case TEXTS:
        ((const char **)place)[(*count)++] = value;
        return CLI_OK;
    case NUMBERS:
        return store_number(o, value, (double *)place + (*count)++);
    }
    return CLI_USAGE;
}

/* --- parsing ----------------------------------------------------------------------------- */

/* "-5" and "-" are values; "-x" and "--x" look like options. */
static int looks_like_option(const char *text) {
    double number;
    return text[0] == '-' && text[1] && !cli_parse_number(text, &number);
}

static int parse_long(int argc, char *const *argv, int *index, cli_args *args) {
    const char *name = argv[*index] + 2;
    size_t length = strcspn(name, "=");
    const char *value = name[length] == '=' ? name + length + 1 : NULL;
    const option *o = find_long(name, length, args->command);
    if (!o) {
        return CLI_USAGE;
    }
    if (o->kind == FLAG) {
        if (value) {
            say_error("--%s takes no value", o->name);
            return CLI_USAGE;
        }
        return store(o, NULL, args);
    }
    if (!value) {
        if (*index + 1 >= argc || looks_like_option(argv[*index + 1])) {
            say_error("--%s needs a value (--%s=%s if it begins with a dash)", o->name, o->name,
                      o->value);
            return CLI_USAGE;
        }
        value = argv[++*index];
    }
    return store(o, value, args);
}

static int parse_letters(const char *letters, cli_args *args) {
    for (; *letters; letters++) {
        const option *o = find_letter(*letters, args->command);
        if (!o || store(o, NULL, args)) {
            return CLI_USAGE;
        }
    }
    return CLI_OK;
}

static int take_operand(const char *text, cli_args *args) {
    const command_text *command = command_of(args->command);
    if (command->most == 0) {
        say_error("unexpected argument \"%s\": see `ideogram4 help %s`", text, command->name);
        return CLI_USAGE;
    }
    if (args->operand_count == command->most) {
        say_error("`%s` takes at most %zu argument%s: \"%s\" is too many", command->name,
                  command->most, command->most > 1 ? "s" : "", text);
        return CLI_USAGE;
    }
    args->operands[args->operand_count++] = text;
    args->operand = args->operands[0];
    return CLI_OK;
}

static int parse_from(int first, int argc, char *const *argv, cli_args *args) {
    int only_operands = 0;
    for (int i = first; i < argc; i++) {
        const char *text = argv[i];
        int status;
        if (only_operands || text[0] != '-' || !text[1]) {
            status = take_operand(text, args);
        } else if (strcmp(text, "--") == 0) {
            only_operands = 1;
            status = CLI_OK;
        } else if (text[1] == '-') {
            status = parse_long(argc, argv, &i, args);
        } else {
            status = parse_letters(text + 1, args);
        }
        if (status) {
            return status;
        }
    }
    return CLI_OK;
}

/* --- checks that need more than one option ----------------------------------------------- */

static int check_side(const char *name, int64_t side) {
    if (side == 0 || (side >= CLI_SIDE_MIN && side <= CLI_SIDE_MAX && side % CLI_SIDE_STEP == 0)) {
        return CLI_OK;
    }
    if (side < CLI_SIDE_MIN || side > CLI_SIDE_MAX) {
        say_error("--%s %lld is out of range: use a multiple of %d from %d to %d, here %d", name,
                  (long long)side, CLI_SIDE_STEP, CLI_SIDE_MIN, CLI_SIDE_MAX,
                  side < CLI_SIDE_MIN ? CLI_SIDE_MIN : CLI_SIDE_MAX);
    } else {
        int64_t below = side / CLI_SIDE_STEP * CLI_SIDE_STEP;
        say_error("--%s %lld is not a multiple of %d: use %lld or %lld", name, (long long)side,
                  CLI_SIDE_STEP, (long long)below, (long long)(below + CLI_SIDE_STEP));
    }
    return CLI_USAGE;
}

static int check_sizes(const cli_args *args) {
    if (!args->width != !args->height) {
        say_error("--width and --height go together: give both, or --resolution for a square");
        return CLI_USAGE;
    }
    int status = check_side("width", args->width);
    status = status ? status : check_side("height", args->height);
    return status ? status : check_side("resolution", args->resolution);
}

static int check_generate(const cli_args *args) {
    if (!args->out) {
        say_error("--out is missing: where should the picture go?");
        return CLI_USAGE;
    }
    if (args->preset && !id4_preset_find(args->preset)) {
        say_error("--preset is V4_QUALITY_48, V4_DEFAULT_20 or V4_TURBO_12, not \"%s\"",
                  args->preset);
        return CLI_USAGE;
    }
    if (args->lora_count && args->lora_strength_count > args->lora_count) {
        say_error("there are more --lora-strength (%zu) than --lora (%zu)",
                  args->lora_strength_count, args->lora_count);
        return CLI_USAGE;
    }
    return check_sizes(args);
}

static int check_operand(const cli_args *args) {
    const command_text *command = command_of(args->command);
    if (command->operand && command->operand[0] != '[' && !args->operand) {
        say_error("`%s` needs an argument: ideogram4 %s %s", command->name, command->name,
                  command->operand);
        return CLI_USAGE;
    }
    return CLI_OK;
}

int cli_parse(int argc, char *const *argv, cli_args *args) {
    *args = (cli_args){.command = CLI_GENERATE, .guidance = -1, .seed = -1, .format = "png"};
    int first = 1;
    if (argc > 1 && argv[1][0] != '-') {
        args->command = cli_find_command(argv[1]);
        if (args->command == CLI_HELP && strcmp(argv[1], "help") != 0) {
            say_error("unknown command \"%s\": see `ideogram4 help`", argv[1]);
            return CLI_USAGE;
        }
        first = 2;
    }
    int status = parse_from(first, argc, argv, args);
    if (status || args->help || args->version || args->command == CLI_HELP) {
        return status;
    }
    return args->command == CLI_GENERATE ? check_generate(args) : check_operand(args);
}

/* --- help -------------------------------------------------------------------------------- */

static void print_option(FILE *out, const option *o) {
    char *left =
        o->letter ? cli_format("-%c, --%s", o->letter, o->name)
                  : cli_format("--%s%s%s", o->name, o->value ? " " : "", o->value ? o->value : "");
    fprintf(out, "  %-22s %s", left, o->help);
    for (size_t i = 0; o->choices[i]; i++) {
        fprintf(out, "%s%s", i ? ", " : ": ", o->choices[i]);
    }
    fputc('\n', out);
    free(left);
}

static void print_overview(FILE *out) {
    fputs("ideogram4 draws what a caption says, on this machine.\n\n"
          "  ideogram4 --prompt \"a red circle on a white background\" --out circle.png\n\n"
          "Commands\n",
          out);
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        const command_text *c = &commands[i];
        char *left =
            cli_format("%s%s%s", c->name, c->operand ? " " : "", c->operand ? c->operand : "");
        fprintf(out, "  %-22s %s\n", left, c->line);
        free(left);
    }
    fputs("\nExit codes: 0 done, 1 failed, 2 the command line is wrong, 130 interrupted.\n"
          "Options of a command: ideogram4 help COMMAND\n",
          out);
}

static const char generate_notes[] =
    "\nEnvironment\n"
    "  IDEOGRAM4_MODEL_PATH, IDEOGRAM4_MODEL_REPO, IDEOGRAM4_MODEL_REVISION\n"
    "                         the model; none set: the demo model that comes along\n"
    "  IDEOGRAM4_LORA_DIR     adapters (models/loras)\n"
    "  IDEOGRAM4_LOG_DIR      log files (logs)\n"
    "  IDEOGRAM4_CLI_DAEMON_MODE, IDEOGRAM4_MODEL_DAEMON_URL\n"
    "                         defaults of --daemon and --daemon-url\n"
    "Beside the picture stands a .log file with what it was made from; the picture itself\n"
    "carries its recipe (ideogram4 recipe FILE).\n";

void cli_print_help(FILE *out, cli_command command) {
    if (command == CLI_HELP) {
        print_overview(out);
        return;
    }
    const command_text *text = command_of(command);
    fprintf(out, "ideogram4 %s [options]%s%s\n  %s\n\nOptions\n", text->name,
            text->operand ? " " : "", text->operand ? text->operand : "", text->line);
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        if (options[i].commands & (int)command) {
            print_option(out, &options[i]);
        }
    }
    if (command == CLI_GENERATE) {
        fputs(generate_notes, out);
    }
}
