/* How a service is told to stop: SIGINT or SIGTERM asks, a second one ends it at once. */
#ifndef SERVICE_SIGNALS_H
#define SERVICE_SIGNALS_H

/* Before any thread: the stop signals stay blocked in all of them, and a client that went away or a
 * full disk is an error to report, not a death. */
void service_hold_signals(void);
/* Waits for a stop signal; the next one ends the process with 128 + its number. */
void service_await_signal(void);

#endif
