/* Reads the environment into i4_settings: one table of rows for each type of variable. */
#define _XOPEN_SOURCE 700 /* realpath */
#include "settings/settings.h"
#include "base/limits.h"
#include "base/memory.h"
#include "base/os.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define PREFIX "IDEOGRAM4_"
#define AT(member) offsetof(i4_settings, member)
#define TEXT(member) offsetof(i4_settings, member), sizeof(((i4_settings *)0)->member)

static const char default_preset[] = "V4_QUALITY_48";

/* --- one variable -------------------------------------------------------------------------- */

/* Trimmed by the caller where blanks cannot belong to it; NULL when unset or empty. */
static const char *lookup(const char *name) {
    char full[96];
    snprintf(full, sizeof full, PREFIX "%s", name);
    const char *value = getenv(full);
    return value && value[0] ? value : NULL;
}

static bool fail_value(i4_err *err, const char *name, const char *value, const char *wanted) {
    return i4_fail(err, I4_E_INVALID_ARGUMENT, PREFIX "%s is '%.100s': it must be %s", name, value,
                   wanted);
}

static bool copy_text(const char *name, const char *value, char *out, size_t size, i4_err *err) {
    if ((size_t)snprintf(out, size, "%s", value) < size) {
        return true;
    }
    return i4_fail(err, I4_E_INVALID_ARGUMENT, PREFIX "%s is too long: at most %zu bytes fit", name,
                   size - 1);
}

static const char *skip_blanks(const char *text) {
    while (isspace((unsigned char)*text)) {
        text++;
    }
    return text;
}

static bool read_whole(const char *name, int64_t min, int64_t max, int64_t *out, i4_err *err) {
    char wanted[80], *end;
    const char *value = lookup(name);
    if (!value) {
        return true;
    }
    errno = 0;
    const long long number = strtoll(value, &end, 10);
    if (end == value || *skip_blanks(end) || errno == ERANGE || number < min || number > max) {
        snprintf(wanted, sizeof wanted, "a whole number from %lld to %lld", (long long)min,
                 (long long)max);
        return fail_value(err, name, value, wanted);
    }
    *out = number;
    return true;
}

static bool read_real(const char *name, double min, double max, double *out, i4_err *err) {
    char wanted[80], *end;
    const char *value = lookup(name);
    if (!value) {
        return true;
    }
    const bool is_decimal = strspn(value, " \t+-.eE0123456789") == strlen(value);
    const double number = strtod(value, &end);
    if (!is_decimal || end == value || *skip_blanks(end) || !(number >= min && number <= max)) {
        snprintf(wanted, sizeof wanted, "a number from %g to %g", min, max);
        return fail_value(err, name, value, wanted);
    }
    *out = number;
    return true;
}

/* 1, true, yes, on in any case, blanks around; anything else is false, as in the original. */
static bool read_switch(const char *name) {
    static const char *const yes[] = {"1", "true", "yes", "on"};
    const char *value = lookup(name);
    if (!value) {
        return false;
    }
    value = skip_blanks(value);
    size_t size = strlen(value);
    while (size > 0 && isspace((unsigned char)value[size - 1])) {
        size--;
    }
    for (size_t i = 0; i < sizeof yes / sizeof yes[0]; i++) {
        if (size == strlen(yes[i]) && strncasecmp(value, yes[i], size) == 0) {
            return true;
        }
    }
    return false;
}

/* --- paths --------------------------------------------------------------------------------- */

bool i4_settings_path(const i4_settings *s, const char *path, char *out, size_t size) {
    const char *home = getenv("HOME");
    const bool is_home = path[0] == '~' && (path[1] == '/' || path[1] == '\0') && home && home[0];
    int length;
    if (is_home) {
        length = snprintf(out, size, "%s%s", home, path + 1);
    } else if (path[0] == '/') {
        length = snprintf(out, size, "%s", path);
    } else {
        length = snprintf(out, size, "%s/%s", s->root, path);
    }
    return length >= 0 && (size_t)length < size;
}

