/* service_log.c: see service_log.h. */
#include "service_log.h"

#include "base/os.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

enum { LARGEST_FILE = 16 << 20 };

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static FILE *file;      /* mutex; NULL: none */
static long file_size;  /* mutex */
static char path[4200]; /* mutex; of the file */
static char prefix[32]; /* set once */
static i4_log_level console_level;

static i4_log_level level_of(const char *name) {
    static const struct {
        const char *name;
        i4_log_level level;
    } levels[] = {
        {"critical", I4_LOG_ERROR}, {"error", I4_LOG_ERROR}, {"warning", I4_LOG_WARN},
        {"warn", I4_LOG_WARN},      {"debug", I4_LOG_DEBUG}, {"trace", I4_LOG_TRACE},
    };
    for (size_t i = 0; i < sizeof levels / sizeof *levels; i++) {
        if (strcasecmp(name, levels[i].name) == 0) {
            return levels[i].level;
        }
    }
    return I4_LOG_INFO;
}

/* The mutex is held. What was in the file goes to <file>.1, whose older content is lost. */
static void put_aside(void) {
    char old[sizeof path + 2];
    snprintf(old, sizeof old, "%s.1", path);
    fclose(file);
    (void)rename(path, old);
    file = fopen(path, "w");
    file_size = 0;
}

static void write_file(i4_log_level level, const char *line) {
    static const char *const names[] = {"ERROR", "WARNING", "INFO", "DEBUG", "TRACE"};
    struct timespec now;
    struct tm parts;
    char when[32] = "";
    clock_gettime(CLOCK_REALTIME, &now);
    if (localtime_r(&now.tv_sec, &parts) != NULL) {
        strftime(when, sizeof when, "%Y-%m-%d %H:%M:%S", &parts);
    }
    pthread_mutex_lock(&mutex);
    if (file != NULL && file_size > LARGEST_FILE) {
        put_aside();
    }
    if (file != NULL) {
        const int size =
            fprintf(file, "%s.%03ld %s %s\n", when, now.tv_nsec / 1000000, names[level], line);
        file_size += size > 0 ? size : 0;
        (void)fflush(file);
    }
    pthread_mutex_unlock(&mutex);
}

static void sink(i4_log_level level, const char *line, void *user) {
    (void)user;
    if (level <= console_level) {
        fprintf(stderr, "[%s] %s%s\n", prefix,
                level == I4_LOG_ERROR  ? "error: "
                : level == I4_LOG_WARN ? "warning: "
                                       : "",
                line);
    }
    if (level <= I4_LOG_DEBUG) {
        write_file(level, line);
    }
}

void service_log_open(const char *name, const char *folder, const char *console) {
    const time_t now = time(NULL);
    struct tm parts;
    char when[32] = "start";
    i4_err err = {0};
    snprintf(prefix, sizeof prefix, "%s", name);
    console_level = level_of(console);
    if (localtime_r(&now, &parts) != NULL) {
        strftime(when, sizeof when, "%Y%m%d-%H%M%S", &parts);
    }
    const int size = snprintf(path, sizeof path, "%s/%s-%s.log", folder, name, when);
    if (size > 0 && (size_t)size < sizeof path && i4_dir_make(folder, &err)) {
        file = fopen(path, "a");
    }
    i4_log_set(console_level > I4_LOG_DEBUG ? console_level : I4_LOG_DEBUG, sink, NULL);
    if (file == NULL) {
        i4_log(I4_LOG_WARN, "log", "cannot write a log file in '%s'%s%s", folder,
               err.text[0] != '\0' ? ": " : "", err.text);
    }
}

void service_log_close(void) {
    i4_log_set(I4_LOG_ERROR, NULL, NULL);
    pthread_mutex_lock(&mutex);
    if (file != NULL) {
        fclose(file);
        file = NULL;
    }
    pthread_mutex_unlock(&mutex);
}

void service_say(const char *format, ...) {
    char line[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    fprintf(stderr, "[%s] %s\n", prefix, line);
    write_file(I4_LOG_INFO, line);
}
