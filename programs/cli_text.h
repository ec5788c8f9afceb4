/* cli_text.h: small owned strings for the program. Memory that runs out here ends the program with
 * exit code 1 and a sentence: it holds nothing that has to be given back to anybody. */
#ifndef CLI_TEXT_H
#define CLI_TEXT_H

#include <stddef.h>
#include <stdint.h>

/* Owned by the caller (free); never NULL. */
char *cli_format(const char *format, ...) __attribute__((format(printf, 1, 2)));
char *cli_copy(const char *text);
void *cli_resize(void *memory, size_t count, size_t size); /* array of count × size; never NULL */

int cli_starts_with(const char *text, const char *start);
/* Cuts white space off both ends, in place. */
char *cli_trim(char *text);
/* "19.8 MB", "512 B"; decimal units. Owned. */
char *cli_human_bytes(uint64_t bytes);

/* The whole text (blanks around it allowed) as a number; 0 when it is none or out of range. */
int cli_parse_integer(const char *text, int64_t *value);
int cli_parse_number(const char *text, double *value);
/* "8G", "512M", "1.5GiB", "4096": G is 10^9, Gi is 2^30. */
int cli_parse_bytes(const char *text, uint64_t *value);

#endif
