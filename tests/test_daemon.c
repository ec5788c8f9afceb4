/* The model daemon over HTTP, started in this process with the tiny golden model: its state
 * machines step by step, what it refuses, how cancellation ends, LoRA, and what outlives it. */
#include "daemon_rig.h"

/* --- health and model ----------------------------------------------------------------------- */

static void daemon_health_names_the_real_backend(void **state) {
    (void)state;
    json_t *health = get("/health");
    assert_keys(health, "ok,role,backend,error");
    assert_true(is_true(health, "ok"));
    assert_string_equal(text_of(health, "role"), "model-daemon");
    id4_backend_info info;
    assert_true(id4_backend_at(0, &info));
    assert_string_equal(text_of(health, "backend"), info.name);
    assert_true(json_is_null(json_object_get(health, "error")));
    json_decref(health);
}

static void daemon_fresh_status_is_idle_without_text(void **state) {
    (void)state;
    json_t *s = get("/model/status");
    assert_keys(s, "state,msg,backend,model_repo,model_path,model_revision,quantization_bits,"
                   "mlx_memory,applied_loras,operation,memory,last_error,idle_unload");
    assert_string_equal(text_of(s, "state"), "idle");
    assert_string_equal(text_of(s, "msg"), "");
    assert_string_equal(text_of(s, "model_repo"), "MLXBits/ideogram-4-mlx-q8");
    assert_string_equal(text_of(s, "model_path"), model_root);
    assert_true(json_is_null(json_object_get(s, "model_revision")));
    assert_true(json_is_null(json_object_get(s, "quantization_bits")));
    assert_true(json_is_null(json_object_get(s, "operation")));
    assert_int_equal(json_array_size(json_object_get(s, "applied_loras")), 0);
    json_t *memory = json_object_get(s, "mlx_memory");
    assert_keys(memory, "active_gb,peak_gb,cache_gb,cache_limit_gb");
    assert_true(json_real_value(json_object_get(memory, "active_gb")) > 0.0);
    assert_true(json_real_value(json_object_get(memory, "peak_gb")) >=
                json_real_value(json_object_get(memory, "active_gb")));
    json_decref(s);
}

static void daemon_load_goes_through_loading_to_loaded_and_back_to_idle(void **state) {
    (void)state;
    hold_at("load");
    json_t *answer = post("/model/load", NULL, 200);
    assert_keys(answer, "ok,msg");
    assert_true(is_true(answer, "ok"));
    json_decref(answer);
    await_held();
    json_t *s = get("/model/status");
    assert_string_equal(text_of(s, "state"), "loading");
    assert_true(text_of(s, "msg")[0] != '\0');
    assert_contains(text_of(s, "operation"), "loading the model (");
    assert_contains(text_of(s, "operation"), "s)");
    json_decref(s);
    post_and_forget("/model/load", NULL, 409);
    post_and_forget("/model/unload", NULL, 409);
    let_go();
    s = await_text("/model/status", "state", "loaded");
    assert_contains(text_of(s, "msg"), "loaded in ");
    assert_int_equal(number_of(s, "quantization_bits"), 8);
    assert_string_equal(text_of(s, "model_path"), model_root);
    id4_backend_info info;
    assert_true(id4_backend_at(0, &info));
    assert_string_equal(text_of(s, "backend"), info.name);
    json_decref(s);
    assert_pipeline_free();
    answer = post("/model/unload", NULL, 200);
    assert_true(is_true(answer, "ok"));
    json_decref(answer);
    s = get("/model/status");
    assert_string_equal(text_of(s, "state"), "idle");
    assert_string_equal(text_of(s, "msg"), "");
    assert_int_equal(number_of(s, "quantization_bits"), 8); /* stays */
    json_decref(s);
}

static void daemon_loading_twice_and_unloading_twice_is_fine(void **state) {
    (void)state;
    load_model();
    load_model();
    post_and_forget("/model/unload", NULL, 200);
    post_and_forget("/model/unload", NULL, 200);
}

static void keep_k9_failed_load_is_idle_with_a_reason(void **state) {
    (void)state;
    snprintf(it.settings.model_path, sizeof it.settings.model_path, "%s",
             folder_at(&it.place, "nothing-here"));
    restart();
    post_and_forget("/model/load", NULL, 200);
    json_t *s = await_text("/model/status", "state", "idle");
    assert_contains(text_of(s, "msg"), "nothing-here");
    json_decref(s);
}

static void improve_i12_a_new_load_shows_no_old_failure(void **state) {
    (void)state;
    snprintf(it.settings.model_path, sizeof it.settings.model_path, "%s",
             folder_at(&it.place, "nothing-here"));
    restart();
    hold_at("end");
    post_and_forget("/model/load", NULL, 200);
    await_held(); /* the worker looks at no second load before it may go on */
    json_t *s = get("/model/status");
    char old[512];
    snprintf(old, sizeof old, "%s", text_of(s, "msg"));
    assert_string_equal(text_of(s, "state"), "idle");
    json_decref(s);
    post_and_forget("/model/load", NULL, 200);
    s = get("/model/status");
    assert_string_equal(text_of(s, "state"), "loading");
    assert_string_not_equal(text_of(s, "msg"), old);
    json_decref(s);
    let_go();
}

static void keep_k4_unusable_runtime_answers_200_not_ok(void **state) {
    (void)state;
    snprintf(it.settings.backend, sizeof it.settings.backend, "abacus");
    restart();
    json_t *answer = post("/model/load", NULL, 200);
    assert_false(is_true(answer, "ok"));
    assert_contains(text_of(answer, "msg"), "abacus");
    json_decref(answer);
    json_t *health = get("/health");
    assert_false(is_true(health, "ok"));
    assert_contains(text_of(health, "error"), "abacus");
    json_decref(health);
}

static void daemon_without_configuration_loads_the_demo_model_and_says_so(void **state) {
    (void)state;
    snprintf(it.settings.demo_model, sizeof it.settings.demo_model, "%s", model_root);
    it.settings.model_path[0] = '\0';
    restart();
    load_model();
    json_t *s = get("/model/status");
    assert_contains(text_of(s, "msg"), "demo");
    assert_string_equal(text_of(s, "model_path"), model_root);
    json_decref(s);
    it.settings.demo_model[0] = '\0';
    restart();
    post_and_forget("/model/load", NULL, 200);
    s = await_text("/model/status", "state", "idle");
    assert_contains(text_of(s, "msg"), "IDEOGRAM4_MODEL_PATH");
    json_decref(s);
}

