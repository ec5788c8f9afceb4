/* How long the services take from their start to their first answer, and the memory they then hold.
 *
 *     bench_start PROGRAM_DAEMON PROGRAM_GATEWAY MODEL_FOLDER [runs]
 *
 * Prints CSV: what, runs, median and longest milliseconds, resident MiB (of the last run). "daemon"
 * and "gateway" answer a request; "daemon loaded" has its model besides, "gateway new" made its
 * library first, "gateway used" answered a thousand requests since. Each run is a new process; its
 * files are in the page cache. Services listen on 127.0.0.1 only. */
#include "../tests/probe.h"

#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

enum { RUNS = 20, RUNS_MAX = 1000, REQUESTS = 1000 };
static const double patience = 20; /* seconds for one start */

typedef struct service {
    const char *program, *path, *mark; /* ready: the answer to GET path has the mark in it */
    const char *port_name;
    int port;
} service;

typedef struct bench {
    const char *what;
    service service;
    bool loads, is_fresh; /* is_fresh: every run makes its library */
    int requests;
} bench;

static const char daemon_port[] = "IDEOGRAM4_MODEL_DAEMON_PORT";
static const char gateway_port[] = "IDEOGRAM4_SERVER_PORT";

/* --- environment ---------------------------------------------------------------------------- */

static bool set_path(const char *name, const char *folder, const char *leaf) {
    char text[1024];
    const int size = snprintf(text, sizeof text, "%s/%s", folder, leaf);
    return size > 0 && (size_t)size < sizeof text && setenv(name, text, 1) == 0;
}

static int free_port(void) {
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in at = {.sin_family = AF_INET};
    socklen_t size = sizeof at;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const bool ok = fd >= 0 && bind(fd, (const struct sockaddr *)&at, sizeof at) == 0 &&
                    getsockname(fd, (struct sockaddr *)&at, &size) == 0;
    if (fd >= 0) {
        close(fd);
    }
    return ok ? ntohs(at.sin_port) : -1;
}

static bool set_number(const char *name, int number) {
    char text[16];
    snprintf(text, sizeof text, "%d", number);
    return setenv(name, text, 1) == 0;
}

static bool set_environment(const char *folder, const char *model) {
    return set_path("IDEOGRAM4_DB_PATH", folder, "library.db") &&
           set_path("IDEOGRAM4_OUTPUT_DIR", folder, "output") &&
           set_path("IDEOGRAM4_SPOOL_DIR", folder, "spool") &&
           set_path("IDEOGRAM4_LOG_DIR", folder, "logs") &&
           set_path("IDEOGRAM4_LORA_DIR", folder, "loras") &&
           setenv("IDEOGRAM4_ROOT", folder, 1) == 0 &&
           setenv("IDEOGRAM4_MODEL_PATH", model, 1) == 0 &&
           setenv("IDEOGRAM4_SERVER_HOST", "127.0.0.1", 1) == 0 &&
           setenv("IDEOGRAM4_MODEL_DAEMON_HOST", "127.0.0.1", 1) == 0 &&
           setenv("IDEOGRAM4_WEBUI_PORT", "0", 1) == 0 &&
           setenv("IDEOGRAM4_MODEL_DAEMON_URL", "http://127.0.0.1:1", 1) == 0; /* nobody there */
}

/* --- folders -------------------------------------------------------------------------------- */

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *at) {
    (void)info;
    (void)kind;
    (void)at;
    return remove(path);
}

