/* The programs as processes, requests, and the comparison of answers: see stack.h. */
#include "stack.h"

#include "golden_folder.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sqlite3.h>
#include <strings.h>
#include <sys/wait.h>

extern char **environ;

enum { PATIENCE_SECONDS = 60, ENVIRONMENT_MAX = 400 };

void stack_pause(int milliseconds) {
    (void)poll(NULL, 0, milliseconds);
}

/* --- the guard ------------------------------------------------------------------------------ */

/* Ends every program that still runs when the test's end of the pipe closes, however it ends. */
static void guard_main(int from) {
    pid_t running[64] = {0}, line;
    while (read(from, &line, sizeof line) == (ssize_t)sizeof line) {
        for (size_t i = 0; i < sizeof running / sizeof *running; i++) {
            if (line > 0 ? running[i] == 0 : running[i] == -line) {
                running[i] = line > 0 ? line : 0;
                break;
            }
        }
    }
    for (size_t i = 0; i < sizeof running / sizeof *running; i++) {
        if (running[i] > 0) {
            kill(running[i], SIGKILL);
        }
    }
    _exit(0);
}

static void open_guard(stack *s) {
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    s->guard_pid = fork();
    assert_true(s->guard_pid >= 0);
    if (s->guard_pid == 0) {
        close(ends[1]);
        guard_main(ends[0]);
    }
    close(ends[0]);
    (void)fcntl(ends[1], F_SETFD, FD_CLOEXEC);
    s->guard = ends[1];
}

static void close_guard(const stack *s) {
    close(s->guard);
    while (waitpid(s->guard_pid, NULL, 0) < 0 && errno == EINTR) {
    }
}

/* pid: begun; -pid: ended */
static void tell_guard(const stack *s, pid_t pid) {
    assert_int_equal(write(s->guard, &pid, sizeof pid), sizeof pid);
}

/* --- environment ---------------------------------------------------------------------------- */

static char *format_text(const char *format, ...) I4_PRINTF(1, 2);

static char *format_text(const char *format, ...) {
    char text[4096];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    char *copy = strdup(text);
    assert_non_null(copy);
    return copy;
}

static bool has_name(const char *line, const char *name) {
    const size_t size = strlen(name);
    return strncmp(line, name, size) == 0 && line[size] == '=';
}

void stack_set(stack *s, const char *name, const char *value) {
    char full[128];
    const size_t room = sizeof s->set / sizeof *s->set - 1;
    size_t at = 0;
    snprintf(full, sizeof full, "IDEOGRAM4_%s", name);
    while (at < room && s->set[at] && !has_name(s->set[at], full)) {
        at++;
    }
    assert_true(at < room);
    free(s->set[at]);
    s->set[at] = format_text("%s=%s", full, value ? value : "");
}

/* Ours after the test's own, without what a person has set. */
static void make_environment(const stack *s, char *out[ENVIRONMENT_MAX + 1]) {
    size_t count = 0;
    for (size_t i = 0; environ[i] && count < ENVIRONMENT_MAX - 70; i++) {
        const bool is_ours = strncmp(environ[i], "IDEOGRAM4_", 10) == 0 ||
                             strncmp(environ[i], "HF_", 3) == 0 || has_name(environ[i], "HOME");
        if (!is_ours) {
            out[count++] = environ[i];
        }
    }
    for (size_t i = 0; s->set[i]; i++) {
        out[count++] = s->set[i];
    }
    out[count] = NULL;
}

/* --- ports ---------------------------------------------------------------------------------- */

static int free_port(void) {
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in at = {.sin_family = AF_INET};
    socklen_t size = sizeof at;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &size), 0);
    close(fd);
    return ntohs(at.sin_port);
}

static void set_number(stack *s, const char *name, int number) {
    char text[16];
    snprintf(text, sizeof text, "%d", number);
    stack_set(s, name, text);
}

int stack_port(const stack *s, who where) {
    return where == GATEWAY ? s->gateway.port : where == DAEMON ? s->daemon.port : s->page_port;
}

/* --- life ----------------------------------------------------------------------------------- */

