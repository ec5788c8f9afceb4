/* cli_stop.h: being stopped by SIGINT, SIGTERM or SIGHUP. */
#ifndef CLI_STOP_H
#define CLI_STOP_H

/* From now on the first signal is only noted, the second one ends the program at once. */
void stop_listen(void);
/* The number of the signal that came, 0 if none did. */
int stop_asked(void);
/* Says that it was interrupted, and what that means; the exit code. */
int stop_code(const char *meaning);
/* Sleeps, or less when a signal comes. 0 once one came. */
int stop_sleep(double seconds);

#endif