static void remove_folder(const char *folder) {
    (void)nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* --- one run -------------------------------------------------------------------------------- */

static pid_t launch(const service *s) {
    const pid_t pid = fork();
    if (pid == 0) {
        const int nowhere = open("/dev/null", O_RDWR);
        char *const argv[] = {(char *)s->program, NULL}; /* not const by history only */
        if (nowhere >= 0 && dup2(nowhere, 1) == 1 && dup2(nowhere, 2) == 2) {
            execv(s->program, argv);
        }
        _exit(127);
    }
    return pid;
}

static bool end(pid_t pid) {
    int status = 0;
    kill(pid, SIGTERM);
    return waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* Seconds from the start to the first answer that has the mark; < 0: none in time. */
static double await_answer(probe_link *link, const service *s, double begun) {
    while (probe_now() - begun < patience) {
        const struct timespec moment = {.tv_nsec = 500000};
        if (probe_get(link, s->path) == 200 && strstr(link->body, s->mark)) {
            return probe_now() - begun;
        }
        nanosleep(&moment, NULL);
    }
    return -1;
}

/* False when the service did not start, answer and stop as it should. */
static bool run_once(service *s, int requests, double *seconds, double *mib) {
    s->port = s->port > 0 ? s->port : free_port();
    probe_link link = {.port = s->port};
    if (!set_number(s->port_name, s->port)) {
        return false;
    }
    const double begun = probe_now();
    const pid_t pid = launch(s);
    if (pid < 0) {
        return false;
    }
    *seconds = await_answer(&link, s, begun);
    for (int i = 0; i < requests; i++) {
        (void)probe_get(&link, s->path);
    }
    *mib = (double)probe_status(pid, "VmRSS:") / 1024;
    probe_free(&link);
    return end(pid) && *seconds >= 0;
}

/* --- many ----------------------------------------------------------------------------------- */

static int by_size(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static bool fail(const service *s) {
    fprintf(stderr, "bench_start: %s does not start, answer and stop\n", s->program);
    return false;
}

static bool measure(const bench *b, const char *model, int runs) {
    static double seconds[RUNS_MAX];
    double mib = 0;
    char folder[] = "bench_start.XXXXXX";
    service s = b->service;
    bool ok = setenv("IDEOGRAM4_MODEL_DAEMON_AUTOLOAD", b->loads ? "1" : "0", 1) == 0 &&
              mkdtemp(folder) && set_environment(folder, model) &&
              (b->is_fresh || run_once(&s, 0, &seconds[0], &mib)); /* makes the library */
    for (int i = 0; ok && i < runs; i++) {
        if (b->is_fresh) {
            remove_folder(folder);
            ok = mkdir(folder, 0700) == 0;
        }
        ok = ok && run_once(&s, b->requests, &seconds[i], &mib);
    }
    remove_folder(folder);
    if (!ok) {
        return fail(&s);
    }
    qsort(seconds, (size_t)runs, sizeof *seconds, by_size);
    printf("%s,%d,%.1f,%.1f,%.1f\n", b->what, runs, 1000 * seconds[runs / 2],
           1000 * seconds[runs - 1], mib);
    return fflush(stdout) == 0;
}

int main(int argc, char **argv) {
    const long runs = argc > 4 ? strtol(argv[4], NULL, 10) : RUNS;
    char *model = argc > 3 ? realpath(argv[3], NULL) : NULL;
    if (!model || runs < 1 || runs > RUNS_MAX) {
        fprintf(stderr, "usage: bench_start PROGRAM_DAEMON PROGRAM_GATEWAY MODEL_FOLDER [runs]\n");
        free(model);
        return 2;
    }
    const service daemon = {argv[1], "/health", "model-daemon", daemon_port, 0};
    const service loaded = {argv[1], "/model/status", "\"state\":\"loaded\"", daemon_port, 0};
    const service gateway = {argv[2], "/api/model/status", "idle", gateway_port, 0};
    const bench benches[] = {
        {.what = "daemon", .service = daemon},
        {.what = "daemon loaded", .service = loaded, .loads = true},
        {.what = "gateway", .service = gateway},
        {.what = "gateway new", .service = gateway, .is_fresh = true},
        {.what = "gateway used", .service = gateway, .requests = REQUESTS},
    };
    bool ok = true;
    printf("what,runs,median_ms,longest_ms,resident_mib\n");
    for (size_t i = 0; ok && i < sizeof benches / sizeof *benches; i++) {
        ok = measure(&benches[i], model, (int)runs);
    }
    free(model);
    return ok ? 0 : 1;
}
