/* See service_signals.h. */
#include "service_signals.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

enum { EXIT_SIGNAL = 128 };

static sigset_t stop_signals(void) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    return set;
}

static void leave_at_once(int number) {
    _exit(EXIT_SIGNAL + number);
}

static void set_handler(int number, void (*handler)(int)) {
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = handler;
    (void)sigaction(number, &action, NULL);
}

void service_hold_signals(void) {
    const sigset_t set = stop_signals();
    set_handler(SIGPIPE, SIG_IGN);
#ifdef SIGXFSZ
    set_handler(SIGXFSZ, SIG_IGN);
#endif
    (void)pthread_sigmask(SIG_BLOCK, &set, NULL);
}

void service_await_signal(void) {
    const sigset_t set = stop_signals();
    int number = 0;
    (void)sigwait(&set, &number);
    set_handler(SIGINT, leave_at_once);
    set_handler(SIGTERM, leave_at_once);
    (void)pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}