/* A whole snapshot in the cache of the hub: no network is needed, nor there. */
static void daemon_loads_a_named_repository_from_the_hub_cache(void **state) {
    static const char commit[] = "0123456789abcdef0123456789abcdef01234567";
    char path[512];
    (void)state;
    folder_sub(&it.place, "hf/models--owner--tiny/refs");
    folder_sub(&it.place, "hf/models--owner--tiny/snapshots");
    folder_write(&it.place, "hf/models--owner--tiny/refs/main", commit);
    snprintf(path, sizeof path, "hf/models--owner--tiny/snapshots/%s", commit);
    folder_link(&it.place, path, model_root);
    it.settings.model_path[0] = '\0';
    snprintf(it.settings.model_repo, sizeof it.settings.model_repo, "owner/tiny");
    it.settings.has_model = true;
    setenv("HF_HUB_CACHE", folder_at(&it.place, "hf"), 1);
    setenv("HF_HUB_OFFLINE", "1", 1);
    restart();
    load_model();
    json_t *s = get("/model/status");
    assert_contains(text_of(s, "model_path"), commit);
    json_decref(s);
    snprintf(it.settings.model_repo, sizeof it.settings.model_repo, "owner/missing");
    restart();
    post_and_forget("/model/load", NULL, 200);
    s = await_text("/model/status", "state", "idle");
    assert_contains(text_of(s, "msg"), "owner/missing");
    json_decref(s);
    unsetenv("HF_HUB_CACHE");
    unsetenv("HF_HUB_OFFLINE");
}

static void daemon_autoload_loads_at_the_start(void **state) {
    (void)state;
    it.settings.autoload = true;
    restart();
    json_decref(await_text("/model/status", "state", "loaded"));
}

/* --- drawing ------------------------------------------------------------------------------- */

static void assert_note(const json_t *notes, size_t index, const char *moment, int progress,
                        const char *msg) {
    const json_t *note = json_array_get(notes, index);
    const json_t *status = json_object_get(note, "status");
    assert_string_equal(text_of(note, "moment"), moment);
    assert_string_equal(text_of(status, "state"), "running");
    assert_int_equal(number_of(status, "progress"), progress);
    assert_int_equal(number_of(status, "total_steps"), 12);
    assert_contains(text_of(status, "msg"), msg);
    assert_true(json_is_null(json_object_get(status, "image_meta")));
    assert_true(json_is_null(json_object_get(status, "error")));
    assert_false(is_true(status, "has_artifact"));
    assert_false(is_true(status, "cancelled"));
}

/* Previews come at their own pace, between the moments of the contract. */
static void drop_previews(json_t *notes) {
    for (size_t i = json_array_size(notes); i-- > 0;) {
        if (strcmp(text_of(json_array_get(notes, i), "moment"), "preview") == 0) {
            json_array_remove(notes, i);
        }
    }
}

/* Table 5.2 for twelve steps. */
static void assert_drawing_notes(json_t *notes) {
    char msg[32];
    size_t i = 0;
    drop_previews(notes);
    assert_note(notes, i++, "drawing", 0, "256x256");
    assert_note(notes, i++, "prepare", 1, "preparing");
    assert_note(notes, i++, "sampling", 2, "sampling");
    for (int k = 1; k < 12; k++) {
        snprintf(msg, sizeof msg, "%d/12 steps", k);
        assert_note(notes, i++, "step", 100 * k / 12, msg);
    }
    assert_note(notes, i++, "decode", 99, "decoding");
    assert_note(notes, i++, "encode", 99, "encoding");
    assert_note(notes, i++, "stored", 99, "encoding");
    assert_string_equal(text_of(json_array_get(notes, i), "moment"), "end");
    assert_int_equal(json_array_size(notes), i + 1);
}

static void assert_success(json_t *s) {
    assert_keys(s, "state,msg,progress,total_steps,image_meta,has_artifact,error,cancelled,detail");
    assert_string_equal(text_of(s, "state"), "done");
    assert_contains(text_of(s, "msg"), "done in ");
    assert_int_equal(number_of(s, "progress"), 100);
    assert_int_equal(number_of(s, "total_steps"), 12);
    assert_true(is_true(s, "has_artifact"));
    assert_true(json_is_null(json_object_get(s, "error")));
    assert_false(is_true(s, "cancelled"));
}

static void daemon_generation_passes_every_step_of_the_contract(void **state) {
    (void)state;
    load_model();
    hold_at("drawing"); /* so that no moment passes before its path is known */
    const id task = generate("{\"high_level_description\":\"a circle\"}");
    await_held();
    json_decref(take_notes());
    note_path(path_of("/status", task));
    json_array_append_new(watch.notes, json_pack("{s:s, s:o}", "moment", "drawing", "status",
                                                 get(path_of("/status", task))));
    hold_at("end");
    pthread_cond_broadcast(&watch.changed);
    json_decref(await_done("/status", task));
    await_held();
    json_t *notes = take_notes();
    let_go();
    assert_drawing_notes(notes);
    json_decref(notes);
    json_t *s = get(path_of("/status", task));
    assert_success(s);
    json_t *meta = json_object_get(s, "image_meta");
    assert_keys(meta, "hld,width,height,preset,seed,prompt_id,filename,format,generation_seconds,"
                      "quantization_bits,lora_name,lora_strength,applied_loras,steps");
    assert_string_equal(text_of(meta, "hld"), "a circle");
    assert_int_equal(number_of(meta, "width"), 256);
    assert_string_equal(text_of(meta, "preset"), "V4_TURBO_12");
    assert_int_equal(number_of(meta, "seed"), 7);
    assert_int_equal(number_of(meta, "quantization_bits"), 8);
    assert_int_equal(number_of(meta, "steps"), 12);
    assert_true(json_is_null(json_object_get(meta, "prompt_id")));
    assert_true(json_is_null(json_object_get(meta, "lora_name")));
    assert_true(json_is_null(json_object_get(meta, "lora_strength")));
    assert_true(json_is_real(json_object_get(meta, "generation_seconds")));
    json_decref(s);
}

