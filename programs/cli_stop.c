/* cli_stop.c: see cli_stop.h. */
#include "cli_stop.h"

#include "cli_args.h"
#include "cli_say.h"

#include <signal.h>
#include <string.h>
#include <time.h>

static volatile sig_atomic_t stop_signal;

static void on_stop(int number) {
    stop_signal = number;
}

void stop_listen(void) {
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = on_stop;
    action.sa_flags = (int)SA_RESETHAND;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        (void)sigaction(numbers[i], &action, NULL);
    }
}

int stop_asked(void) {
    return (int)stop_signal;
}

int stop_code(const char *meaning) {
    say_progress_end();
    say_info("interrupted: %s", meaning);
    return CLI_SIGNAL + (int)stop_signal;
}

int stop_sleep(double seconds) {
    /* A signal between the look and the sleep would be slept over: slices bound the delay. */
    static const double slice = 0.1;
    while (seconds > 0 && !stop_signal) {
        const double part = seconds < slice ? seconds : slice;
        const struct timespec length = {0, (long)(part * 1e9)};
        (void)nanosleep(&length, NULL);
        seconds -= part;
    }
    return stop_signal == 0;
}
