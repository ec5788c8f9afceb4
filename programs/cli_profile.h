/* cli_profile.h: how the time of a generation divides among ops, for --profile. */
#ifndef CLI_PROFILE_H
#define CLI_PROFILE_H

#include <stddef.h>

enum { PROFILE_ROWS_MAX = 256, PROFILE_NAME_BYTES = 32 };

typedef struct profile_row {
    char stage[PROFILE_NAME_BYTES], op[PROFILE_NAME_BYTES];
    double seconds, flops;
    long calls;
} profile_row;

typedef struct profile {
    profile_row rows[PROFILE_ROWS_MAX];
    size_t count;
} profile;

/* id4_engine_options.profile; user: the profile. */
void profile_add(const char *stage, int layer, const char *op, double seconds, double flops,
                 void *user);
/* On stderr, the largest share first. */
void profile_print(profile *p);

#endif