/* The picture of a finished task: its type, its size and its recipe. */
static void assert_artifact(id task, const char *format, int width, int height) {
    char value[256], expected[128];
    i4_answer a = fetch(path_of("/artifact", task));
    assert_int_equal(a.status, 200);
    snprintf(expected, sizeof expected, "image/%s", format);
    assert_true(i4_answer_header(&a, "Content-Type", value, sizeof value));
    assert_string_equal(value, expected);
    snprintf(expected, sizeof expected, "inline; filename=\"%s.%s\"", task.text, format);
    assert_true(i4_answer_header(&a, "Content-Disposition", value, sizeof value));
    assert_string_equal(value, expected);
    id4_image *image = NULL;
    id4_bytes recipe = {0};
    assert_int_equal(id4_image_decode((const uint8_t *)a.body, a.size, &image, NULL), ID4_OK);
    assert_int_equal(id4_image_width(image), width);
    assert_int_equal(id4_image_height(image), height);
    assert_int_equal(id4_recipe_read((const uint8_t *)a.body, a.size, &recipe, NULL), ID4_OK);
    assert_contains((const char *)recipe.data, "V4_TURBO_12");
    id4_bytes_free(&recipe);
    id4_image_free(image);
    i4_answer_free(&a);
}

static void daemon_artifacts_are_whole_pictures_in_each_format(void **state) {
    static const char *const cases[][2] = {
        {"png", "png"}, {" WebP ", "webp"}, {"JPEG", "jpeg"}, {"jpg", "webp"}, {"gif", "webp"}};
    (void)state;
    load_model();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        json_t *request = small_request("a square");
        json_object_set_new(request, "format", json_string(cases[i][0]));
        json_object_set_new(request, "width", json_integer(279)); /* rounded down to 272 */
        json_object_set_new(request, "quality", json_integer(0));
        json_object_set_new(request, "prompt_id", json_integer(5));
        const id task = take_task(post("/generate", request, 200));
        json_t *s = await_done("/status", task);
        assert_success(s);
        const json_t *meta = json_object_get(s, "image_meta");
        assert_string_equal(text_of(meta, "hld"), "");
        assert_string_equal(text_of(meta, "format"), cases[i][1]);
        assert_int_equal(number_of(meta, "prompt_id"), 5);
        assert_int_equal(number_of(meta, "width"), 272);
        json_decref(s);
        assert_artifact(task, cases[i][1], 272, 256);
        assert_artifact(task, cases[i][1], 272, 256); /* as often as one likes */
    }
}

/* The pixels of a finished 256x256 task. */
static id4_image *pixels_of(id task) {
    json_t *s = await_done("/status", task);
    assert_success(s);
    json_decref(s);
    i4_answer a = fetch(path_of("/artifact", task));
    id4_image *image = NULL;
    assert_int_equal(id4_image_decode((const uint8_t *)a.body, a.size, &image, NULL), ID4_OK);
    i4_answer_free(&a);
    return image;
}

/* Takes both. */
static bool same_pixels(id4_image *a, id4_image *b) {
    const bool same = memcmp(id4_image_pixels(a), id4_image_pixels(b), (size_t)256 * 256 * 3) == 0;
    id4_image_free(a);
    id4_image_free(b);
    return same;
}

static void daemon_object_captions_and_their_text_draw_the_same_picture(void **state) {
    (void)state;
    json_t *request = small_request("");
    json_object_set_new(request, "caption",
                        json_pack("{s:s, s:f}", "high_level_description", "tea", "x", 0.1));
    load_model();
    id4_image *as_text = pixels_of(generate("{\"high_level_description\":\"tea\",\"x\":0.1}"));
    id4_image *as_object = pixels_of(take_task(post("/generate", request, 200)));
    assert_true(same_pixels(as_text, as_object));
}

static void keep_k8_generation_without_a_model_fails_in_the_task(void **state) {
    (void)state;
    const id task = generate("a circle");
    json_t *s = await_done("/status", task);
    assert_contains(text_of(s, "error"), "no model");
    assert_false(is_true(s, "has_artifact"));
    assert_false(is_true(s, "cancelled"));
    assert_true(json_is_null(json_object_get(s, "image_meta")));
    json_decref(s);
    json_decref(await_done("/status", generate("the slot is free again")));
}

static void daemon_requests_that_the_engine_refuses_fail_in_the_task(void **state) {
    static const struct {
        const char *key, *text;
        int number, steps;
    } cases[] = {{"preset", "V4_FANCY", 0, 0},
                 {"width", NULL, 128, 12},
                 {"height", NULL, 1 << 30, 12},
                 {"caption", "", 0, 12}};
    (void)state;
    load_model();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        json_t *request = small_request("a circle");
        json_object_set_new(request, cases[i].key,
                            cases[i].text != NULL ? json_string(cases[i].text)
                                                  : json_integer(cases[i].number));
        json_t *s = await_done("/status", take_task(post("/generate", request, 200)));
        assert_true(text_of(s, "error")[0] != '\0');
        assert_int_equal(number_of(s, "total_steps"), cases[i].steps);
        json_decref(s);
    }
}

/* --- slots --------------------------------------------------------------------------------- */

static void keep_k7_the_generation_slot_is_held_until_decoding_ends(void **state) {
    static const char *const moments[] = {"drawing", "prepare", "sampling", "step", "decode"};
    (void)state;
    load_model();
    for (size_t i = 0; i < sizeof moments / sizeof *moments; i++) {
        hold_at(moments[i]);
        const id task = generate(moments[i]);
        await_held();
        post_and_forget("/generate", small_request("no"), 409);
        post_and_forget("/model/load", NULL, 409);
        post_and_forget("/model/unload", NULL, 409);
        json_t *s = get("/model/status");
        assert_contains(text_of(s, "operation"), "generating an image (");
        json_decref(s);
        let_go();
        json_decref(await_done("/status", task));
    }
}

static void keep_k14_the_slot_and_the_pipeline_are_free_while_encoding(void **state) {
    (void)state;
    load_model();
    hold_at("encode");
    const id first = generate("first");
    await_held();
    json_t *s = get(path_of("/status", first));
    assert_string_equal(text_of(s, "state"), "running");
    json_decref(s);
    assert_pipeline_free();
    const id second = generate("second");
    post_and_forget("/generate", small_request("third"), 409);
    let_go();
    json_decref(await_done("/status", second));
    s = get(path_of("/status", first));
    assert_success(s);
    json_decref(s);
}

