/* cli_control.c: the commands that look at and steer the model daemon. With --json they print what
 * it answered. */
#include "cli_commands.h"

#include "cli_daemon.h"
#include "cli_say.h"
#include "cli_stop.h"
#include "cli_text.h"

#include "base/memory.h"
#include "http/wire.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- printing ---------------------------------------------------------------------------- */

/* As it came: numbers keep their form. */
static int print_json(const json_t *value) {
    char *text = i4_wire_text(value);
    const int is_printed = text && puts(text) != EOF;
    i4_free(text);
    return is_printed ? CLI_OK : CLI_FAILED;
}

static void print_row(const char *label, const char *text) {
    if (*text) {
        printf("%-10s %s\n", label, text);
    }
}

/* "a.safetensors at 0.6, b.safetensors at 1"; "none". Owned. */
static char *stack_text(const json_t *list) {
    char *text = cli_copy("");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *item = json_array_get(list, i);
        char *longer = cli_format("%s%s%s at %g", text, i ? ", " : "", json_text(item, "name"),
                                  json_number_value(json_object_get(item, "strength")));
        free(text);
        text = longer;
    }
    if (!*text) {
        free(text);
        text = cli_copy("none");
    }
    return text;
}

static char *model_text(const json_t *status) {
    const char *path = json_text(status, "model_path");
    const json_t *bits = json_object_get(status, "quantization_bits");
    if (!*path) {
        return cli_copy("none loaded");
    }
    return json_is_integer(bits) ? cli_format("%s (%d bits)", path, (int)json_integer_value(bits))
                                 : cli_copy(path);
}

static char *memory_text(const json_t *status) {
    const json_t *memory = json_object_get(status, "mlx_memory");
    const json_t *now = json_object_get(memory, "active_gb");
    const json_t *peak = json_object_get(memory, "peak_gb");
    return json_is_number(now) && json_is_number(peak)
               ? cli_format("%.2f GB now, %.2f GB at most", json_number_value(now),
                            json_number_value(peak))
               : cli_copy("");
}

static void print_status(const char *url, const json_t *status) {
    char *model = model_text(status), *memory = memory_text(status);
    char *stack = stack_text(json_object_get(status, "applied_loras"));
    print_row("daemon", url);
    print_row("state", json_text(status, "state"));
    print_row("model", model);
    print_row("backend", json_text(status, "backend"));
    print_row("memory", memory);
    print_row("LoRA", stack);
    print_row("doing", json_text(status, "operation"));
    print_row("message", json_text(status, "msg"));
    free(stack);
    free(memory);
    free(model);
}

/* --- LoRA -------------------------------------------------------------------------------- */

static int list_loras(daemon_talk *talk, const cli_args *args) {
    json_t *status = daemon_get(talk, "/lora/status");
    if (!status) {
        return CLI_FAILED;
    }
    int code = CLI_OK;
    if (args->json) {
        code = print_json(status);
    } else {
        const json_t *files = json_object_get(status, "available");
        char *stack = stack_text(json_object_get(status, "applied_loras"));
        printf("applied: %s\n", stack);
        for (size_t i = 0; i < json_array_size(files); i++) {
            const json_t *file = json_array_get(files, i);
            printf("  %-40s %8.1f MiB\n", json_text(file, "name"),
                   json_number_value(json_object_get(file, "size_mb")));
        }
        free(stack);
    }
    json_decref(status);
    return code;
}

/* NAME or NAME=STRENGTH; NULL after saying why. */
static json_t *read_lora(const char *operand) {
    const char *equals = strrchr(operand, '=');
    const size_t length = equals ? (size_t)(equals - operand) : strlen(operand);
    double strength;
    char *name = cli_format("%.*s", (int)length, operand);
    json_t *item = NULL;
    if (!equals) { /* the daemon's own strength */
        item = json_pack("{s:s}", "name", name);
    } else if (cli_parse_number(equals + 1, &strength)) {
        item = json_pack("{s:s, s:f}", "name", name, "strength", strength);
    } else {
        say_error("%s: the strength of a LoRA is a number, as in %s=0.8", operand, name);
    }
    if (!item && (!equals || cli_parse_number(equals + 1, &strength))) {
        say_error("the name of a LoRA is not valid UTF-8");
    }
    free(name);
    return item;
}

