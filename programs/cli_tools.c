/* cli_tools.c: the small commands around captions, recipes and tokens. */
#include "cli_commands.h"

#include "cli_files.h"
#include "cli_model.h"
#include "cli_recipe.h"
#include "cli_say.h"
#include "cli_text.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum { CAPTION_BYTES_MAX = 4 * 1024 * 1024, PROMPT_TOKENS_MAX = 2048 };

/* --- verify ------------------------------------------------------------------------------ */

static void print_findings(const id4_findings *findings) {
    for (size_t i = 0; i < id4_findings_count(findings); i++) {
        const id4_finding *f = id4_findings_at(findings, i);
        printf("%s: %s [%s]\n", f->path, f->text, f->code);
    }
}

static void print_findings_json(const id4_findings *findings) {
    json_t *list = json_array();
    for (size_t i = 0; i < id4_findings_count(findings); i++) {
        const id4_finding *f = id4_findings_at(findings, i);
        (void)json_array_append_new(
            list, json_pack("{s:s, s:s, s:s}", "path", f->path, "code", f->code, "text", f->text));
    }
    (void)json_dumpf(list, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(list);
}

/* An argument that begins like an object is the caption itself. */
static int read_caption(const char *operand, char **text, size_t *size) {
    if (operand[0] == '{') {
        *text = cli_copy(operand);
        *size = strlen(operand);
        return 1;
    }
    return read_whole(operand, "caption file", CAPTION_BYTES_MAX, text, size);
}

int run_verify(const cli_args *args) {
    char *text;
    size_t size;
    id4_findings *findings = NULL;
    id4_error err = {0};
    if (!read_caption(args->operand, &text, &size)) {
        return CLI_FAILED;
    }
    id4_status status = id4_caption_check(text, size, 1, &findings, &err);
    free(text);
    if (status != ID4_OK) {
        say_error("%s", err.text);
        return CLI_FAILED;
    }
    (args->json ? print_findings_json : print_findings)(findings);
    size_t count = id4_findings_count(findings);
    id4_findings_free(findings);
    return count ? CLI_FAILED : CLI_OK;
}

/* --- recipe ------------------------------------------------------------------------------ */

static int print_recipe(const char *path) {
    id4_bytes json;
    if (!recipe_load(path, &json)) {
        return CLI_FAILED;
    }
    json_t *object = json_loadb((const char *)json.data, json.size, 0, NULL);
    id4_bytes_free(&json);
    if (!object) {
        say_error("the recipe in %s is damaged", path);
        return CLI_FAILED;
    }
    (void)json_dumpf(object, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(15));
    putchar('\n');
    json_decref(object);
    return CLI_OK;
}

static int print_caption(const char *path) {
    recipe r;
    if (!recipe_read(path, &r)) {
        recipe_free(&r);
        return CLI_FAILED;
    }
    puts(r.caption);
    recipe_free(&r);
    return CLI_OK;
}

int run_recipe(const cli_args *args) {
    return args->caption_only ? print_caption(args->operand) : print_recipe(args->operand);
}

/* --- tokens ------------------------------------------------------------------------------ */

static int print_tokens_json(const int32_t *ids, size_t count) {
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++) {
        (void)json_array_append_new(list, json_integer(ids[i]));
    }
    json_t *object = json_pack("{s:I, s:i, s:o}", "count", (json_int_t)count, "limit",
                               (int)PROMPT_TOKENS_MAX, "ids", list);
    (void)json_dumpf(object, stdout, 0);
    putchar('\n');
    json_decref(object);
    return object ? CLI_OK : CLI_FAILED;
}

static int print_tokens(const cli_args *args, const int32_t *ids, size_t count) {
    if (args->json) {
        return print_tokens_json(ids, count);
    }
    printf("%zu of at most %d tokens\n", count, PROMPT_TOKENS_MAX);
    for (size_t i = 0; args->ids && i < count; i++) {
        printf("%d%c", ids[i], i + 1 < count ? ' ' : '\n');
    }
    return CLI_OK;
}

/* As a generation would see the text: prepared like a caption, within the chat template. */
static int count_tokens(const cli_args *args, const id4_model *model, const char *text,
                        size_t size) {
    id4_bytes prompt = {0}, ids = {0};
    size_t count = 0;
    id4_error err = {0};
    if (id4_caption_prompt(text, size, &prompt, &err) != ID4_OK ||
        id4_tokenize(model, (const char *)prompt.data, prompt.size, 1, &ids, &count, &err)) {
        say_error("%s", err.text);
        id4_bytes_free(&prompt);
        return CLI_FAILED;
    }
    int status = print_tokens(args, (const int32_t *)(const void *)ids.data, count);
    id4_bytes_free(&ids);
    id4_bytes_free(&prompt);
    if (status == CLI_OK && count > PROMPT_TOKENS_MAX) {
        say_error("this prompt is too long: a picture takes at most %d tokens", PROMPT_TOKENS_MAX);
        status = CLI_FAILED;
    }
    return status;
}

static int read_text(const char *operand, char **text, size_t *size) {
    if (strcmp(operand, "-") == 0) {
        int is_read = read_whole(operand, "text", CAPTION_BYTES_MAX, text, size);
        if (is_read) {
            *size = strlen(cli_trim(*text));
        }
        return is_read;
    }
    *text = cli_copy(operand);
    *size = strlen(operand);
    return 1;
}

int run_tokens(const cli_args *args, const char *root) {
    id4_model *model = NULL;
    char *text;
    size_t size;
    int is_demo = 0;
    if (!read_text(args->operand, &text, &size)) {
        return CLI_FAILED;
    }
    char *folder = model_choose(args, root, &is_demo);
    int status = CLI_FAILED;
    if (folder && model_open(args, folder, NULL, &model)) {
        status = count_tokens(args, model, text, size);
    }
    (void)id4_model_close(model);
    free(folder);
    free(text);
    return status;
}