static void daemon_lora_operations_wait_for_the_pipeline_one_at_a_time(void **state) {
    (void)state;
    load_model();
    hold_at("step");
    const id drawing = generate("a circle");
    await_held();
    json_t *body = json_pack("{s:s}", "name", "good.safetensors");
    const id task = take_task(post("/lora/apply", body, 200));
    json_t *s = get(path_of("/lora/operation", task));
    assert_keys(s, "state,msg,phase,progress,error,result");
    assert_string_equal(text_of(s, "state"), "running");
    assert_string_equal(text_of(s, "phase"), "waiting");
    assert_int_equal(number_of(s, "progress"), 0);
    assert_contains(text_of(s, "msg"), "generating an image (");
    assert_true(json_is_null(json_object_get(s, "result")));
    json_decref(s);
    post_and_forget("/lora/apply", json_pack("{s:s}", "name", "good.safetensors"), 409);
    post_and_forget("/lora/remove", NULL, 409);
    let_go();
    s = await_done("/lora/operation", task);
    assert_string_equal(text_of(s, "phase"), "done");
    json_decref(s);
    json_decref(await_done("/status", drawing));
}

static void improve_i17_waiting_work_is_done_in_the_order_it_came(void **state) {
    (void)state;
    load_model();
    hold_at("load");
    post_and_forget("/model/unload", NULL, 200);
    post_and_forget("/model/load", NULL, 200);
    await_held();
    const id lora =
        take_task(post("/lora/apply", json_pack("{s:s}", "name", "good.safetensors"), 200));
    const id drawing = generate("after the LoRA");
    json_t *s = get(path_of("/status", drawing));
    assert_contains(text_of(s, "msg"), "waiting for loading the model (");
    assert_int_equal(number_of(s, "progress"), 0);
    assert_int_equal(number_of(s, "total_steps"), 12);
    json_decref(s);
    let_go();
    s = await_done("/status", drawing);
    assert_string_equal(text_of(json_object_get(s, "image_meta"), "lora_name"), "good.safetensors");
    json_decref(s);
    json_decref(await_done("/lora/operation", lora));
}

/* --- cancelling ----------------------------------------------------------------------------- */

static void assert_cancelled(id task) {
    json_t *s = await_done("/status", task);
    assert_string_equal(text_of(s, "msg"), "Cancelled.");
    assert_string_equal(text_of(s, "error"), "Cancelled");
    assert_true(is_true(s, "cancelled"));
    assert_false(is_true(s, "has_artifact"));
    assert_true(json_is_null(json_object_get(s, "image_meta")));
    json_decref(s);
    i4_answer a = fetch(path_of("/artifact", task));
    assert_int_equal(a.status, 404);
    i4_answer_free(&a);
    json_t *spool = get("/spool");
    const json_t *tasks = json_object_get(spool, "tasks");
    for (size_t i = 0; i < json_array_size(tasks); i++) {
        assert_string_not_equal(text_of(json_array_get(tasks, i), "task_id"), task.text);
    }
    json_decref(spool);
}

/* When the worker has done with it: its status stands, no file of it is left beside the lock and
 * the two files of each of the `others`. */
static void assert_cancelled_still(id task, size_t others) {
    char **names = NULL;
    size_t count = 0;
    json_t *s = get(path_of("/status", task));
    assert_string_equal(text_of(s, "error"), "Cancelled");
    assert_false(is_true(s, "has_artifact"));
    json_decref(s);
    assert_true(i4_dir_list(it.settings.spool_dir, 100, &names, &count, NULL));
    assert_int_equal(count, 1 + 2 * others);
    i4_dir_list_free(names, count);
}

static void cancel(id task) {
    json_t *answer = post(path_of("/cancel", task), NULL, 200);
    assert_keys(answer, "ok,msg");
    assert_true(is_true(answer, "ok"));
    json_decref(answer);
}

static void daemon_cancel_ends_a_run_in_every_phase_and_keeps_the_slot_until_then(void **state) {
    static const char *const moments[] = {"drawing", "prepare", "sampling", "step", "decode"};
    (void)state;
    load_model();
    for (size_t i = 0; i < sizeof moments / sizeof *moments; i++) {
        hold_at(moments[i]);
        const id task = generate(moments[i]);
        await_held();
        cancel(task);
        json_t *s = get(path_of("/status", task));
        assert_string_equal(text_of(s, "state"), "running");
        assert_true(is_true(s, "cancelled"));
        json_decref(s);
        post_and_forget("/generate", small_request("no"), 409);
        cancel(task); /* once more does no harm */
        hold_at(i + 1 < sizeof moments / sizeof *moments ? "encode" : "");
        pthread_cond_broadcast(&watch.changed); /* it must not come as far as encoding */
        assert_cancelled(task);
        let_go();
    }
    json_t *s = await_done("/status", generate("the engine is as good as new"));
    assert_success(s);
    json_decref(s);
}

static void improve_i4_cancelling_while_encoding_drops_the_picture(void **state) {
    static const char *const moments[] = {"encode", "stored"};
    (void)state;
    load_model();
    for (size_t i = 0; i < 2; i++) {
        hold_at(moments[i]);
        const id task = generate("a circle");
        await_held();
        cancel(task);
        assert_cancelled(task); /* at once: nothing is waited for */
        let_go();
        json_decref(await_done("/status", generate("the next one")));
        assert_cancelled_still(task, i + 1);
    }
}

static void daemon_cancel_while_waiting_ends_at_once_without_the_pipeline(void **state) {
    (void)state;
    hold_at("load");
    post_and_forget("/model/load", NULL, 200);
    await_held();
    const id task = generate("never drawn");
    json_t *s = get(path_of("/status", task));
    assert_contains(text_of(s, "msg"), "waiting for loading the model (");
    json_decref(s);
    cancel(task);
    assert_cancelled(task);
    const id next = generate("the slot is free");
    let_go();
    json_decref(await_done("/status", next));
}

static void daemon_cancelling_what_is_done_changes_nothing(void **state) {
    (void)state;
    load_model();
    const id task = generate("a circle");
    json_decref(await_done("/status", task));
    cancel(task);
    json_t *s = get(path_of("/status", task));
    assert_success(s);
    json_decref(s);
}

static void daemon_stop_cancels_what_runs_and_what_waits(void **state) {
    (void)state;
    load_model();
    hold_at("step");
    generate("running");
    await_held();
    take_task(post("/lora/apply", json_pack("{s:s}", "name", "good.safetensors"), 200));
    let_go();
    restart(); /* would hang, or leave a picture */
    json_t *spool = get("/spool");
    json_decref(spool);
}

static void await_stopping(void) {
    int status = 0;
    while (status != 503) {
        json_decref(ask(it.client, "POST", "/lora/remove", NULL, &status));
    }
}

static void *stop_it(void *user) {
    i4_daemon_stop(user);
    return NULL;
}

