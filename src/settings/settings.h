/* Floor 1. The environment of all programs (docs/http-api.md 11): read once, every value checked.
 * An empty variable means its default; a bad one is a sentence naming the variable, its value and
 * what it may be (programs exit 2). Paths are relative to the project root, "~" is expanded. */
#ifndef I4_SETTINGS_SETTINGS_H
#define I4_SETTINGS_SETTINGS_H

#include "base/status.h"

#include <stdint.h>

typedef struct i4_settings {
    char root[4096]; /* project root: IDEOGRAM4_ROOT, else found from the program */
    /* gateway */
    char server_host[256];
    int server_port;
    char webui_host[256];
    int webui_port;
    char *cors_origins[33]; /* owned, NULL-terminated */
    bool cors_credentials;
    char daemon_url[512];
    double daemon_timeout;
    char db_path[4096], output_dir[4096], log_dir[4096];
    int min_size, max_size, size_multiple;
    int64_t max_caption_bytes, max_form_bytes, db_query_limit;
    /* ours: jobs that may be pending, days in the trash, MiB of thumbnails */
    int queue_limit, trash_days, thumbs_mib;
    char server_log_level[16];
    /* daemon */
    char daemon_host[256];
    int daemon_port;
    char daemon_log_level[16];
    bool autoload;
    int idle_unload_minutes; /* ours; 0: never */
    char model_repo[256], model_revision[256], model_path[4096];
    bool has_model;        /* one of MODEL_REPO, MODEL_PATH is set: not the demo model then */
    bool wants_demo;       /* DEMO_MODEL is set: not the default repository, though it be here */
    double cache_limit_gb; /* < 0: unset */
    char backend[16];      /* IDEOGRAM4_BACKEND */
    char isa[16];          /* IDEOGRAM4_ISA (ours): instructions of the cpu backend */
    char default_preset[32], default_format[8];
    int64_t default_seed;
    int quality_webp, quality_jpeg;
    char lora_dir[4096];
    double lora_strength;
    char spool_dir[4096];     /* IDEOGRAM4_SPOOL_DIR, default server/data/spool (ours) */
    char demo_model[4096];    /* folder of the demo model, "" if not found */
    char access_token[256];   /* IDEOGRAM4_ACCESS_TOKEN (ours): for binds beyond loopback */
    char web_dir[4096];       /* IDEOGRAM4_WEB_DIR (ours), default web/dist; "" if not a folder */
    char *allowed_hosts[33];  /* IDEOGRAM4_ALLOWED_HOSTS (ours): further Host names; owned, ended
                                 by NULL */
    char cli_daemon_mode[16]; /* IDEOGRAM4_CLI_DAEMON_MODE: auto, require or off */
    /* magic prompt */
    struct {
        bool enabled, local_llama, managed_llama;
        char api_key[512], provider[64], model[256], base_url[1024], profile[64];
        char response_format[32], token_param[64], llama_model[4096], llama_mmproj[4096];
        double timeout, temperature;
        int64_t max_tokens, max_chars, max_images, max_image_bytes, llama_ctx, llama_port;
        char prompts_dir[4096]; /* IDEOGRAM4_MAGIC_PROMPT_DIR (ours): editable system prompts */
    } magic;
    /* upscaler */
    struct {
        char backend[64], bin[4096], model_dir[4096];
        double timeout;
        int64_t max_output_pixels;
    } upscale;
} i4_settings;

/* INVALID_ARGUMENT with the sentence; *s need not be freed then. 90 kB: not for a small stack. */
bool i4_settings_read(i4_settings *s, i4_err *err);
void i4_settings_free(i4_settings *s);
/* A path against the root; false if it is too long. */
bool i4_settings_path(const i4_settings *s, const char *path, char *out, size_t size);

#endif