static int end_operation(daemon_talk *talk, const cli_args *args, const char *path, json_t *body) {
    json_t *result = NULL;
    int code = daemon_lora(talk, path, body, &result);
    if (code == CLI_OK && args->json) {
        code = print_json(result);
    } else if (code == CLI_OK) {
        say_info("%s", json_text(result, "msg"));
    }
    json_decref(result);
    return code;
}

static int apply_loras(daemon_talk *talk, const cli_args *args) {
    json_t *list = json_array();
    for (size_t i = 1; i < args->operand_count; i++) {
        json_t *item = read_lora(args->operands[i]);
        if (!item) {
            json_decref(list);
            return CLI_USAGE;
        }
        (void)json_array_append_new(list, item);
    }
    if (json_array_size(list) == 0) {
        json_decref(list);
        say_error("lora apply needs names of files in the LoRA folder: see `ideogram4 lora list`");
        return CLI_USAGE;
    }
    return end_operation(talk, args, "/lora/apply", json_pack("{s:o}", "loras", list));
}

static int remove_loras(daemon_talk *talk, const cli_args *args) {
    return end_operation(talk, args, "/lora/remove", NULL);
}

/* --- the other verbs --------------------------------------------------------------------- */

static int show_status(daemon_talk *talk, const cli_args *args) {
    json_t *status = daemon_get(talk, "/model/status");
    if (!status) {
        return CLI_FAILED;
    }
    int code = CLI_OK;
    if (args->json) {
        code = print_json(status);
    } else {
        print_status(talk->url, status);
    }
    json_decref(status);
    return code;
}

static int load(daemon_talk *talk, const cli_args *args) {
    json_t *status = NULL;
    int code = daemon_load(talk, &status);
    if (code == CLI_OK && args->json) {
        code = print_json(status);
    } else if (code == CLI_OK) {
        char *model = model_text(status);
        say_info("loaded: %s", model);
        free(model);
    }
    json_decref(status);
    return code;
}

/* A POST that is done when it is answered. */
static int post(daemon_talk *talk, const cli_args *args, const char *path) {
    json_t *answer = daemon_post(talk, path, NULL);
    if (!answer) {
        return CLI_FAILED;
    }
    int code = CLI_OK;
    if (args->json) {
        code = print_json(answer);
    } else {
        say_info("%s", json_text(answer, "msg"));
    }
    json_decref(answer);
    return code;
}

static int unload(daemon_talk *talk, const cli_args *args) {
    return post(talk, args, "/model/unload");
}

static int cancel(daemon_talk *talk, const cli_args *args) {
    char *path = cli_format("/cancel/%s", args->operand);
    const int code = post(talk, args, path);
    free(path);
    return code;
}

/* --- commands ---------------------------------------------------------------------------- */

static int with_daemon(const cli_args *args, int (*verb)(daemon_talk *, const cli_args *)) {
    daemon_talk talk;
    int code = daemon_open(&talk, args);
    if (code == CLI_OK) {
        stop_listen();
        code = verb(&talk, args);
    }
    daemon_close(&talk);
    return code;
}

int run_status(const cli_args *args) {
    return with_daemon(args, show_status);
}

int run_load(const cli_args *args) {
    return with_daemon(args, load);
}

int run_unload(const cli_args *args) {
    return with_daemon(args, unload);
}

int run_lora(const cli_args *args) {
    const char *verb = args->operand ? args->operand : "list";
    const int is_apply = strcmp(verb, "apply") == 0;
    if (!is_apply && args->operand_count > 1) {
        say_error("lora %s takes no further argument: \"%s\" is too many", verb, args->operands[1]);
        return CLI_USAGE;
    }
    if (is_apply) {
        return with_daemon(args, apply_loras);
    }
    if (strcmp(verb, "list") == 0) {
        return with_daemon(args, list_loras);
    }
    if (strcmp(verb, "remove") == 0) {
        return with_daemon(args, remove_loras);
    }
    say_error("lora list, apply or remove, not \"%s\"", verb);
    return CLI_USAGE;
}

int run_cancel(const cli_args *args) {
    if (strlen(args->operand) != 32 || strspn(args->operand, "0123456789abcdef") != 32) {
        say_error("a task has 32 hexadecimal digits, not \"%s\": `generate` shows it",
                  args->operand);
        return CLI_USAGE;
    }
    return with_daemon(args, cancel);
}