/* Hours of computing are not thrown away for the moment that storing takes. */
static void daemon_stop_still_stores_what_is_being_stored(void **state) {
    static const char *const moments[] = {"encode", "stored"};
    (void)state;
    for (size_t i = 0; i < sizeof moments / sizeof *moments; i++) {
        pthread_t stopper;
        load_model();
        hold_at(moments[i]);
        const id task = generate(moments[i]);
        await_held();
        assert_int_equal(pthread_create(&stopper, NULL, stop_it, it.daemon), 0);
        await_stopping();
        let_go();
        assert_int_equal(pthread_join(stopper, NULL), 0);
        start_daemon();
        json_t *s = get(path_of("/status", task));
        assert_success(s);
        json_decref(s);
    }
}

/* Else a gateway would take the stop for somebody's wish, and not draw the picture again. */
static void daemon_that_stops_does_not_say_that_a_drawing_was_cancelled(void **state) {
    pthread_t stopper;
    int status = 0;
    (void)state;
    load_model();
    hold_at("step");
    const id task = generate("interrupted");
    await_held();
    assert_int_equal(pthread_create(&stopper, NULL, stop_it, it.daemon), 0);
    await_stopping();
    json_t *s = ask(it.client, "GET", path_of("/status", task), NULL, &status);
    assert_int_equal(status, 503);
    assert_null(json_object_get(s, "cancelled"));
    json_decref(s);
    let_go();
    assert_int_equal(pthread_join(stopper, NULL), 0);
    start_daemon();
    s = get(path_of("/status", task));
    assert_null(json_object_get(s, "has_artifact")); /* unknown */
    json_decref(s);
}

/* --- unknown things, validation -------------------------------------------------------------- */

static void keep_k2_k3_unknown_tasks_are_done_and_not_found(void **state) {
    (void)state;
    json_t *s = get("/status/00000000000000000000000000000000");
    assert_keys(s, "state,msg,progress,total_steps");
    assert_string_equal(text_of(s, "state"), "done");
    json_decref(s);
    s = get("/lora/operation/no");
    assert_keys(s, "state,msg,phase,progress,error");
    assert_string_equal(text_of(s, "state"), "done");
    assert_string_equal(text_of(s, "phase"), "done");
    assert_true(text_of(s, "error")[0] != '\0');
    json_decref(s);
    post_and_forget("/cancel/no", NULL, 404);
    i4_answer a = fetch("/artifact/no");
    assert_int_equal(a.status, 404);
    i4_answer_free(&a);
}

static void improve_i14_unknown_downloads_have_an_error(void **state) {
    (void)state;
    json_t *s = get("/lora/download/no");
    assert_keys(s, "state,msg,files,error");
    assert_string_equal(text_of(s, "state"), "done");
    assert_true(text_of(s, "error")[0] != '\0');
    json_decref(s);
}

static void daemon_downloads_end_at_once_with_an_error(void **state) {
    (void)state;
    json_t *answer = post("/lora/download", json_object(), 200);
    assert_keys(answer, "ok,task_id");
    const id task = take_task(answer);
    json_t *s = get(path_of("/lora/download", task));
    assert_keys(s, "state,msg,files,error");
    assert_string_equal(text_of(s, "state"), "done");
    assert_int_equal(json_array_size(json_object_get(s, "files")), 0);
    assert_true(text_of(s, "error")[0] != '\0');
    json_decref(s);
}

static void daemon_tasks_of_another_kind_are_unknown(void **state) {
    (void)state;
    const id download = take_task(post("/lora/download", json_object(), 200));
    json_t *s = get(path_of("/status", download));
    assert_keys(s, "state,msg,progress,total_steps");
    json_decref(s);
    post_and_forget(path_of("/cancel", download), NULL, 404);
}

typedef struct bad_body {
    const char *path, *body;
    const char *type, *loc; /* of the first entry; loc as compact JSON */
    size_t entries;
} bad_body;

static void assert_refused(const bad_body *b) {
    json_t *body = json_loads(b->body, JSON_DECODE_ANY, NULL);
    json_t *answer = post(b->path, body, 422);
    const json_t *detail = json_object_get(answer, "detail");
    const json_t *first = json_array_get(detail, 0);
    char *loc = json_dumps(json_object_get(first, "loc"), JSON_COMPACT);
    if (strcmp(text_of(first, "type"), b->type) != 0 || strcmp(loc, b->loc) != 0 ||
        json_array_size(detail) != b->entries) {
        fail_msg("%s %s: %s", b->path, b->body, json_dumps(answer, JSON_COMPACT));
    }
    free(loc);
    json_decref(answer);
}

static void daemon_invalid_bodies_get_the_rows_of_the_contract(void **state) {
    static const bad_body cases[] = {
        {"/generate", "{}", "missing", "[\"body\",\"caption\"]", 1},
        {"/generate", "[]", "model_attributes_type", "[\"body\"]", 1},
        {"/generate", "{\"caption\":7}", "dict_type", "[\"body\",\"caption\",\"dict[any,any]\"]",
         2},
        {"/generate", "{\"caption\":\"x\",\"width\":1.5}", "int_from_float", "[\"body\",\"width\"]",
         1},
        {"/generate", "{\"caption\":\"x\",\"height\":null}", "int_type", "[\"body\",\"height\"]",
         1},
        {"/generate", "{\"caption\":\"x\",\"preset\":3}", "string_type", "[\"body\",\"preset\"]",
         1},
        {"/generate", "{\"caption\":\"x\",\"seed\":\"abc\"}", "int_parsing", "[\"body\",\"seed\"]",
         1},
        {"/generate", "{\"caption\":\"x\",\"seed\":1e30}", "int_parsing_size",
         "[\"body\",\"seed\"]", 1},
        {"/generate", "{\"caption\":\"x\",\"quality\":\"best\"}", "int_parsing",
         "[\"body\",\"quality\"]", 1},
        {"/generate", "{\"caption\":\"x\",\"loras\":{}}", "list_type", "[\"body\",\"loras\"]", 1},
        {"/generate", "{\"caption\":\"x\",\"loras\":[{},\"a\"]}", "dict_type",
         "[\"body\",\"loras\",1]", 1},
        {"/generate", "{\"width\":\"x\",\"height\":\"y\"}", "missing", "[\"body\",\"caption\"]", 3},
        {"/lora/apply", "[]", "model_attributes_type", "[\"body\"]", 1},
        {"/lora/apply", "{\"name\":1}", "string_type", "[\"body\",\"name\"]", 1},
        {"/lora/apply", "{\"name\":\"x\",\"strength\":\"y\"}", "float_parsing",
         "[\"body\",\"strength\"]", 1},
        {"/lora/apply", "{\"loras\":7}", "list_type", "[\"body\",\"loras\"]", 1},
        {"/lora/download", "{\"preset_id\":\"\"}", "string_too_short", "[\"body\",\"preset_id\"]",
         1},
        {"/lora/download", "[]", "model_attributes_type", "[\"body\"]", 1},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_refused(&cases[i]);
    }
    json_t *s = get("/model/status"); /* nothing of it took the pipeline or the slots */
    assert_true(json_is_null(json_object_get(s, "operation")));
    json_decref(s);
}

