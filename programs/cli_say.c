/* cli_say.c: messages, log file and progress line.
 *
 * stderr has at most one transient line (the progress); every message first wipes it. */
#include "cli_say.h"

#include "cli_text.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

enum { WARNINGS_MAX = 100, LINE_BYTES = 256, BAR_MAX = 24 };

static const char prefix[] = "[ideogram4_mlx] ";

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* guards everything below */
static id4_log_level shown_level = ID4_LOG_INFO;
static FILE *log_file;
static char *warnings[WARNINGS_MAX];
static size_t warning_count;
static int is_terminal, has_colour;
static int line_is_up;       /* a progress line stands on the terminal */
static double drawn_seconds; /* when the progress was last shown */
static int told_phase = -1, told_tenth = -1;
static char told_text[LINE_BYTES]; /* of work elsewhere */

/* --- messages ---------------------------------------------------------------------------- */

static void wipe_line(void) {
    if (line_is_up) {
        fputs("\r\033[K", stderr);
        line_is_up = 0;
    }
}

static void keep_warning(const char *line) {
    if (warning_count < WARNINGS_MAX) {
        warnings[warning_count++] = cli_copy(line);
    }
}

static void log_line(id4_log_level level, const char *line) {
    static const char *const names[] = {"ERROR", "WARNING", "INFO", "DEBUG", "TRACE"};
    struct timespec now;
    struct tm local;
    char stamp[32];
    if (!log_file || clock_gettime(CLOCK_REALTIME, &now) || !localtime_r(&now.tv_sec, &local)) {
        return;
    }
    strftime(stamp, sizeof stamp, "%Y-%m-%d %H:%M:%S", &local);
    fprintf(log_file, "%s,%03ld %s %s\n", stamp, now.tv_nsec / 1000000, names[level], line);
    (void)fflush(log_file);
}

static void say_line(id4_log_level level, const char *line, void *user) {
    (void)user;
    pthread_mutex_lock(&lock);
    if (level == ID4_LOG_WARN) {
        keep_warning(line);
    }
    if (level <= shown_level) {
        wipe_line();
        fprintf(stderr, "%s%s%s\n", prefix, level == ID4_LOG_WARN ? "warning: " : "", line);
    }
    log_line(level, line);
    pthread_mutex_unlock(&lock);
}

static void say_list(id4_log_level level, const char *format, va_list args)
    __attribute__((format(printf, 2, 0)));
static void say_list(id4_log_level level, const char *format, va_list args) {
    char short_line[1024];
    va_list again;
    va_copy(again, args);
    int length = vsnprintf(short_line, sizeof short_line, format, args);
    if (length < (int)sizeof short_line) {
        say_line(level, short_line, NULL);
    } else {
        char *line = cli_resize(NULL, (size_t)length + 1, 1);
        (void)vsnprintf(line, (size_t)length + 1, format, again);
        say_line(level, line, NULL);
        free(line);
    }
    va_end(again);
}

void say_error(const char *format, ...) {
    va_list args;
    va_start(args, format);
    say_list(ID4_LOG_ERROR, format, args);
    va_end(args);
}

void say_warning(const char *format, ...) {
    va_list args;
    va_start(args, format);
    say_list(ID4_LOG_WARN, format, args);
    va_end(args);
}

void say_info(const char *format, ...) {
    va_list args;
    va_start(args, format);
    say_list(ID4_LOG_INFO, format, args);
    va_end(args);
}

void say_debug(const char *format, ...) {
    va_list args;
    va_start(args, format);
    say_list(ID4_LOG_DEBUG, format, args);
    va_end(args);
}

/* --- begin and end ----------------------------------------------------------------------- */

/* The library's own info lines are detail to a user of the program: one level quieter. */
static void library_line(id4_log_level level, const char *line, void *user) {
    say_line(level == ID4_LOG_INFO ? ID4_LOG_DEBUG : level, line, user);
}

void say_begin(id4_log_level shown) {
    const char *term = getenv("TERM");
    const char *no_colour = getenv("NO_COLOR");
    shown_level = shown;
    is_terminal = isatty(STDERR_FILENO) && term && *term && strcmp(term, "dumb") != 0;
    has_colour = is_terminal && !(no_colour && *no_colour);
    id4_set_log(shown > ID4_LOG_DEBUG ? ID4_LOG_TRACE : ID4_LOG_INFO, library_line, NULL);
}

void say_open_log(const char *folder) {
    time_t now = time(NULL);
    struct tm local;
    char stamp[32];
    if (log_file || !localtime_r(&now, &local)) {
        return;
    }
    strftime(stamp, sizeof stamp, "%Y%m%d-%H%M%S", &local);
    char *path = cli_format("%s/ideogram4_mlx-%s.log", folder, stamp);
    log_file = fopen(path, "ae");
    if (!log_file) {
        say_debug("no log file: %s cannot be written", path);
    }
    free(path);
}

void say_end(void) {
    id4_set_log(ID4_LOG_ERROR, NULL, NULL);
    say_progress_end();
    if (log_file) {
        (void)fclose(log_file);
        log_file = NULL;
    }
    while (warning_count > 0) {
        free(warnings[--warning_count]);
    }
}

size_t say_warning_count(void) {
    return warning_count;
}

const char *say_warning_at(size_t index) {
    return index < warning_count ? warnings[index] : NULL;
}

/* --- progress ---------------------------------------------------------------------------- */

static int terminal_columns(void) {
    struct winsize size = {0};
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
        return size.ws_col;
    }
    return 80;
}

