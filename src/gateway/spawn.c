/* fork, exec, watch. Between fork and exec only calls that are safe there: other threads may hold
 * any lock. */
#include "gateway/spawn.h"

#include "base/os.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { TAIL_BYTES = 320, LOOK_MS = 100, FILES_MAX = 65536 };

typedef struct watched {
    pid_t pid;
    int output; /* read end of what it writes */
    char tail[TAIL_BYTES + 1];
    size_t tail_size;
} watched;

/* --- the child ----------------------------------------------------------------------------- */

/* Says through the pipe why it could not start, and ends itself. */
static void give_up(int report, int code) {
    const ssize_t ignored = write(report, &code, sizeof code);
    (void)ignored;
    kill(getpid(), SIGKILL);
    for (;;) {
        pause();
    }
}

static void become(const i4_spawn *spawn, int output, int report, int files) {
    sigset_t none;
    const int nothing = open("/dev/null", O_RDONLY);
    setpgid(0, 0);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    if (nothing < 0 || dup2(nothing, 0) < 0 || dup2(output, 1) < 0 || dup2(output, 2) < 0 ||
        chdir(spawn->folder) != 0) {
        give_up(report, errno);
    }
    for (int fd = 3; fd < files; fd++) {
        if (fd != report) {
            close(fd);
        }
    }
    /* exec wants pointers to characters that it promises not to change. */
    char *const *argv;
    memcpy(&argv, &spawn->argv, sizeof argv);
    execv(spawn->argv[0], argv);
    give_up(report, errno);
}

/* --- the parent ---------------------------------------------------------------------------- */

static void close_both(const int ends[2]) {
    close(ends[0]);
    close(ends[1]);
}

static bool open_pipe(int ends[2], i4_err *err) {
    if (pipe(ends) != 0) {
        return i4_fail(err, I4_E_IO, "the system gives no more pipes: error %d", errno);
    }
    for (int i = 0; i < 2; i++) {
        (void)fcntl(ends[i], F_SETFD, FD_CLOEXEC);
    }
    return true;
}

static int files_open_at_most(void) {
    const long most = sysconf(_SC_OPEN_MAX);
    return most > 0 && most < FILES_MAX ? (int)most : FILES_MAX;
}

static pid_t fork_child(const i4_spawn *spawn, const int output[2], const int report[2]) {
    const int files = files_open_at_most();
    const pid_t pid = fork();
    if (pid == 0) {
        become(spawn, output[1], report[1], files);
    }
    return pid;
}

static int wait_for(pid_t pid) {
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    return status;
}

/* 0 once the program runs, else why it does not. */
static int start_fault(int report) {
    int code = 0;
    ssize_t got;
    do {
        got = read(report, &code, sizeof code);
    } while (got < 0 && errno == EINTR);
    return got == (ssize_t)sizeof code ? code : 0;
}

static bool start(const i4_spawn *spawn, watched *w, i4_err *err) {
    int output[2], report[2];
    if (!open_pipe(output, err)) {
        return false;
    }
    if (!open_pipe(report, err)) {
        close_both(output);
        return false;
    }
    *w = (watched){.pid = fork_child(spawn, output, report), .output = output[0]};
    const int fork_code = errno;
    close(output[1]);
    close(report[1]);
    const int code = w->pid < 0 ? fork_code : start_fault(report[0]);
    close(report[0]);
    if (code == 0) {
        return true;
    }
    close(output[0]);
    if (w->pid > 0) {
        wait_for(w->pid);
    }
    return i4_fail(err, I4_E_IO, "cannot start '%s': %s", spawn->argv[0],
                   code == ENOENT   ? "there is no such file"
                   : code == EACCES ? "it may not be executed"
                                    : "the system refuses it");
}

static void add_tail(watched *w, const char *bytes, size_t size) {
    if (size > TAIL_BYTES) {
        bytes += size - TAIL_BYTES;
        size = TAIL_BYTES;
    }
    const size_t kept = w->tail_size + size > TAIL_BYTES ? TAIL_BYTES - size : w->tail_size;
    memmove(w->tail, w->tail + w->tail_size - kept, kept);
    memcpy(w->tail + kept, bytes, size);
    w->tail_size = kept + size;
    w->tail[w->tail_size] = '\0';
}

/* Waits a little for output; false once there will be no more. */
static bool listen_a_little(watched *w) {
    struct pollfd pipe_end = {.fd = w->output, .events = POLLIN};
    char bytes[4096];
    if (poll(&pipe_end, 1, LOOK_MS) <= 0) {
        return true;
    }
    const ssize_t got = read(w->output, bytes, sizeof bytes);
    if (got > 0) {
        add_tail(w, bytes, (size_t)got);
    }
    return got > 0 || (got < 0 && errno == EINTR);
}

/* The program's wait status; *ended_by_us when it ran too long or was no longer wanted. */
static int watch(const i4_spawn *spawn, watched *w, bool *ended_by_us) {
    const double end = i4_seconds() + spawn->seconds;
    int status = 0;
    bool has_output = true;
    *ended_by_us = false;
    while (waitpid(w->pid, &status, WNOHANG) == 0) {
        if (i4_seconds() > end || !spawn->go_on(spawn->user)) {
            *ended_by_us = true;
            kill(-w->pid, SIGKILL);
            kill(w->pid, SIGKILL);
            return wait_for(w->pid);
        }
        if (has_output) {
            has_output = listen_a_little(w);
        } else {
            (void)poll(NULL, 0, LOOK_MS);
        }
    }
    for (int i = 0; i < 16 && has_output && listen_a_little(w); i++) {
        struct pollfd more = {.fd = w->output, .events = POLLIN};
        if (poll(&more, 1, 0) <= 0) {
            break;
        }
    }
    return status;
}

bool i4_spawn_run(const i4_spawn *spawn, i4_err *err) {
    watched w;
    if (!start(spawn, &w, err)) {
        return false;
    }
    bool ended_by_us;
    const int status = watch(spawn, &w, &ended_by_us);
    close(w.output);
    if (ended_by_us && !spawn->go_on(spawn->user)) {
        return i4_fail(err, I4_E_CANCELLED, "stopped");
    }
    if (ended_by_us) {
        return i4_fail(err, I4_E_IO, "'%s' did not end within %.0f seconds", spawn->argv[0],
                       spawn->seconds);
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
        return true;
    }
    return i4_fail(err, I4_E_IO, "'%s' failed (%s %d): %s", spawn->argv[0],
                   WIFEXITED(status) ? "exit code" : "signal",
                   WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status), w.tail);
}