/* --- LoRA ---------------------------------------------------------------------------------- */

static json_t *run_lora(json_t *body) {
    return await_done("/lora/operation", take_task(post("/lora/apply", body, 200)));
}

static json_t *named(const char *name, double strength) {
    return json_pack("{s:s, s:f}", "name", name, "strength", strength);
}

static void assert_applied(const char *names, size_t count) {
    json_t *s = get("/lora/status");
    if (names == NULL) {
        assert_true(json_is_null(json_object_get(s, "applied")));
    } else {
        assert_string_equal(text_of(s, "applied"), names);
    }
    assert_int_equal(json_array_size(json_object_get(s, "applied_loras")), count);
    json_decref(s);
}

static void assert_lora_result(json_t *s, bool ok, bool changed) {
    const json_t *result = json_object_get(s, "result");
    assert_string_equal(text_of(s, "phase"), ok ? "done" : "error");
    assert_int_equal(number_of(s, "progress"), ok ? 100 : 0);
    assert_int_equal(json_is_null(json_object_get(s, "error")), ok);
    assert_int_equal(is_true(result, "ok"), ok);
    assert_int_equal(is_true(result, "changed"), changed);
    json_decref(s);
}

static void daemon_lora_operation_passes_every_step_of_the_contract(void **state) {
    static const struct {
        const char *phase;
        int progress;
    } steps[] = {{"resolve", 1}, {"load", 20}, {"done", 99}};
    (void)state;
    load_model();
    hold_at("resolve");
    const id task = take_task(post("/lora/apply", named("good.safetensors", 0.5), 200));
    for (size_t i = 0; i < 3; i++) {
        await_held();
        json_t *s = get(path_of("/lora/operation", task));
        assert_string_equal(text_of(s, "state"), "running");
        assert_string_equal(text_of(s, "phase"), steps[i].phase);
        assert_int_equal(number_of(s, "progress"), steps[i].progress);
        json_decref(s);
        pthread_mutex_lock(&watch.mutex);
        watch.is_held = false;
        snprintf(watch.hold, sizeof watch.hold, "%s", i < 2 ? steps[i + 1].phase : "");
        pthread_cond_broadcast(&watch.changed);
        pthread_mutex_unlock(&watch.mutex);
    }
    assert_lora_result(await_done("/lora/operation", task), true, true);
    json_t *s = get("/lora/status");
    assert_keys(s, "applied,strength,applied_loras,available");
    assert_string_equal(text_of(s, "applied"), "good.safetensors");
    assert_true(json_real_value(json_object_get(s, "strength")) == 0.5);
    json_t *entry = json_array_get(json_object_get(s, "applied_loras"), 0);
    assert_keys(entry, "name,strength,format");
    json_decref(s);
}

static void daemon_applying_the_same_stack_again_changes_nothing(void **state) {
    (void)state;
    load_model();
    assert_lora_result(run_lora(named("good.safetensors", 0.5)), true, true);
    assert_lora_result(run_lora(named(" good.safetensors ", 0.5)), true, false);
    assert_lora_result(run_lora(named("good.safetensors", 0.6)), true, true);
}

static void daemon_removing_lora_twice_is_fine(void **state) {
    (void)state;
    load_model();
    assert_lora_result(run_lora(named("good.safetensors", 0.5)), true, true);
    for (int i = 0; i < 2; i++) {
        const id task = take_task(post("/lora/remove", NULL, 200));
        assert_lora_result(await_done("/lora/operation", task), true, i == 0);
        assert_applied(NULL, 0);
    }
}

static void daemon_lora_stacks_keep_their_order(void **state) {
    (void)state;
    load_model();
    json_t *stack = json_pack("{s:[o, o]}", "loras", named("other.safetensors", 0.25),
                              json_pack("{s:s}", "name", "good.safetensors"));
    assert_lora_result(run_lora(stack), true, true);
    assert_applied("other.safetensors + good.safetensors", 2);
    json_t *s = get("/model/status");
    const json_t *loras = json_object_get(s, "applied_loras");
    assert_true(json_real_value(json_object_get(json_array_get(loras, 0), "strength")) == 0.25);
    assert_true(json_real_value(json_object_get(json_array_get(loras, 1), "strength")) == 0.6);
    json_decref(s);
    s = get("/lora/status");
    assert_true(json_real_value(json_object_get(s, "strength")) == 0.0);
    json_decref(s);
}

static void improve_i13_a_bad_lora_restores_the_stack_that_was(void **state) {
    (void)state;
    load_model();
    id4_image *without = pixels_of(generate("a circle"));
    assert_lora_result(run_lora(named("good.safetensors", 5.0)), true, true);
    id4_image *before = pixels_of(generate("a circle"));
    assert_false(same_pixels(without, pixels_of(generate("a circle"))));
    json_t *both = json_pack("{s:[o, o]}", "loras", named("other.safetensors", 1.0),
                             named("bad.safetensors", 1.0));
    assert_lora_result(run_lora(both), false, false);
    assert_applied("good.safetensors", 1);
    json_t *s = get("/model/status");
    assert_string_equal(text_of(s, "state"), "loaded");
    json_decref(s);
    assert_true(same_pixels(before, pixels_of(generate("a circle"))));
}

static void daemon_lora_names_outside_the_folder_are_not_found(void **state) {
    static const char *const names[] = {"missing.safetensors",
                                        "../outside.safetensors",
                                        "sub/../../outside.safetensors",
                                        "linked.safetensors",
                                        "/etc/passwd",
                                        ".",
                                        " ",
                                        "loras"};
    (void)state;
    char target[1200], *full = realpath(folder_at(&it.place, "outside.safetensors"), NULL);
    snprintf(target, sizeof target, "%s", full);
    free(full);
    folder_link(&it.place, "loras/linked.safetensors", target);
    load_model();
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        json_t *s = run_lora(named(names[i], 0.5));
        assert_string_equal(text_of(s, "phase"), "error");
        assert_true(text_of(s, "error")[0] != '\0');
        assert_true(json_is_null(json_object_get(s, "result")));
        json_decref(s);
    }
    json_t *odd = json_pack("{s:[{s:i}]}", "loras", "name", 7);
    json_t *s = run_lora(odd);
    assert_true(json_is_null(json_object_get(s, "result")));
    json_decref(s);
    assert_applied(NULL, 0);
}