static bool is_folder(const char *path) {
    return i4_path_look(path) == I4_PATH_DIR;
}

/* Absolute, links followed; as it stands when that cannot be. */
static void real_path(const char *path, char *out, size_t size) {
    char *found = realpath(path, NULL);
    const char *best = found && strlen(found) < size ? found : path;
    const size_t length = strlen(best) < size ? strlen(best) : size - 1;
    memcpy(out, best, length);
    out[length] = '\0';
    free(found);
}

/* A folder `name` in the share folder of an installation, "" if there is none. */
static void find_shared(const char *name, char *out, size_t size) {
    char program[I4_LIMIT_PATH_BYTES], place[I4_LIMIT_PATH_BYTES + 64];
    out[0] = '\0';
    if (i4_program_dir(program, sizeof program)) {
        snprintf(place, sizeof place, "%s/../share/ideogram4/%s", program, name);
        if (is_folder(place)) {
            real_path(place, out, size);
        }
    }
}

/* The nearest folder at or above the program's that holds the project; an installed program has
 * none, and works in the working directory. */
static void find_root(char *out, size_t size) {
    static const char *const places[] = {".", "..", "../..", "../../..", "../../../.."};
    char program[I4_LIMIT_PATH_BYTES], place[I4_LIMIT_PATH_BYTES + 16];
    char mark[I4_LIMIT_PATH_BYTES + 32];
    const bool is_known = i4_program_dir(program, sizeof program);
    for (size_t i = 0; is_known && i < sizeof places / sizeof places[0]; i++) {
        snprintf(place, sizeof place, "%s/%s", program, places[i]);
        snprintf(mark, sizeof mark, "%s/models/demo", place);
        if (is_folder(mark)) {
            real_path(place, out, size);
            return;
        }
    }
    real_path(".", out, size);
}

/* --- tables -------------------------------------------------------------------------------- */

typedef struct text_row {
    const char *name;
    size_t offset, size;
    const char *fallback;
} text_row;

static const text_row texts[] = {
    {"SERVER_HOST", TEXT(server_host), "127.0.0.1"},
    {"WEBUI_HOST", TEXT(webui_host), "127.0.0.1"},
    {"MODEL_DAEMON_HOST", TEXT(daemon_host), "127.0.0.1"},
    {"MODEL_REPO", TEXT(model_repo), "MLXBits/ideogram-4-mlx-q8"},
    {"MODEL_REVISION", TEXT(model_revision), ""},
    {"BACKEND", TEXT(backend), ""},
    {"ISA", TEXT(isa), ""},
    {"ACCESS_TOKEN", TEXT(access_token), ""},
    {"MAGIC_PROMPT_API_KEY", TEXT(magic.api_key), ""},
    {"MAGIC_PROMPT_PROVIDER", TEXT(magic.provider), ""},
    {"MAGIC_PROMPT_MODEL", TEXT(magic.model), "local-model"},
    {"MAGIC_PROMPT_BASE_URL", TEXT(magic.base_url), "http://127.0.0.1:18082/v1"},
    {"MAGIC_PROMPT_PROMPT_PROFILE", TEXT(magic.profile), ""},
    {"MAGIC_PROMPT_RESPONSE_FORMAT", TEXT(magic.response_format), "off"},
    {"MAGIC_PROMPT_TOKEN_PARAM", TEXT(magic.token_param), "max_tokens"},
    {"UPSCALER_BACKEND", TEXT(upscale.backend), "realesrgan_ncnn"},
};

