/* cli_say.h: everything the program tells a person: messages on stderr and in the log file, and
 * the progress line. Standard output is never touched here; results go there.
 *
 * Threads: any; one mutex orders the lines. */
#ifndef CLI_SAY_H
#define CLI_SAY_H

#include "ideogram4.h"

#include <stddef.h>

/* Lines up to and including `shown` go to stderr. Also becomes the library's log sink. */
void say_begin(id4_log_level shown);
/* Opens <folder>/ideogram4_mlx-YYYYmmdd-HHMMSS.log; without it everything works the same. */
void say_open_log(const char *folder);
void say_end(void);

void say_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
void say_warning(const char *format, ...) __attribute__((format(printf, 1, 2)));
void say_info(const char *format, ...) __attribute__((format(printf, 1, 2)));
void say_debug(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Warnings said so far (the first hundred are kept), for --json. */
size_t say_warning_count(void);
const char *say_warning_at(size_t index);

/* Shows progress: on a terminal one line rewritten in place, else plain lines at
 * each phase and about every tenth. */
void say_progress(const id4_progress *progress);
/* The same for work elsewhere: what is told about it, how far it is (negative: unknown), since
 * when.
 */
void say_remote(const char *text, double fraction, double seconds);
/* Takes the progress line away; the next picture starts anew. */
void say_progress_end(void);

#endif