static void daemon_lora_names_in_sub_folders_are_found(void **state) {
    (void)state;
    folder_sub(&it.place, "loras/sub");
    copy_file(folder_at(&it.place, "loras/good.safetensors"),
              folder_at(&it.place, "loras/sub/deep.safetensors"));
    load_model();
    assert_lora_result(run_lora(named("sub/deep.safetensors", 0.5)), true, true);
    assert_applied("sub/deep.safetensors", 1);
}

static void keep_k10_the_stack_survives_unload_and_a_request_may_set_it(void **state) {
    (void)state;
    assert_lora_result(run_lora(named("good.safetensors", 0.5)), true, true); /* only recorded */
    load_model();
    json_t *s = await_done("/status", generate("with LoRA"));
    const json_t *meta = json_object_get(s, "image_meta");
    assert_string_equal(text_of(meta, "lora_name"), "good.safetensors");
    assert_true(json_real_value(json_object_get(meta, "lora_strength")) == 0.5);
    json_decref(s);
    post_and_forget("/model/unload", NULL, 200);
    assert_applied("good.safetensors", 1);
    load_model();
    assert_applied("good.safetensors", 1);
    json_t *request = small_request("with its own");
    json_object_set_new(request, "loras", json_pack("[o]", named("other.safetensors", 1.0)));
    s = await_done("/status", take_task(post("/generate", request, 200)));
    assert_string_equal(text_of(json_object_get(s, "image_meta"), "lora_name"),
                        "other.safetensors");
    json_decref(s);
    assert_applied("other.safetensors", 1);
}

static void daemon_a_stack_whose_file_is_gone_does_not_block_loading(void **state) {
    (void)state;
    assert_lora_result(run_lora(named("other.safetensors", 0.5)), true, true);
    assert_int_equal(remove(folder_at(&it.place, "loras/other.safetensors")), 0);
    load_model();
    json_t *s = get("/model/status");
    assert_contains(text_of(s, "msg"), "without LoRA");
    json_decref(s);
    assert_applied(NULL, 0);
}

static void keep_k5_applying_nothing_answers_200_not_ok(void **state) {
    (void)state;
    json_t *answer = post("/lora/apply", json_pack("{s:[]}", "loras"), 200);
    assert_false(is_true(answer, "ok"));
    assert_true(text_of(answer, "msg")[0] != '\0');
    json_decref(answer);
}

static void daemon_lora_files_are_listed_with_labels(void **state) {
    static const char *const labels[][2] = {
        {"SimpleTuner_RedPandaStyle_v2_rank16_1024_step900.safetensors",
         "Red Panda Style v2 rank16 1024 step900"},
        {"SimpleTuner_my_catDog_rank8_step10.safetensors", "my cat Dog rank8 step10"},
        {"SimpleTuner_rank8_step10.safetensors", "SimpleTuner rank8 step10"},
        {"Other_redPanda_rank8_step10.safetensors", "Other redPanda rank8 step10"},
        {"plain_name.safetensors", "plain name"}};
    (void)state;
    for (size_t i = 0; i < 5; i++) {
        char name[256];
        snprintf(name, sizeof name, "loras/%s", labels[i][0]);
        folder_write(&it.place, name, "x");
    }
    folder_write(&it.place, "loras/notes.txt", "x");
    folder_sub(&it.place, "loras/folder.safetensors");
    json_t *status = get("/lora/status"), *presets = get("/lora/presets");
    const json_t *files = json_object_get(status, "available");
    const json_t *list = json_object_get(presets, "presets");
    assert_int_equal(json_array_size(files), 8);
    assert_int_equal(json_array_size(list), 8);
    json_t *first = json_array_get(files, 0);
    assert_keys(first, "name,path,format,size_mb");
    assert_string_equal(text_of(first, "name"), "Other_redPanda_rank8_step10.safetensors");
    assert_int_equal(text_of(first, "path")[0], '/');
    for (size_t i = 0; i < json_array_size(list); i++) {
        json_t *preset = json_array_get(list, i);
        json_t *inner = json_array_get(json_object_get(preset, "loras"), 0);
        assert_keys(preset, "id,label,installed,loras");
        assert_keys(inner, "name,strength,installed,format,size_mb");
        for (size_t k = 0; k < 5; k++) {
            if (strcmp(text_of(preset, "id"), labels[k][0]) == 0) {
                assert_string_equal(text_of(preset, "label"), labels[k][1]);
            }
        }
    }
    json_decref(status);
    json_decref(presets);
}

static void daemon_a_missing_lora_folder_lists_nothing(void **state) {
    (void)state;
    snprintf(it.settings.lora_dir, sizeof it.settings.lora_dir, "%s",
             folder_at(&it.place, "nowhere"));
    restart();
    json_t *status = get("/lora/status");
    assert_int_equal(json_array_size(json_object_get(status, "available")), 0);
    json_decref(status);
}

/* --- what outlives the daemon ---------------------------------------------------------------- */

static json_t *take_picture(id task) {
    int status = 0;
    json_t *answer = ask(it.client, "DELETE", path_of("/spool", task), NULL, &status);
    assert_int_equal(status, 200);
    return answer;
}