/* Relative to the root; an empty one stays empty. */
static const text_row paths[] = {
    {"DB_PATH", TEXT(db_path), "server/data/ideogram4.db"},
    {"OUTPUT_DIR", TEXT(output_dir), "server/output"},
    {"LOG_DIR", TEXT(log_dir), "logs"},
    {"LORA_DIR", TEXT(lora_dir), "models/loras"},
    {"SPOOL_DIR", TEXT(spool_dir), "server/data/spool"},
    {"MODEL_PATH", TEXT(model_path), ""},
    {"DEMO_MODEL", TEXT(demo_model), "models/demo"},
    {"WEB_DIR", TEXT(web_dir), "web/dist"},
    {"MAGIC_PROMPT_DIR", TEXT(magic.prompts_dir), "prompts"},
    {"MAGIC_PROMPT_LOCAL_LLAMA_MODEL", TEXT(magic.llama_model), ""},
    {"MAGIC_PROMPT_LOCAL_LLAMA_MMPROJ", TEXT(magic.llama_mmproj), ""},
    {"UPSCALER_BIN", TEXT(upscale.bin), ""},
    {"UPSCALER_MODEL_DIR", TEXT(upscale.model_dir), ""},
};

typedef struct whole_row {
    const char *name;
    size_t offset;
    int64_t min, max, fallback;
    bool is_wide; /* int64_t, else int */
} whole_row;

static const whole_row wholes[] = {
    {"SERVER_PORT", AT(server_port), 0, 65535, 8000, false},
    {"WEBUI_PORT", AT(webui_port), 0, 65535, 5173, false},
    {"MODEL_DAEMON_PORT", AT(daemon_port), 0, 65535, 8001, false},
    {"MIN_IMAGE_SIZE", AT(min_size), 1, 65536, 256, false},
    {"MAX_IMAGE_SIZE", AT(max_size), 1, 65536, 2048, false},
    {"IMAGE_SIZE_MULTIPLE", AT(size_multiple), 1, 65536, 16, false},
    {"IMAGE_QUALITY_WEBP", AT(quality_webp), 1, 100, 90, false},
    {"IMAGE_QUALITY_JPEG", AT(quality_jpeg), 1, 100, 95, false},
    {"MAX_CAPTION_JSON_BYTES", AT(max_caption_bytes), 1, 1 << 30, 262144, true},
    {"MAX_FORM_JSON_BYTES", AT(max_form_bytes), 1, 1 << 30, 1048576, true},
    {"DB_QUERY_LIMIT", AT(db_query_limit), INT64_MIN, INT64_MAX, 50, true},
    {"QUEUE_LIMIT", AT(queue_limit), 1, 100000, 200, false},
    {"TRASH_DAYS", AT(trash_days), 1, 36500, 30, false},
    {"THUMBS_MIB", AT(thumbs_mib), 1, 1 << 20, 512, false},
    {"IDLE_UNLOAD_MINUTES", AT(idle_unload_minutes), 0, 1440, 0, false},
    {"DEFAULT_SEED", AT(default_seed), INT64_MIN, INT64_MAX, 20260608, true},
    {"MAGIC_PROMPT_MAX_TOKENS", AT(magic.max_tokens), 1, INT32_MAX, 16384, true},
    {"MAGIC_PROMPT_MAX_CHARS", AT(magic.max_chars), 1, INT32_MAX, 12000, true},
    {"MAGIC_PROMPT_MAX_IMAGES", AT(magic.max_images), 0, 64, 4, true},
    {"MAGIC_PROMPT_MAX_IMAGE_BYTES", AT(magic.max_image_bytes), 1, INT32_MAX, 6291456, true},
    {"MAGIC_PROMPT_LOCAL_LLAMA_CTX", AT(magic.llama_ctx), 0, INT32_MAX, 8192, true},
    {"MAGIC_PROMPT_LOCAL_LLAMA_PORT", AT(magic.llama_port), 1, 65535, 18082, true},
    {"UPSCALER_MAX_OUTPUT_PIXELS", AT(upscale.max_output_pixels), 1, (int64_t)1 << 40, 67108864,
     true},
};

typedef struct real_row {
    const char *name;
    size_t offset;
    double min, max, fallback;
} real_row;

static const real_row reals[] = {
    {"MODEL_DAEMON_TIMEOUT", AT(daemon_timeout), 0.001, 86400, 30},
    {"MLX_CACHE_LIMIT_GB", AT(cache_limit_gb), 0, 1e6, -1},
    {"LORA_STRENGTH", AT(lora_strength), -100, 100, 0.6},
    {"MAGIC_PROMPT_TIMEOUT", AT(magic.timeout), 0.001, 86400, 120},
    {"MAGIC_PROMPT_TEMPERATURE", AT(magic.temperature), 0, 100, 1},
    {"UPSCALER_TIMEOUT_SECONDS", AT(upscale.timeout), 0.001, 86400, 600},
};

