/* cli_inspect.c: what a model is, what would compute here, and the memory it takes. */
#include "cli_commands.h"

#include "cli_model.h"
#include "cli_say.h"
#include "cli_text.h"

#include <jansson.h>
#include <stdlib.h>

enum { PLANS = 3 };
static const int plan_sides[PLANS] = {256, 1024, 2048};

typedef struct plan {
    int is_known;
    id4_estimate estimate;
    id4_error err;
} plan;

static void make_plans(const id4_model *model, plan plans[PLANS]) {
    for (size_t i = 0; i < PLANS; i++) {
        id4_request request;
        id4_request_init(&request);
        request.width = request.height = plan_sides[i];
        id4_estimate_init(&plans[i].estimate);
        plans[i].err = (id4_error){0};
        plans[i].is_known =
            id4_model_estimate(model, &request, 0, &plans[i].estimate, &plans[i].err) == ID4_OK;
    }
}

/* --- for people -------------------------------------------------------------------------- */

static void print_bytes_row(const char *label, uint64_t bytes, const char *detail) {
    char *text = cli_human_bytes(bytes);
    printf("  %-14s %10s   %s\n", label, text, detail);
    free(text);
}

static void print_model(const id4_model_info *info) {
    printf("model      %s\nfolder     %s\nlayout     %s\nformat     %s\ncomputes   %s\n",
           info->name, info->folder, info->layout, info->format, info->backend);
    char *text = cli_format("%d layers, width %d, vocabulary %d", info->text_layers,
                            info->text_width, info->vocabulary);
    char *dit = cli_format("%d layers, width %d, %d heads of %d", info->layers, info->width,
                           info->heads, info->head_dim);
    puts("\nweights");
    print_bytes_row("text", info->text_bytes, text);
    print_bytes_row("conditional", info->cond_bytes, dit);
    print_bytes_row("text-free", info->free_bytes, "");
    print_bytes_row("decoder", info->vae_bytes, "");
    print_bytes_row("all", info->weight_bytes, "");
    free(text);
    free(dit);
}

static uint64_t plan_value(const id4_estimate *e, size_t row) {
    const uint64_t values[] = {e->encode_bytes, e->denoise_bytes, e->decode_bytes,
                               e->activation_bytes, e->resident_bytes};
    return values[row];
}

static void print_plans(const plan plans[PLANS]) {
    static const char *const rows[] = {"text", "denoise", "decode", "peak", "with weights"};
    printf("\nmemory (300 prompt tokens)");
    for (size_t i = 0; i < PLANS; i++) {
        printf("%*s%4dx%-4d", i ? 3 : 2, "", plan_sides[i], plan_sides[i]);
    }
    putchar('\n');
    for (size_t row = 0; row < sizeof rows / sizeof *rows; row++) {
        printf("  %-22s", rows[row]);
        for (size_t i = 0; i < PLANS; i++) {
            char *text = plans[i].is_known ? cli_human_bytes(plan_value(&plans[i].estimate, row))
                                           : cli_copy("-");
            printf("%12s", text);
            free(text);
        }
        putchar('\n');
    }
    for (size_t i = 0; i < PLANS; i++) {
        if (!plans[i].is_known) {
            printf("  %dx%d: %s\n", plan_sides[i], plan_sides[i], plans[i].err.text);
        } else if (plans[i].estimate.staged) {
            printf("  %dx%d: weights are resident only while their stage runs\n", plan_sides[i],
                   plan_sides[i]);
        }
    }
}

static void print_backends(void) {
    id4_backend_info info;
    puts("\nbackends");
    for (int i = 0; id4_backend_at(i, &info); i++) {
        printf("  %-14s %s\n", info.name, info.detail);
    }
}

/* --- for machines ------------------------------------------------------------------------ */

static json_t *json_of_plan(const plan *p, int side) {
    const id4_estimate *e = &p->estimate;
    if (!p->is_known) {
        return json_pack("{s:i, s:i, s:s}", "width", side, "height", side, "error", p->err.text);
    }
    return json_pack("{s:i, s:i, s:I, s:I, s:I, s:I, s:I, s:f, s:b}", "width", side, "height", side,
                     "encode_bytes", (json_int_t)e->encode_bytes, "denoise_bytes",
                     (json_int_t)e->denoise_bytes, "decode_bytes", (json_int_t)e->decode_bytes,
                     "activation_bytes", (json_int_t)e->activation_bytes, "resident_bytes",
                     (json_int_t)e->resident_bytes, "flops", e->flops, "staged", e->staged);
}

static json_t *json_of_model(const id4_model_info *info) {
    return json_pack("{s:s, s:s, s:s, s:s, s:i, s:s, s:I, s:I, s:I, s:I, s:I,"
                     " s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:i}",
                     "model", info->name, "folder", info->folder, "layout", info->layout, "format",
                     info->format, "quantization_bits", info->quantization_bits, "backend",
                     info->backend, "weight_bytes", (json_int_t)info->weight_bytes, "text_bytes",
                     (json_int_t)info->text_bytes, "cond_bytes", (json_int_t)info->cond_bytes,
                     "free_bytes", (json_int_t)info->free_bytes, "vae_bytes",
                     (json_int_t)info->vae_bytes, "text_layers", info->text_layers, "text_width",
                     info->text_width, "layers", info->layers, "width", info->width, "heads",
                     info->heads, "head_dim", info->head_dim, "vocabulary", info->vocabulary,
                     "default_side", info->default_side);
}

static int print_json(const id4_model_info *info, const plan plans[PLANS]) {
    json_t *object = json_of_model(info);
    json_t *memory = json_array(), *backends = json_array();
    id4_backend_info backend;
    for (size_t i = 0; i < PLANS; i++) {
        (void)json_array_append_new(memory, json_of_plan(&plans[i], plan_sides[i]));
    }
    for (int i = 0; id4_backend_at(i, &backend); i++) {
        (void)json_array_append_new(
            backends, json_pack("{s:s, s:s}", "name", backend.name, "detail", backend.detail));
    }
    (void)json_object_set_new(object, "memory", memory);
    (void)json_object_set_new(object, "backends", backends);
    int is_printed = object && json_dumpf(object, stdout, JSON_INDENT(2)) == 0;
    putchar('\n');
    json_decref(object);
    return is_printed ? CLI_OK : CLI_FAILED;
}

int run_inspect(const cli_args *args, const char *root) {
    id4_model *model = NULL;
    int is_demo = 0;
    char *folder = args->operand ? cli_copy(args->operand) : model_choose(args, root, &is_demo);
    int is_open = folder && model_open(args, folder, NULL, &model);
    free(folder);
    if (!is_open) {
        return CLI_FAILED;
    }
    id4_model_info info;
    plan plans[PLANS];
    id4_model_info_init(&info);
    (void)id4_model_get_info(model, &info);
    make_plans(model, plans);
    int status = CLI_OK;
    if (args->json) {
        status = print_json(&info, plans);
    } else {
        print_model(&info);
        print_plans(plans);
        print_backends();
    }
    (void)id4_model_close(model);
    return status;
}