void stack_begin(stack *s, const char *test) {
    static const char *const folders[] = {"output", "spool", "loras", "logs"};
    folder relative;
    char here[256];
    int length;
    memset(s, 0, sizeof *s);
    folder_make(&relative, test);
    assert_non_null(getcwd(here, sizeof here));
    length = snprintf(s->folder.path, sizeof s->folder.path, "%s/%s", here, relative.path);
    assert_true(length > 0 && (size_t)length < sizeof s->folder.path);
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        folder_sub(&s->folder, folders[i]);
    }
    s->set[0] = format_text("HOME=%s", s->folder.path);
    stack_set(s, "ROOT", s->folder.path);
    stack_set(s, "DB_PATH", folder_at(&s->folder, "library.db"));
    stack_set(s, "OUTPUT_DIR", folder_at(&s->folder, "output"));
    stack_set(s, "SPOOL_DIR", folder_at(&s->folder, "spool"));
    stack_set(s, "LORA_DIR", folder_at(&s->folder, "loras"));
    stack_set(s, "DEMO_MODEL", ID4_SOURCE_DIR "/models/demo");
    stack_set(s, "MAGIC_PROMPT_DIR", ID4_SOURCE_DIR "/prompts");
    stack_set(s, "WEBUI_PORT", "0");
    open_guard(s);
    s->answers = json_array();
    s->client = i4_http_client_new(NULL);
    assert_non_null(s->client);
    s->daemon.port = free_port(); /* the gateway may start first */
    char url[64];
    snprintf(url, sizeof url, "http://127.0.0.1:%d", s->daemon.port);
    stack_set(s, "MODEL_DAEMON_URL", url);
    set_number(s, "MODEL_DAEMON_PORT", s->daemon.port);
    stack_set(s, "SERVER_PORT", "0");
}

void stack_end(stack *s) {
    const int gateway = stack_stop_gateway(s);
    const int daemon = stack_stop_daemon(s);
    close_guard(s);
    for (size_t i = 0; s->set[i]; i++) {
        free(s->set[i]);
    }
    json_decref(s->answers);
    i4_http_client_free(s->client);
    if (s->model[0]) {
        golden_root_remove(s->model);
    }
    folder_remove(&s->folder);
    memset(s, 0, sizeof *s);
    assert_int_equal(gateway, 0);
    assert_int_equal(daemon, 0);
}

void stack_use_page(stack *s) {
    s->page_port = free_port();
    set_number(s, "WEBUI_PORT", s->page_port);
}

static void copy_file(const char *from, const char *to) {
    char *data = NULL;
    size_t size = 0;
    assert_true(i4_file_read(from, 64 << 20, &data, &size, NULL));
    assert_true(i4_file_write(to, data, size, NULL));
    i4_free(data);
}

void stack_use_lora_model(stack *s) {
    static const char golden[] = ID4_SOURCE_DIR "/tests/golden/tiny-a";
    char lora[GOLDEN_PATH];
    assert_true(golden_root(golden, "mlx-q8", s->model));
    stack_set(s, "MODEL_PATH", s->model);
    snprintf(lora, sizeof lora, "%s/lora.safetensors", golden);
    copy_file(lora, folder_at(&s->folder, "loras/good.safetensors"));
    copy_file(lora, folder_at(&s->folder, "loras/other.safetensors"));
    stack_file(s, "loras/bad.safetensors", "this is no safetensors file");
}

/* --- processes ------------------------------------------------------------------------------ */

static const char *program_path(const char *variable) {
    const char *path = getenv(variable);
    if (!path || !*path) {
        fail_msg("%s is not set: it names the program to test", variable);
    }
    return path;
}

/* In the child: what the test has open is not for the program. */
static void become(const char *path, char *const *argv, char *const *env, const char *log) {
    const int out = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
    const int in = open("/dev/null", O_RDONLY);
    if (out >= 0 && in >= 0 && dup2(in, 0) == 0 && dup2(out, 1) == 1 && dup2(out, 2) == 2) {
        for (int fd = 3; fd < 256; fd++) {
            close(fd);
        }
        execve(path, argv, env);
    }
    _exit(127);
}

pid_t stack_spawn(stack *s, const char *variable, const char *const *arguments, const char *log) {
    const char *path = program_path(variable);
    char *env[ENVIRONMENT_MAX + 1], *argv[32] = {(char *)path};
    for (size_t i = 0; arguments && arguments[i] && i < 30; i++) {
        argv[i + 1] = (char *)arguments[i]; /* exec's argv is not const by history only */
    }
    make_environment(s, env);
    const char *file = folder_at(&s->folder, log);
    const pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        become(path, argv, env, file);
    }
    tell_guard(s, pid);
    return pid;
}