static const struct {
    const char *name;
    size_t offset;
} switches[] = {
    {"CORS_ALLOW_CREDENTIALS", AT(cors_credentials)},
    {"MODEL_DAEMON_AUTOLOAD", AT(autoload)},
    {"MAGIC_PROMPT_LOCAL_LLAMA", AT(magic.local_llama)},
    {"MAGIC_PROMPT_MANAGED_LLAMA", AT(magic.managed_llama)},
};

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static void *member(i4_settings *s, size_t offset) {
    return (char *)s + offset;
}

static bool read_texts(i4_settings *s, i4_err *err) {
    for (size_t i = 0; i < COUNT(texts); i++) {
        const text_row *row = &texts[i];
        const char *value = lookup(row->name);
        if (!copy_text(row->name, value ? value : row->fallback, member(s, row->offset), row->size,
                       err)) {
            return false;
        }
    }
    return true;
}

static bool read_paths(i4_settings *s, i4_err *err) {
    for (size_t i = 0; i < COUNT(paths); i++) {
        const text_row *row = &paths[i];
        const char *value = lookup(row->name);
        value = value ? value : row->fallback;
        if (value[0] && !i4_settings_path(s, value, member(s, row->offset), row->size)) {
            return i4_fail(err, I4_E_INVALID_ARGUMENT,
                           PREFIX "%s is too long: at most %zu bytes fit", row->name,
                           row->size - 1);
        }
    }
    return true;
}

static bool read_wholes(i4_settings *s, i4_err *err) {
    for (size_t i = 0; i < COUNT(wholes); i++) {
        const whole_row *row = &wholes[i];
        int64_t value = row->fallback;
        if (!read_whole(row->name, row->min, row->max, &value, err)) {
            return false;
        }
        if (row->is_wide) {
            memcpy(member(s, row->offset), &value, sizeof value);
        } else {
            const int narrow = (int)value;
            memcpy(member(s, row->offset), &narrow, sizeof narrow);
        }
    }
    return true;
}

static bool read_reals(i4_settings *s, i4_err *err) {
    for (size_t i = 0; i < COUNT(reals); i++) {
        double value = reals[i].fallback;
        if (!read_real(reals[i].name, reals[i].min, reals[i].max, &value, err)) {
            return false;
        }
        memcpy(member(s, reals[i].offset), &value, sizeof value);
    }
    return true;
}

static void read_switches(i4_settings *s) {
    for (size_t i = 0; i < COUNT(switches); i++) {
        const bool value = read_switch(switches[i].name);
        memcpy(member(s, switches[i].offset), &value, sizeof value);
    }
}

/* --- variables with rules of their own ----------------------------------------------------- */

typedef struct choice_row {
    const char *name;
    size_t offset, size;
    const char *fallback;
    bool any_case;
    const char *wanted;
    const char *values[8];
} choice_row;

#define LEVELS                                                           \
    "trace, debug, info, warning, error or critical", {                  \
        "trace", "debug", "info", "warning", "warn", "error", "critical" \
    }

static const choice_row choices[] = {
    {"SERVER_LOG_LEVEL", TEXT(server_log_level), "info", true, LEVELS},
    {"MODEL_DAEMON_LOG_LEVEL", TEXT(daemon_log_level), "", true, LEVELS},
    {"CLI_DAEMON_MODE",
     TEXT(cli_daemon_mode),
     "auto",
     true,
     "auto, require or off",
     {"auto", "require", "off"}},
    {"DEFAULT_PRESET",
     TEXT(default_preset),
     default_preset,
     false,
     "V4_TURBO_12, V4_DEFAULT_20 or V4_QUALITY_48",
     {"V4_TURBO_12", "V4_DEFAULT_20", "V4_QUALITY_48"}},
    {"DEFAULT_FORMAT",
     TEXT(default_format),
     "webp",
     true,
     "png, webp or jpeg",
     {"png", "webp", "jpeg"}},
};

