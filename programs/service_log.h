/* Where the lines of a service go: standard error with a prefix, and a file of its own in the log
 * folder, <name>-<time of the start>.log, which is put aside as <file>.1 when it grows too large.
 */
#ifndef SERVICE_LOG_H
#define SERVICE_LOG_H

#include "base/log.h"

/* console: the lowest level by name ("info", "debug", "warning", …) for standard error; the file
 * gets debug and above. A folder that cannot be written is a warning. Once, before threads. */
void service_log_open(const char *name, const char *folder, const char *console);
/* No other thread logs any more. */
void service_log_close(void);
/* One line for people, whatever the level. */
void service_say(const char *format, ...) I4_PRINTF(1, 2);

#endif