static int exit_code(int status) {
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int stack_wait(stack *s, pid_t pid) {
    int status = 0;
    while (waitpid(pid, &status, 0) < 0) {
        assert_int_equal(errno, EINTR);
    }
    tell_guard(s, -pid);
    return exit_code(status);
}

static char *read_log(const stack *s, const char *log, size_t from) {
    char *data = NULL;
    size_t size = 0;
    assert_true(i4_file_read(folder_at(&s->folder, log), 64 << 20, &data, &size, NULL));
    char *copy = strdup(data + (from < size ? from : size));
    i4_free(data);
    assert_non_null(copy);
    return copy;
}

static size_t log_size(const stack *s, const char *log) {
    if (i4_path_look(folder_at(&s->folder, log)) == I4_PATH_NONE) {
        return 0;
    }
    char *text = read_log(s, log, 0);
    const size_t size = strlen(text);
    free(text);
    return size;
}

int stack_run(stack *s, const char *variable, const char *const *arguments, char **said) {
    static const char log[] = "run.log";
    const size_t from = log_size(s, log);
    const int code = stack_wait(s, stack_spawn(s, variable, arguments, log));
    *said = read_log(s, log, from);
    return code;
}

/* The port that the program says it listens on; waits for that. */
static int await_port(stack *s, stack_program *p, const char *log, size_t from) {
    static const char mark[] = " on http://127.0.0.1:";
    for (int i = 0; i < PATIENCE_SECONDS * 200; i++) {
        int status;
        if (waitpid(p->pid, &status, WNOHANG) == p->pid) {
            tell_guard(s, -p->pid);
            p->pid = 0;
            fail_msg("ended with %d: %s", exit_code(status), read_log(s, log, from));
        }
        char *text = read_log(s, log, from);
        const char *found = strstr(text, mark);
        const bool is_there = found && strchr(found, '\n');
        const int port = is_there ? (int)strtol(found + strlen(mark), NULL, 10) : 0;
        free(text);
        if (is_there) {
            return port;
        }
        stack_pause(5);
    }
    fail_msg("%s: not ready after %d s", log, PATIENCE_SECONDS);
    return 0;
}

static void start_program(stack *s, stack_program *p, const char *variable, const char *log) {
    assert_int_equal(p->pid, 0);
    const size_t from = log_size(s, log);
    p->pid = stack_spawn(s, variable, NULL, log);
    while (i4_path_look(folder_at(&s->folder, log)) == I4_PATH_NONE) {
        stack_pause(1);
    }
    p->port = await_port(s, p, log, from);
}

void stack_start_daemon(stack *s) {
    start_program(s, &s->daemon, "IDEOGRAM4D", "daemon.log");
    say(s, DAEMON, "GET", "/health", NULL, 200, NULL);
}

void stack_start_gateway(stack *s) {
    start_program(s, &s->gateway, "IDEOGRAM4_GATEWAY", "gateway.log");
    set_number(s, "SERVER_PORT", s->gateway.port);
    say(s, GATEWAY, "GET", "/api/model/status", NULL, 200, NULL);
}

void stack_start(stack *s) {
    stack_start_daemon(s);
    stack_start_gateway(s);
}

static int end_program(stack *s, stack_program *p, int signal_number) {
    if (p->pid == 0) {
        return 0;
    }
    kill(p->pid, signal_number);
    const int code = stack_wait(s, p->pid);
    p->pid = 0;
    return code;
}

int stack_stop_daemon(stack *s) {
    return end_program(s, &s->daemon, SIGTERM);
}

int stack_stop_gateway(stack *s) {
    return end_program(s, &s->gateway, SIGTERM);
}

void stack_kill_daemon(stack *s) {
    assert_int_equal(end_program(s, &s->daemon, SIGKILL), 128 + SIGKILL);
}

void stack_kill_gateway(stack *s) {
    assert_int_equal(end_program(s, &s->gateway, SIGKILL), 128 + SIGKILL);
}

/* --- comparing ------------------------------------------------------------------------------ */

typedef struct place {
    char text[256]; /* ".a[3].b" */
    char *why;
    size_t size;
} place;

static bool differ(const place *at, const char *what, const json_t *got) {
    char *text = got ? json_dumps(got, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
    snprintf(at->why, at->size, "%s: %s, not %.1000s", at->text[0] ? at->text : "the answer", what,
             text ? text : "this");
    free(text);
    return false;
}

/* "99:99" with a digit for each 9 */
static bool has_form(const char *text, const char *form) {
    for (; *form && *text; form++, text++) {
        if (*form == '9' ? !isdigit((unsigned char)*text) : *form != *text) {
            return false;
        }
    }
    return *form == *text;
}

static bool contains(const char *text, const char *part, size_t size) {
    for (; strlen(text) >= size; text++) {
        if (strncasecmp(text, part, size) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_kind(const json_t *got, const char *kind) {
    const char *text = json_string_value(got);
    const size_t size = strlen(kind);
    if (size > 2 && kind[size - 2] == '?' && json_is_null(got)) {
        return true;
    }
    const size_t word = strcspn(kind, "?>");
    const bool is_text = text != NULL;
#define IS(name) (word == sizeof(name) - 1 && strncmp(kind, name, word) == 0)
    return IS("<any")     ? true
           : IS("<str")   ? is_text
           : IS("<int")   ? json_is_integer(got)
           : IS("<num")   ? json_is_number(got)
           : IS("<bool")  ? json_is_boolean(got)
           : IS("<list")  ? json_is_array(got)
           : IS("<obj")   ? json_is_object(got)
           : IS("<text")  ? is_text && text[0] != '\0'
           : IS("<when")  ? is_text && has_form(text, "9999-99-99 99:99:99")
           : IS("<clock") ? is_text && has_form(text, "99:99:99")
           : IS("<task")  ? is_text && strlen(text) == 32 && strspn(text, "0123456789abcdef") == 32
           : strncmp(kind, "<has:", 5) == 0 ? is_text && contains(text, kind + 5, size - 6)
                                            : false;
#undef IS
}

static bool fits(const json_t *got, json_t *want, place *at);

static bool fits_object(json_t *got, json_t *want, place *at) {
    const size_t length = strlen(at->text);
    void *next = json_object_iter(got);
    const char *key;
    json_t *value;
    json_object_foreach(want, key, value) {
        if (strcmp(key, "...") == 0) {
            return true;
        }
        json_t *member = json_object_get(got, key);
        snprintf(at->text + length, sizeof at->text - length, ".%s", key);
        if (!member) {
            return differ(at, "is missing", got);
        }
        const bool is_open = json_object_get(want, "...") != NULL;
        if (!is_open && (!next || strcmp(json_object_iter_key(next), key) != 0)) {
            return differ(at, "is not the next key", got);
        }
        next = next ? json_object_iter_next(got, next) : NULL;
        if (!fits(member, value, at)) {
            return false;
        }
        at->text[length] = '\0';
    }
    return !next || differ(at, "has more keys than expected", got);
}

static bool fits_array(const json_t *got, const json_t *want, place *at) {
    const size_t length = strlen(at->text);
    if (json_array_size(got) != json_array_size(want)) {
        return differ(at, "has another number of items", got);
    }
    for (size_t i = 0; i < json_array_size(want); i++) {
        snprintf(at->text + length, sizeof at->text - length, "[%zu]", i);
        if (!fits(json_array_get(got, i), json_array_get(want, i), at)) {
            return false;
        }
        at->text[length] = '\0';
    }
    return true;
}

static bool fits(const json_t *got, json_t *want, place *at) {
    const char *kind = json_string_value(want);
    if (kind && kind[0] == '<') {
        return is_kind(got, kind) || differ(at, kind, got);
    }
    if (json_is_object(want) && json_is_object(got)) {
        return fits_object((json_t *)got, want, at); /* jansson iterates over non-const only */
    }
    if (json_is_array(want) && json_is_array(got)) {
        return fits_array(got, want, at);
    }
    char *text = json_dumps(want, JSON_COMPACT | JSON_ENCODE_ANY);
    const bool is_same = json_equal(got, want) || differ(at, text, got);
    free(text);
    return is_same;
}

/* ' becomes " */
static char *quoted(const char *text) {
    char *copy = strdup(text);
    assert_non_null(copy);
    for (char *c = copy; *c; c++) {
        *c = *c == '\'' ? '"' : *c;
    }
    return copy;
}

bool answer_fits(const json_t *got, const char *expected, char *why, size_t size) {
    json_error_t error;
    char *text = quoted(expected);
    json_t *want = json_loads(text, JSON_DECODE_ANY, &error);
    free(text);
    if (!want) {
        fail_msg("the test's own expectation is no JSON (%s): %s", error.text, expected);
    }
    place at = {.why = why, .size = size};
    const bool is_fitting = fits(got, want, &at);
    json_decref(want);
    return is_fitting;
}

/* --- requests ------------------------------------------------------------------------------- */

static i4_answer exchange(stack *s, who where, const char *method, const char *path,
                          const char *body) {
    static const char *const headers[] = {"Content-Type: application/json", NULL};
    char url[3000];
    i4_err err = {0};
    i4_answer answer = {0};
    char *text = body ? quoted(body) : NULL;
    snprintf(url, sizeof url, "http://127.0.0.1:%d%s", stack_port(s, where), path);
    const i4_call call = {.method = method,
                          .url = url,
                          .headers = body ? headers : NULL,
                          .body = text,
                          .body_size = text ? strlen(text) : 0,
                          .connect_seconds = PATIENCE_SECONDS,
                          .read_seconds = PATIENCE_SECONDS};
    const bool is_answered = i4_http_call(s->client, &call, &answer, &err);
    free(text);
    if (!is_answered) {
        i4_answer_free(&answer);
        fail_msg("%s %s: %s", method, path, err.text);
    }
    return answer;
}

json_t *ask(stack *s, who where, const char *method, const char *path, const char *body,
            int *status) {
    i4_answer answer = exchange(s, where, method, path, body);
    *status = answer.status;
    json_t *json = i4_answer_json(&answer);
    i4_answer_free(&answer);
    if (json) {
        json_array_append_new(s->answers, json);
    }
    return json;
}

json_t *say(stack *s, who where, const char *method, const char *path, const char *body, int status,
            const char *answer) {
    int got = 0;
    char why[1400];
    json_t *json = ask(s, where, method, path, body, &got);
    if (got != status) {
        char *text = json ? json_dumps(json, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
        fail_msg("%s %s %.300s: %d instead of %d: %.800s", method, path, body ? body : "", got,
                 status, text ? text : "no JSON");
    }
    if (answer && !answer_fits(json, answer, why, sizeof why)) {
        fail_msg("%s %s %.300s: %s", method, path, body ? body : "", why);
    }
    return json;
}

json_t *sayf(stack *s, who where, const char *method, int status, const char *answer,
             const char *path, ...) {
    char text[2048];
    va_list args;
    va_start(args, path);
    vsnprintf(text, sizeof text, path, args);
    va_end(args);
    return say(s, where, method, text, NULL, status, answer);
}

i4_answer fetch(stack *s, who where, const char *path) {
    return exchange(s, where, "GET", path, NULL);
}

json_t *await(stack *s, who where, const char *path, const char *expected) {
    char why[1400] = "";
    for (int i = 0; i < PATIENCE_SECONDS * 500; i++) {
        i4_answer answer = exchange(s, where, "GET", path, NULL);
        json_t *json = answer.status == 200 ? i4_answer_json(&answer) : NULL;
        i4_answer_free(&answer);
        if (json && answer_fits(json, expected, why, sizeof why)) {
            json_array_append_new(s->answers, json);
            return json;
        }
        json_decref(json);
        stack_pause(2);
    }
    fail_msg("GET %s never became so: %s", path, why);
    return NULL;
}

const char *text_at(const json_t *object, const char *key) {
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

int64_t number_at(const json_t *object, const char *key) {
    const json_t *value = json_object_get(object, key);
    return json_is_integer(value) ? json_integer_value(value) : INT64_MIN;
}

/* --- database and files --------------------------------------------------------------------- */

static sqlite3 *open_database(stack *s) {
    sqlite3 *handle;
    assert_int_equal(sqlite3_open(folder_at(&s->folder, "library.db"), &handle), SQLITE_OK);
    sqlite3_busy_timeout(handle, 10000);
    return handle;
}

void stack_sql(stack *s, const char *text) {
    sqlite3 *handle = open_database(s);
    char *problem = NULL;
    if (sqlite3_exec(handle, text, NULL, NULL, &problem) != SQLITE_OK) {
        fail_msg("%s: %s", text, problem);
    }
    sqlite3_close(handle);
}

const char *stack_rows(stack *s, const char *text) {
    static char turns[4][4096];
    static int turn;
    char *out = turns[turn = (turn + 1) % 4];
    sqlite3 *handle = open_database(s);
    sqlite3_stmt *stmt;
    size_t used = 0;
    out[0] = '\0';
    if (sqlite3_prepare_v2(handle, text, -1, &stmt, NULL) != SQLITE_OK) {
        fail_msg("%s: %s", text, sqlite3_errmsg(handle));
    }
    for (int row = 0; sqlite3_step(stmt) == SQLITE_ROW; row++) {
        for (int i = 0; i < sqlite3_column_count(stmt); i++) {
            const char *value = (const char *)sqlite3_column_text(stmt, i);
            used += (size_t)snprintf(out + used, 4096 - used, "%s%s",
                                     i > 0     ? "|"
                                     : row > 0 ? ";"
                                               : "",
                                     value ? value : "-");
            assert_true(used < 4096);
        }
    }
    sqlite3_finalize(stmt);
    sqlite3_close(handle);
    return out;
}

void stack_use_database(stack *s, const char *part) {
    char *text, mark[64];
    size_t size;
    assert_true(i4_file_read(ID4_SOURCE_DIR "/tests/data/original_schema.sql", 1 << 20, &text,
                             &size, NULL));
    snprintf(mark, sizeof mark, "-- part: %s\n", part);
    char *start = strstr(text, mark);
    assert_non_null(start);
    char *end = strstr(start + strlen(mark), "-- part:");
    if (end) {
        *end = '\0';
    }
    stack_sql(s, start);
    i4_free(text);
}

void stack_file(stack *s, const char *name, const char *text) {
    folder_write(&s->folder, name, text);
}

bool stack_has_file(stack *s, const char *name) {
    return i4_path_look(folder_at(&s->folder, name)) == I4_PATH_FILE;
}

int stack_file_count(stack *s, const char *name, const char *suffix) {
    char **names = NULL;
    size_t count = 0;
    int fitting = 0;
    assert_true(i4_dir_list(folder_at(&s->folder, name), 100000, &names, &count, NULL));
    for (size_t i = 0; i < count; i++) {
        const size_t size = strlen(names[i]), end = strlen(suffix);
        fitting += size >= end && strcmp(names[i] + size - end, suffix) == 0;
    }
    i4_dir_list_free(names, count);
    return fitting;
}

/* --- drawing -------------------------------------------------------------------------------- */

void stack_load(stack *s) {
    say(s, DAEMON, "POST", "/model/load", NULL, 200, "{'ok':true,'msg':'<text>'}");
    await(s, DAEMON, "/model/status", "{'state':'loaded','operation':null,'...':0}");
}

static const char *keep_id(json_t *answer) {
    static char ids[4][40];
    static int turn;
    char *id = ids[turn = (turn + 1) % 4];
    snprintf(id, sizeof ids[0], "%s", text_at(answer, "task_id"));
    return id;
}

const char *stack_draw(stack *s, const char *hld) {
    char body[1024];
    snprintf(body, sizeof body,
             "{'caption':{'high_level_description':'%s','compositional_deconstruction':"
             "{'background':'white','elements':[]}},'width':256,'height':256,"
             "'preset':'V4_TURBO_12','seed':7,'format':'png'}",
             hld);
    return keep_id(say(s, GATEWAY, "POST", "/api/generate", body, 200, "{'task_id':'<task>'}"));
}

const char *stack_draw_long(stack *s) {
    return keep_id(say(s, DAEMON, "POST", "/generate",
                       "{'caption':'a long one','width':1024,'height':1024,"
                       "'preset':'V4_QUALITY_48'}",
                       200, "{'task_id':'<task>'}"));
}

void stack_cancel(stack *s, const char *task) {
    char path[80];
    sayf(s, DAEMON, "POST", 200, "{'ok':true,'msg':'<text>'}", "/cancel/%s", task);
    snprintf(path, sizeof path, "/status/%s", task);
    await(s, DAEMON, path, "{'state':'done','...':0}");
}
