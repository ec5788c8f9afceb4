/* Waiting for what comes true, be it for a moment only: a condition is asked once in each round. */
#ifndef ID4_TESTS_EVENTUALLY_H
#define ID4_TESTS_EVENTUALLY_H

#include <poll.h>
#include <stdbool.h>

#define EVENTUALLY_IN(rounds, milliseconds, condition) \
    do {                                               \
        int rounds_left = (rounds);                    \
        bool is_so = (condition);                      \
        while (!is_so && rounds_left-- > 0) {          \
            (void)poll(NULL, 0, (milliseconds));       \
            is_so = (condition);                       \
        }                                              \
        if (!is_so) {                                  \
            fail_msg("in time: %s", #condition);       \
        }                                              \
    } while (0)

#endif