static bool read_choice(i4_settings *s, const choice_row *row, i4_err *err) {
    const char *value = lookup(row->name);
    const char *found = value ? NULL : row->fallback;
    for (size_t i = 0; value && row->values[i]; i++) {
        const bool is_same = row->any_case ? strcasecmp(value, row->values[i]) == 0
                                           : strcmp(value, row->values[i]) == 0;
        found = is_same ? row->values[i] : found;
    }
    if (!found) {
        return fail_value(err, row->name, value, row->wanted);
    }
    return copy_text(row->name, found, member(s, row->offset), row->size, err);
}

static bool read_choices(i4_settings *s, i4_err *err) {
    for (size_t i = 0; i < COUNT(choices); i++) {
        if (!read_choice(s, &choices[i], err)) {
            return false;
        }
    }
    if (!s->daemon_log_level[0]) {
        snprintf(s->daemon_log_level, sizeof s->daemon_log_level, "%s", s->server_log_level);
    }
    return true;
}

/* Items between commas, trimmed, the empty ones left out. */
static bool read_list(const char *name, const char *value, char **list, size_t room, i4_err *err) {
    size_t count = 0;
    while (*value) {
        value = skip_blanks(value);
        const size_t size = strcspn(value, ",");
        size_t kept = size;
        while (kept > 0 && isspace((unsigned char)value[kept - 1])) {
            kept--;
        }
        if (kept > 0 && count == room) {
            return i4_fail(err, I4_E_INVALID_ARGUMENT, PREFIX "%s has more than %zu items", name,
                           room);
        }
        if (kept > 0) {
            char *item = i4_malloc(kept + 1);
            if (!item) {
                return i4_fail_memory(err, "the settings", kept + 1);
            }
            memcpy(item, value, kept);
            item[kept] = '\0';
            list[count++] = item;
        }
        value += size;
        value += *value == ',';
    }
    return true;
}

static bool read_lists(i4_settings *s, i4_err *err) {
    char usual[96];
    const char *origins = lookup("CORS_ORIGINS");
    const char *hosts = lookup("ALLOWED_HOSTS");
    snprintf(usual, sizeof usual, "http://127.0.0.1:%d,http://localhost:%d", s->webui_port,
             s->webui_port);
    return read_list("CORS_ORIGINS", origins ? origins : usual, s->cors_origins,
                     COUNT(s->cors_origins) - 1, err) &&
           read_list("ALLOWED_HOSTS", hosts ? hosts : "", s->allowed_hosts,
                     COUNT(s->allowed_hosts) - 1, err);
}

/* The address to reach the daemon at, not the one that it binds. */
static void usual_daemon_url(const i4_settings *s, char *out, size_t size) {
    const char *host = s->daemon_host;
    if (strcmp(host, "0.0.0.0") == 0) {
        host = "127.0.0.1";
    } else if (strcmp(host, "::") == 0) {
        host = "::1";
    }
    const bool is_v6 = strchr(host, ':') && host[0] != '[';
    snprintf(out, size, is_v6 ? "http://[%s]:%d" : "http://%s:%d", host, s->daemon_port);
}

static bool read_daemon_url(i4_settings *s, i4_err *err) {
    static const char name[] = "MODEL_DAEMON_URL";
    const char *value = lookup(name);
    if (!value) {
        usual_daemon_url(s, s->daemon_url, sizeof s->daemon_url);
        return true;
    }
    if (strncasecmp(value, "http://", 7) != 0 && strncasecmp(value, "https://", 8) != 0) {
        return fail_value(err, name, value, "an address that begins with http:// or https://");
    }
    if (!copy_text(name, value, s->daemon_url, sizeof s->daemon_url, err)) {
        return false;
    }
    size_t size = strlen(s->daemon_url);
    while (size > 0 && s->daemon_url[size - 1] == '/') {
        s->daemon_url[--size] = '\0';
    }
    return true;
}