static void daemon_pictures_outlive_it_until_they_are_stored_elsewhere(void **state) {
    (void)state;
    load_model();
    const id stored = generate("stored"), *waiting;
    json_decref(await_done("/status", stored));
    const id second = generate("waiting");
    waiting = &second;
    json_t *before = await_done("/status", *waiting);
    i4_answer bytes = fetch(path_of("/artifact", *waiting));
    json_t *answer = take_picture(stored);
    assert_true(is_true(answer, "ok"));
    json_decref(answer);
    i4_answer taken = fetch(path_of("/artifact", stored)); /* for another hour */
    assert_int_equal(taken.status, 200);
    i4_answer_free(&taken);
    json_t *status = get(path_of("/status", stored));
    assert_success(status);
    assert_true(json_is_object(json_object_get(status, "image_meta")));
    json_decref(status);

    restart();
    json_t *after = get(path_of("/status", *waiting));
    json_object_set_new(json_object_get(before, "detail"), "preview_step", json_null());
    assert_true(json_equal(before, after));
    json_decref(before);
    json_decref(after);
    i4_answer again = fetch(path_of("/artifact", *waiting));
    assert_int_equal(again.status, 200);
    assert_int_equal(again.size, bytes.size);
    assert_memory_equal(again.body, bytes.body, bytes.size);
    i4_answer_free(&again);
    i4_answer_free(&bytes);
    status = get(path_of("/status", stored));
    assert_keys(status, "state,msg,progress,total_steps");
    json_decref(status);
    json_t *spool = get("/spool");
    const json_t *tasks = json_object_get(spool, "tasks");
    assert_int_equal(json_array_size(tasks), 1);
    json_t *entry = json_array_get(tasks, 0);
    assert_keys(entry, "task_id,image_meta,fetched");
    assert_true(is_true(entry, "fetched")); /* before the restart */
    assert_string_equal(text_of(entry, "task_id"), waiting->text);
    json_decref(spool);
}

static void daemon_failing_starts_are_reported_and_leave_nothing_running(void **state) {
    (void)state;
    int failures = 0;
    i4_daemon_stop(it.daemon);
    for (int n = 0;; n++) {
        fault f = {n, false};
        i4_err err = {0};
        i4_fault_set(fault_nth, &f);
        it.daemon = i4_daemon_start(&it.settings, &err);
        i4_fault_set(NULL, NULL);
        failures += it.daemon == NULL;
        assert_true(it.daemon != NULL || err.text[0] != '\0');
        if (!f.hit) {
            break;
        }
        i4_daemon_stop(it.daemon);
    }
    assert_non_null(it.daemon);
    assert_true(failures >= 8);
}

static void daemon_storing_what_is_unknown_says_so(void **state) {
    (void)state;
    const id nothing = {"00000000000000000000000000000000"};
    json_t *answer = take_picture(nothing);
    assert_false(is_true(answer, "ok"));
    json_decref(answer);
}

static void daemon_picture_that_cannot_be_written_fails_its_task(void **state) {
    (void)state;
    load_model();
    hold_at("encode");
    const id task = generate("a circle");
    await_held();
    const char *away = folder_at(&it.place, "away");
    assert_int_equal(rename(it.settings.spool_dir, away), 0);
    let_go();
    json_t *s = await_done("/status", task);
    assert_true(text_of(s, "error")[0] != '\0');
    assert_false(is_true(s, "has_artifact"));
    json_decref(s);
    assert_int_equal(rename(away, it.settings.spool_dir), 0);
    s = await_done("/status", generate("the next one"));
    assert_success(s);
    json_decref(s);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(daemon_health_names_the_real_backend),
        CASE(daemon_fresh_status_is_idle_without_text),
        CASE(daemon_load_goes_through_loading_to_loaded_and_back_to_idle),
        CASE(daemon_loading_twice_and_unloading_twice_is_fine),
        CASE(keep_k9_failed_load_is_idle_with_a_reason),
        CASE(improve_i12_a_new_load_shows_no_old_failure),
        CASE(keep_k4_unusable_runtime_answers_200_not_ok),
        CASE(daemon_without_configuration_loads_the_demo_model_and_says_so),
        CASE(daemon_loads_a_named_repository_from_the_hub_cache),
        CASE(daemon_autoload_loads_at_the_start),
        CASE(daemon_generation_passes_every_step_of_the_contract),
        CASE(daemon_artifacts_are_whole_pictures_in_each_format),
        CASE(daemon_object_captions_and_their_text_draw_the_same_picture),
        CASE(keep_k8_generation_without_a_model_fails_in_the_task),
        CASE(daemon_requests_that_the_engine_refuses_fail_in_the_task),
        CASE(keep_k7_the_generation_slot_is_held_until_decoding_ends),
        CASE(keep_k14_the_slot_and_the_pipeline_are_free_while_encoding),
        CASE(daemon_lora_operations_wait_for_the_pipeline_one_at_a_time),
        CASE(improve_i17_waiting_work_is_done_in_the_order_it_came),
        CASE(daemon_cancel_ends_a_run_in_every_phase_and_keeps_the_slot_until_then),
        CASE(improve_i4_cancelling_while_encoding_drops_the_picture),
        CASE(daemon_cancel_while_waiting_ends_at_once_without_the_pipeline),
        CASE(daemon_cancelling_what_is_done_changes_nothing),
        CASE(daemon_stop_cancels_what_runs_and_what_waits),
        CASE(daemon_stop_still_stores_what_is_being_stored),
        CASE(daemon_that_stops_does_not_say_that_a_drawing_was_cancelled),
        CASE(keep_k2_k3_unknown_tasks_are_done_and_not_found),
        CASE(improve_i14_unknown_downloads_have_an_error),
        CASE(daemon_downloads_end_at_once_with_an_error),
        CASE(daemon_tasks_of_another_kind_are_unknown),
        CASE(daemon_invalid_bodies_get_the_rows_of_the_contract),
        CASE(daemon_lora_operation_passes_every_step_of_the_contract),
        CASE(daemon_applying_the_same_stack_again_changes_nothing),
        CASE(daemon_removing_lora_twice_is_fine),
        CASE(daemon_lora_stacks_keep_their_order),
        CASE(improve_i13_a_bad_lora_restores_the_stack_that_was),
        CASE(daemon_lora_names_outside_the_folder_are_not_found),
        CASE(daemon_lora_names_in_sub_folders_are_found),
        CASE(keep_k10_the_stack_survives_unload_and_a_request_may_set_it),
        CASE(daemon_a_stack_whose_file_is_gone_does_not_block_loading),
        CASE(keep_k5_applying_nothing_answers_200_not_ok),
        CASE(daemon_lora_files_are_listed_with_labels),
        CASE(daemon_a_missing_lora_folder_lists_nothing),
        CASE(daemon_pictures_outlive_it_until_they_are_stored_elsewhere),
        CASE(daemon_failing_starts_are_reported_and_leave_nothing_running),
        CASE(daemon_storing_what_is_unknown_says_so),
        CASE(daemon_picture_that_cannot_be_written_fails_its_task),
    };
    unsetenv("IDEOGRAM4_MODEL_REPO"); /* of whoever runs the tests */
    if (!make_model_root()) {
        return 1;
    }
    const int failures = cmocka_run_group_tests(tests, NULL, NULL);
    golden_root_remove(model_root);
    return failures;
}