static const char *phase_name(id4_phase phase) {
    static const char *const names[] = {"load", "text", "denoise", "decode"};
    return phase >= ID4_PHASE_LOAD && phase <= ID4_PHASE_DECODE ? names[phase] : "work";
}

static void format_duration(double seconds, char *out, size_t size) {
    if (seconds < 100) {
        (void)snprintf(out, size, "%.1f s", seconds);
    } else if (seconds < 6000) {
        (void)snprintf(out, size, "%d:%02d min", (int)seconds / 60, (int)seconds % 60);
    } else {
        (void)snprintf(out, size, "%d:%02d h", (int)(seconds / 3600), (int)(seconds / 60) % 60);
    }
}

/* "denoise 5/12, 41 %, 1.2 s, 1.7 s left" */
static void format_progress(const id4_progress *p, char *out, size_t size) {
    char step[48] = "", gone[32], left[48] = "", rest[32];
    if (p->phase == ID4_PHASE_DENOISE && p->step_count > 0) {
        (void)snprintf(step, sizeof step, " %d/%d", p->step_index + 1, p->step_count);
    }
    format_duration(p->seconds, gone, sizeof gone);
    /* The first moments say nothing about the rest. */
    if (p->phase >= ID4_PHASE_DENOISE && p->fraction > 0.03 && p->fraction < 1) {
        format_duration(p->seconds / p->fraction * (1 - p->fraction), rest, sizeof rest);
        (void)snprintf(left, sizeof left, ", %s left", rest);
    }
    (void)snprintf(out, size, "%s%s, %d %%, %s%s", phase_name(p->phase), step,
                   (int)(p->fraction * 100), gone, left);
}

/* fraction: negative for no bar */
static void draw_line(const char *text, double fraction, double seconds) {
    char bar[BAR_MAX + 1];
    int columns = terminal_columns();
    /* One column stays free, so that no terminal wraps; brackets and a blank need three. */
    int room = columns - 1 - (int)strlen(text) - 3;
    int width = room < BAR_MAX ? room : BAR_MAX;
    fputs("\r\033[K", stderr);
    if (width >= 8 && fraction >= 0) {
        int filled = (int)(fraction * width + 0.5);
        memset(bar, '-', (size_t)width);
        memset(bar, '=', (size_t)(filled > width ? width : filled));
        bar[width] = '\0';
        fprintf(stderr, "[%s%s%s] %s", has_colour ? "\033[32m" : "", bar,
                has_colour ? "\033[0m" : "", text);
    } else {
        fprintf(stderr, "%.*s", columns - 1, text);
    }
    (void)fflush(stderr);
    line_is_up = 1;
    drawn_seconds = seconds;
}

/* A picture that is drawn in a moment needs no more than its phases. */
static int is_worth_a_line(const id4_progress *p) {
    if (p->phase != (id4_phase)told_phase) {
        return p->phase != ID4_PHASE_LOAD || p->seconds >= 1;
    }
    return (int)(p->fraction * 10) != told_tenth && p->seconds - drawn_seconds >= 1;
}

static void tell_line(const id4_progress *p) {
    if (!is_worth_a_line(p)) {
        return;
    }
    char text[LINE_BYTES];
    format_progress(p, text, sizeof text);
    fprintf(stderr, "%s%s\n", prefix, text);
    told_phase = (int)p->phase;
    told_tenth = (int)(p->fraction * 10);
    drawn_seconds = p->seconds;
}

void say_progress(const id4_progress *p) {
    pthread_mutex_lock(&lock);
    if (shown_level < ID4_LOG_INFO) {
        /* quiet */
    } else if (!is_terminal) {
        tell_line(p);
    } else if (p->phase != (id4_phase)told_phase || !line_is_up ||
               p->seconds - drawn_seconds >= 0.1) {
        char text[LINE_BYTES];
        format_progress(p, text, sizeof text);
        draw_line(text, p->fraction, p->seconds);
        told_phase = (int)p->phase;
    }
    pthread_mutex_unlock(&lock);
}

/* "3/12 steps, 25 %, 1.2 s" */
static void format_remote(const char *text, double fraction, double seconds, char *out,
                          size_t size) {
    char percent[24] = "", gone[32];
    if (fraction > 0) {
        (void)snprintf(percent, sizeof percent, ", %d %%", (int)(fraction * 100));
    }
    format_duration(seconds, gone, sizeof gone);
    (void)snprintf(out, size, "%.180s%s, %s", text, percent, gone);
}

/* Every new text goes to the log file; lines at most once a second. */
static void tell_remote(const char *text, const char *line, double seconds) {
    if (strcmp(told_text, text) == 0) {
        return;
    }
    log_line(ID4_LOG_DEBUG, line);
    if (!is_terminal && shown_level >= ID4_LOG_INFO &&
        (!*told_text || seconds - drawn_seconds >= 1)) {
        fprintf(stderr, "%s%s\n", prefix, line);
        drawn_seconds = seconds;
    }
    (void)snprintf(told_text, sizeof told_text, "%s", text);
}

void say_remote(const char *text, double fraction, double seconds) {
    char line[LINE_BYTES];
    format_remote(text, fraction, seconds, line, sizeof line);
    pthread_mutex_lock(&lock);
    tell_remote(text, line, seconds);
    if (is_terminal && shown_level >= ID4_LOG_INFO) {
        draw_line(line, fraction, seconds);
    }
    pthread_mutex_unlock(&lock);
}

void say_progress_end(void) {
    pthread_mutex_lock(&lock);
    wipe_line();
    (void)fflush(stderr);
    told_phase = told_tenth = -1;
    told_text[0] = '\0';
    drawn_seconds = 0;
    pthread_mutex_unlock(&lock);
}
