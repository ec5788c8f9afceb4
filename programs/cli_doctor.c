/* cli_doctor.c: whether everything is in place, and what to do if not (docs/http-api.md 12.2). Each
 * check says one line, or a few; nothing is changed. */
#include "cli_commands.h"

#include "cli_files.h"
#include "cli_say.h"
#include "cli_settings.h"
#include "cli_text.h"

#include "base/memory.h"
#include "base/os.h"
#include "http/client.h"
#include "hub/hub.h"
#include "ideogram4.h"

#include <errno.h>
#include <jansson.h>
#include <netdb.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

typedef enum verdict { GOOD, WARN, BAD } verdict;
static const char *const verdict_names[] = {"OK", "WARN", "FAIL"};

typedef struct report {
    const i4_settings *s;
    int counts[3];  /* by verdict */
    json_t *checks; /* for --json; NULL: lines are printed as they come */
} report;

static void note(report *r, verdict v, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static void note(report *r, verdict v, const char *format, ...) {
    char line[1500];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(line, sizeof line, format, args);
    va_end(args);
    r->counts[v]++;
    if (r->checks) {
        json_t *text = json_string(line);
        (void)json_array_append_new(r->checks, json_pack("{s:s, s:o}", "state", verdict_names[v],
                                                         "text", text ? text : json_null()));
    } else {
        printf("[%s] %s\n", verdict_names[v], line);
    }
}

/* --- programs ---------------------------------------------------------------------------- */

/* First line that `program --version` prints; 0 if it does not run. */
static int ask_version(const char *program, char *out, size_t size) {
    char *argv[] = {(char *)(uintptr_t)program, (char *)(uintptr_t) "--version", NULL};
    int ends[2], status = -1;
    pid_t child;
    posix_spawn_file_actions_t actions;
    if (pipe(ends) != 0) {
        return 0;
    }
    (void)posix_spawn_file_actions_init(&actions);
    (void)posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    (void)posix_spawn_file_actions_addclose(&actions, ends[0]);
    const int is_running = posix_spawn(&child, program, &actions, NULL, argv, environ) == 0;
    (void)posix_spawn_file_actions_destroy(&actions);
    (void)close(ends[1]);
    FILE *answer = fdopen(ends[0], "r");
    out[0] = '\0';
    const int has_line = is_running && answer && fgets(out, (int)size, answer);
    if (answer) {
        (void)fclose(answer);
    }
    while (is_running && waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    cli_trim(out);
    return has_line && status == 0;
}

static void check_program(report *r, const char *folder, const char *name) {
    char version[200];
    char *path = path_join(folder, name);
    char *wanted = cli_format("%s " ID4_VERSION_STRING, name);
    if (!is_file(path)) {
        note(r, BAD, "%s is not beside this program in %s: build it with ./run.sh or make", name,
             folder);
    } else if (!ask_version(path, version, sizeof version)) {
        note(r, BAD, "%s does not start: a library may be missing; run it to see which", path);
    } else if (strcmp(version, wanted) != 0) {
        note(r, WARN, "%s says \"%s\", this is version %s: build all programs anew", path, version,
             ID4_VERSION_STRING);
    } else {
        note(r, GOOD, "%s and its libraries", wanted);
    }
    free(wanted);
    free(path);
}

static void check_programs(report *r) {
    char folder[4096];
    note(r, GOOD, "ideogram4 %s (library %s, jansson %s)", ID4_VERSION_STRING, id4_version_string(),
         JANSSON_VERSION);
    if (!i4_program_dir(folder, sizeof folder) || !*folder) {
        note(r, WARN, "this program's own folder is not known: the services are not checked");
        return;
    }
    check_program(r, folder, "ideogram4d");
    check_program(r, folder, "ideogram4-gateway");
}

/* --- model ------------------------------------------------------------------------------- */

/* What the daemon would load. "" after a note when there is nothing yet. Owned. */
static char *find_model(report *r) {
    const i4_settings *s = r->s;
    char folder[4096];
    if (s->has_model && !*s->model_path) {
        if (i4_hub_find(s->model_repo, s->model_revision, folder, sizeof folder, NULL)) {
            return cli_copy(folder);
        }
        note(r, WARN,
             "model %s is not here yet: the daemon fetches it at the first load, or do it now "
             "with `ideogram4 download`",
             s->model_repo);
        return cli_copy("");
    }
    const char *known = *s->model_path ? s->model_path : s->demo_model;
    if (!s->has_model && !s->wants_demo &&
        i4_hub_find(s->model_repo, s->model_revision, folder, sizeof folder, NULL)) {
        known = folder;
    }
    if (!*known) {
        note(r, BAD, "there is no model: name a folder in IDEOGRAM4_MODEL_PATH");
    }
    return cli_copy(known);
}

static void check_memory(report *r, const id4_model *model, int side) {
    id4_request request;
    id4_estimate e;
    id4_error err = {0};
    id4_request_init(&request);
    id4_estimate_init(&e);
    request.width = request.height = side;
    if (id4_model_estimate(model, &request, 0, &e, &err) != ID4_OK) {
        note(r, BAD, "memory: %s", err.text);
        return;
    }
    const uint64_t total = i4_memory_total(), free_now = i4_memory_available();
    char *need = cli_human_bytes(e.resident_bytes), *has = cli_human_bytes(total);
    char *left = cli_human_bytes(free_now);
    if (total && e.resident_bytes > total) {
        note(r, BAD,
             "memory: a %dx%d picture takes %s, this machine has %s: use a model with "
             "fewer bits, or smaller pictures",
             side, side, need, has);
    } else if (free_now && e.resident_bytes > free_now) {
        note(r, WARN,
             "memory: a %dx%d picture takes %s, %s of %s are free: end other programs "
             "first",
             side, side, need, left, has);
    } else {
        note(r, GOOD, "memory: a %dx%d picture takes %s, %s of %s are free%s", side, side, need,
             left, has, e.staged ? "; weights are resident only while they are needed" : "");
    }
    free(left);
    free(has);
    free(need);
}

static void check_open_model(report *r, const id4_model *model) {
    id4_model_info info;
    id4_model_info_init(&info);
    (void)id4_model_get_info(model, &info);
    char *bytes = cli_human_bytes(info.weight_bytes);
    const int is_demo = !r->s->has_model && strcmp(info.folder, r->s->demo_model) == 0;
    note(r, GOOD, "model %s: %s, %s, %s, every tensor in place%s", info.folder, info.layout,
         info.format, bytes,
         is_demo ? " (the small demo model; for the real one: `ideogram4 download`)" : "");
    note(r, GOOD, "computes on %s", info.backend);
    free(bytes);
    check_memory(r, model, info.default_side);
}

static void check_model(report *r) {
    id4_model *model = NULL;
    id4_model_options options;
    id4_error err = {0};
    char *folder = find_model(r);
    id4_model_options_init(&options);
    options.backend = *r->s->backend ? r->s->backend : "auto";
    options.isa = *r->s->isa ? r->s->isa : "auto";
    if (*folder && id4_model_open(folder, &options, NULL, &model, &err) == ID4_OK) {
        check_open_model(r, model);
    } else if (*folder) {
        note(r, BAD, "model: %s", err.text);
    }
    (void)id4_model_close(model);
    free(folder);
    note(r, GOOD,
         r->s->autoload ? "the daemon loads the model at its start"
                        : "the daemon loads the model when it is asked to");
}

/* --- folders ----------------------------------------------------------------------------- */

static void check_loras(report *r) {
    const char *folder = r->s->lora_dir;
    char **names = NULL;
    size_t count = 0, found = 0;
    i4_err err = {0};
    if (!is_folder(folder)) {
        note(r, WARN, "LoRA folder %s does not exist: make it when you have adapters", folder);
        return;
    }
    if (!i4_dir_list(folder, 100000, &names, &count, &err)) {
        note(r, WARN, "LoRA folder: %s", err.text);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        static const char suffix[] = ".safetensors";
        const size_t size = strlen(names[i]);
        found += size >= sizeof suffix && strcmp(names[i] + size + 1 - sizeof suffix, suffix) == 0;
    }
    i4_dir_list_free(names, count);
    note(r, GOOD, "LoRA folder %s: %zu file%s", folder, found, found == 1 ? "" : "s");
}

/* The folder may still have to be made: then the nearest one above counts. */
static void check_writable(report *r, const char *what, const char *path, const char *wanted) {
    char *folder = cli_copy(wanted);
    while (access(folder, F_OK) != 0 && errno == ENOENT && strchr(folder + 1, '/')) {
        char *above = path_folder(folder);
        free(folder);
        folder = above;
    }
    if (can_write_in(folder)) {
        note(r, GOOD, "%s: %s", what, path);
    } else {
        note(r, BAD, "%s %s: cannot write in %s: %s", what, path, folder, strerror(errno));
    }
    free(folder);
}

static void check_folders(report *r) {
    check_loras(r);
    char *data = path_folder(r->s->db_path);
    check_writable(r, "pictures", r->s->output_dir, r->s->output_dir);
    check_writable(r, "database", r->s->db_path, data);
    check_writable(r, "spool", r->s->spool_dir, r->s->spool_dir);
    check_writable(r, "logs", r->s->log_dir, r->s->log_dir);
    free(data);
}

/* --- other programs ---------------------------------------------------------------------- */

/* In PATH; NULL if it is not. Owned. */
static char *find_in_path(const char *program) {
    const char *path = env_text("PATH");
    while (path && *path) {
        const size_t length = strcspn(path, ":");
        char *candidate = cli_format("%.*s/%s", (int)length, path, program);
        if (is_file(candidate) && access(candidate, X_OK) == 0) {
            return candidate;
        }
        free(candidate);
        path += length + (path[length] == ':');
    }
    return NULL;
}

/* Whether a GET is answered with 2xx. */
static int answers(const char *url, double seconds) {
    i4_err err = {0};
    i4_answer answer = {0};
    const i4_call call = {
        .url = url, .connect_seconds = seconds, .read_seconds = seconds, .total_seconds = seconds};
    i4_http_client *client = i4_http_client_new(&err);
    const int is_fine = client && i4_http_call(client, &call, &answer, &err) &&
                        answer.status >= 200 && answer.status <= 299;
    i4_answer_free(&answer);
    i4_http_client_free(client);
    return is_fine;
}

static void check_llama_file(report *r, const char *variable, const char *path, int is_needed) {
    if (!*path && is_needed) {
        note(r, BAD, "Magic Prompt: %s is not set: name a GGUF file", variable);
    } else if (*path && !is_file(path)) {
        note(r, BAD, "Magic Prompt: there is no file %s (%s)", path, variable);
    } else if (*path) {
        note(r, GOOD, "Magic Prompt: %s", path);
    }
}

static void check_llama(report *r) {
    char *server = find_in_path("llama-server");
    if (server) {
        note(r, GOOD, "Magic Prompt: %s", server);
    } else {
        note(r, BAD, "Magic Prompt: llama-server is not in PATH: install llama.cpp");
    }
    free(server);
    check_llama_file(r, "IDEOGRAM4_MAGIC_PROMPT_LOCAL_LLAMA_MODEL", r->s->magic.llama_model, 1);
    check_llama_file(r, "IDEOGRAM4_MAGIC_PROMPT_LOCAL_LLAMA_MMPROJ", r->s->magic.llama_mmproj, 0);
}

static int is_here(const char *url) {
    const char *host = strstr(url, "://");
    host = host ? host + 3 : url;
    return cli_starts_with(host, "127.") || cli_starts_with(host, "localhost") ||
           cli_starts_with(host, "[::1]");
}

/* A server on this machine is asked whether it is well; one elsewhere is left alone. */
static void check_language_model(report *r, int is_managed) {
    char *base = cli_copy(r->s->magic.base_url);
    size_t size = strlen(base);
    while (size > 0 && base[size - 1] == '/') {
        base[--size] = '\0';
    }
    const size_t stem = size >= 3 && strcmp(base + size - 3, "/v1") == 0 ? size - 3 : size;
    char *health = cli_format("%.*s/health", (int)stem, base);
    char *models = cli_format("%s/models", base);
    if (!is_here(base)) {
        note(r, GOOD, "Magic Prompt: %s, not asked", base);
    } else if (answers(health, 2) || answers(models, 2)) {
        note(r, GOOD, "Magic Prompt: %s answers", base);
    } else {
        note(r, WARN, "Magic Prompt: nobody answers at %s: %s", base,
             is_managed ? "./run.sh starts it" : "start your language model");
    }
    free(models);
    free(health);
    free(base);
}

static void check_magic(report *r) {
    const char *provider = r->s->magic.provider;
    const int is_managed = r->s->magic.local_llama || r->s->magic.managed_llama;
    const int is_keyless = !*provider || strncasecmp(provider, "llama", 5) == 0 ||
                           strcasecmp(provider, "openai_compatible") == 0;
    if (!r->s->magic.enabled) {
        note(r, GOOD, "Magic Prompt: not configured (optional)");
        return;
    }
    if (is_managed) {
        check_llama(r);
    }
    if (!is_keyless && !*r->s->magic.api_key) {
        note(r, BAD, "Magic Prompt: the provider %s needs IDEOGRAM4_MAGIC_PROMPT_API_KEY",
             provider);
    }
    check_language_model(r, is_managed);
}

static int has_upscaler_model(const char *folder, const char *name) {
    char *bin = cli_format("%s/%s.bin", folder, name);
    char *param = cli_format("%s/%s.param", folder, name);
    const int has_both = is_file(bin) && is_file(param);
    free(param);
    free(bin);
    return has_both;
}

static void check_upscaler(report *r) {
    static const char program[] = "realesrgan-ncnn-vulkan", standard[] = "realesrgan-x4plus";
    char *path = *r->s->upscale.bin ? cli_copy(r->s->upscale.bin) : find_in_path(program);
    if (!path || !is_file(path)) {
        note(r, WARN, "upscaler: no %s in PATH or IDEOGRAM4_UPSCALER_BIN (optional)", program);
        free(path);
        return;
    }
    char *beside = path_folder(path);
    char *models =
        *r->s->upscale.model_dir ? cli_copy(r->s->upscale.model_dir) : path_join(beside, "models");
    if (has_upscaler_model(models, standard)) {
        note(r, GOOD, "upscaler: %s", path);
    } else {
        note(r, WARN, "upscaler: %s.bin and .param are not in %s: see IDEOGRAM4_UPSCALER_MODEL_DIR",
             standard, models);
    }
    free(models);
    free(beside);
    free(path);
}

static void check_page(report *r) {
    char *sources = path_join(r->s->root, "web/package.json");
    if (*r->s->web_dir && is_folder(r->s->web_dir)) {
        note(r, GOOD, "web page: %s", r->s->web_dir);
    } else if (!is_file(sources)) {
        note(r, GOOD, "web page: this version has none; the API works without");
    } else {
        char *npm = find_in_path("npm");
        note(r, WARN, "web page: not built: %s",
             npm ? "`./run.sh client` does it" : "install Node.js, then `./run.sh client`");
        free(npm);
    }
    free(sources);
}

/* --- ports ------------------------------------------------------------------------------- */

/* 0.0.0.0 and :: mean all addresses: this machine is one of them. */
static const char *reachable(const char *host) {
    return strcmp(host, "0.0.0.0") == 0 ? "127.0.0.1" : strcmp(host, "::") == 0 ? "::1" : host;
}

static int is_listening(const char *host, int port) {
    char service[16];
    struct addrinfo hints = {0}, *list = NULL;
    int is_connected = 0;
    hints.ai_socktype = SOCK_STREAM;
    (void)snprintf(service, sizeof service, "%d", port);
    if (getaddrinfo(reachable(host), service, &hints, &list) != 0) {
        return 0;
    }
    for (const struct addrinfo *a = list; a && !is_connected; a = a->ai_next) {
        const int end = socket(a->ai_family, a->ai_socktype, a->ai_protocol);
        is_connected = end >= 0 && connect(end, a->ai_addr, a->ai_addrlen) == 0;
        if (end >= 0) {
            (void)close(end);
        }
    }
    freeaddrinfo(list);
    return is_connected;
}

static void check_port(report *r, const char *what, const char *host, int port, const char *probe) {
    const char *address = reachable(host);
    const int is_v6 = strchr(address, ':') != NULL;
    char *url =
        cli_format("http://%s%s%s:%d%s", is_v6 ? "[" : "", address, is_v6 ? "]" : "", port, probe);
    note(r, GOOD, "port %d (%s): %s", port, what,
         !is_listening(host, port) ? "free"
         : answers(url, 2)         ? "listening, and answers"
                                   : "listening, another program: ./run.sh would end it");
    free(url);
}

static void check_ports(report *r) {
    const i4_settings *s = r->s;
    if (s->magic.enabled) {
        check_port(r, "language model", "127.0.0.1", (int)s->magic.llama_port, "/health");
    }
    check_port(r, "gateway", s->server_host, s->server_port, "/api/model/status");
    check_port(r, "model daemon", s->daemon_host, s->daemon_port, "/health");
    check_port(r, "web page", s->webui_host, s->webui_port, "/api/model/status");
}

/* --- the whole --------------------------------------------------------------------------- */

static void check_all(report *r) {
    static void (*const checks[])(report *) = {
        check_programs, check_page,     check_model, check_folders,
        check_magic,    check_upscaler, check_ports,
    };
    i4_err err = {0};
    i4_settings *settings = i4_calloc(1, sizeof *settings); /* large */
    if (!settings || !i4_settings_read(settings, &err)) {
        note(r, BAD, "settings: %s", settings ? err.text : "out of memory");
        i4_free(settings);
        return;
    }
    r->s = settings;
    if (!r->checks) {
        printf("project: %s\n\n", settings->root);
    }
    for (size_t i = 0; i < sizeof checks / sizeof *checks; i++) {
        checks[i](r);
    }
    i4_settings_free(settings);
    i4_free(settings);
}

static const char *plural(int count) {
    return count == 1 ? "" : "s";
}

int run_doctor(const cli_args *args) {
    report r = {.checks = args->json ? json_array() : NULL};
    if (!r.checks) {
        puts("ideogram4 doctor");
    }
    check_all(&r);
    const int bad = r.counts[BAD], warned = r.counts[WARN];
    if (r.checks) {
        json_t *all =
            json_pack("{s:i, s:i, s:o}", "failures", bad, "warnings", warned, "checks", r.checks);
        (void)json_dumpf(all, stdout, JSON_INDENT(2));
        (void)putchar('\n');
        json_decref(all);
    } else {
        printf("\n%d failure%s, %d warning%s\n", bad, plural(bad), warned, plural(warned));
    }
    return bad ? CLI_FAILED : CLI_OK;
}