static bool is_blank(const char *name) {
    const char *value = lookup(name);
    return !value || !*skip_blanks(value);
}

/* docs/http-api.md 8.1: even LOCAL_LLAMA=0 counts. */
static bool is_magic_enabled(void) {
    static const char *const names[] = {
        "MAGIC_PROMPT_API_KEY",           "MAGIC_PROMPT_PROVIDER",    "MAGIC_PROMPT_MODEL",
        "MAGIC_PROMPT_BASE_URL",          "MAGIC_PROMPT_LOCAL_LLAMA", "MAGIC_PROMPT_MANAGED_LLAMA",
        "MAGIC_PROMPT_LOCAL_LLAMA_MODEL",
    };
    for (size_t i = 0; i < COUNT(names); i++) {
        if (!is_blank(names[i])) {
            return true;
        }
    }
    return false;
}

/* docs/http-api.md 8.1: " OpenAI " is openai. */
static void settle_provider(char *name) {
    const char *start = skip_blanks(name);
    size_t size = strlen(start);
    while (size > 0 && isspace((unsigned char)start[size - 1])) {
        size--;
    }
    for (size_t i = 0; i < size; i++) {
        name[i] = (char)tolower((unsigned char)start[i]);
    }
    name[size] = '\0';
}

static bool check_sizes(const i4_settings *s, i4_err *err) {
    if (s->min_size <= s->max_size) {
        return true;
    }
    return i4_fail(err, I4_E_INVALID_ARGUMENT,
                   PREFIX "MIN_IMAGE_SIZE is %d, above " PREFIX "MAX_IMAGE_SIZE, which is %d",
                   s->min_size, s->max_size);
}

/* Folders that come along with the program: where they were installed if not in the project. */
static void settle_folder(const char *name, const char *shared, char *path, size_t size) {
    if (is_folder(path) || lookup(name)) {
        return;
    }
    find_shared(shared, path, size);
}

static bool read_root(i4_settings *s, i4_err *err) {
    char start[I4_LIMIT_PATH_BYTES];
    const char *value = lookup("ROOT");
    if (!value) {
        find_root(s->root, sizeof s->root);
        return true;
    }
    real_path(".", s->root, sizeof s->root); /* what a relative root is relative to */
    if (!i4_settings_path(s, value, start, sizeof start)) {
        return i4_fail(err, I4_E_INVALID_ARGUMENT, PREFIX "ROOT is too long");
    }
    if (!is_folder(start)) {
        return fail_value(err, "ROOT", value, "a folder that exists");
    }
    real_path(start, s->root, sizeof s->root);
    return true;
}

bool i4_settings_read(i4_settings *s, i4_err *err) {
    memset(s, 0, sizeof *s);
    const bool fine = read_root(s, err) && read_texts(s, err) && read_wholes(s, err) &&
                      read_reals(s, err) && read_paths(s, err) && read_choices(s, err) &&
                      read_daemon_url(s, err) && read_lists(s, err) && check_sizes(s, err);
    if (!fine) {
        i4_settings_free(s);
        return false;
    }
    read_switches(s);
    settle_provider(s->magic.provider);
    s->magic.enabled = is_magic_enabled();
    s->has_model = !is_blank("MODEL_REPO") || !is_blank("MODEL_PATH");
    s->wants_demo = !is_blank("DEMO_MODEL");
    settle_folder("DEMO_MODEL", "models/demo", s->demo_model, sizeof s->demo_model);
    settle_folder("WEB_DIR", "web", s->web_dir, sizeof s->web_dir);
    settle_folder("MAGIC_PROMPT_DIR", "prompts", s->magic.prompts_dir, sizeof s->magic.prompts_dir);
    return true;
}

static void free_list(char **list) {
    for (size_t i = 0; list[i]; i++) {
        i4_free(list[i]);
        list[i] = NULL;
    }
}

void i4_settings_free(i4_settings *s) {
    free_list(s->cors_origins);
    free_list(s->allowed_hosts);
}
