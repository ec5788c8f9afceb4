/* cli_profile.c: sums op times per stage and prints the table of shares. */
#include "cli_profile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static profile_row *row_of(profile *p, const char *stage, const char *op) {
    for (size_t i = 0; i < p->count; i++) {
        if (strncmp(p->rows[i].op, op, PROFILE_NAME_BYTES - 1) == 0 &&
            strncmp(p->rows[i].stage, stage, PROFILE_NAME_BYTES - 1) == 0) {
            return &p->rows[i];
        }
    }
    if (p->count == PROFILE_ROWS_MAX) {
        return &p->rows[PROFILE_ROWS_MAX - 1]; /* more kinds of ops than there are */
    }
    profile_row *row = &p->rows[p->count++];
    (void)snprintf(row->stage, sizeof row->stage, "%s", stage);
    (void)snprintf(row->op, sizeof row->op, "%s", op);
    return row;
}

void profile_add(const char *stage, int layer, const char *op, double seconds, double flops,
                 void *user) {
    (void)layer;
    profile_row *row = row_of(user, stage ? stage : "", op ? op : "");
    row->seconds += seconds;
    row->flops += flops;
    row->calls++;
}

static int slower_first(const void *a, const void *b) {
    double left = ((const profile_row *)a)->seconds, right = ((const profile_row *)b)->seconds;
    return (left < right) - (left > right);
}

void profile_print(profile *p) {
    double total = 0;
    for (size_t i = 0; i < p->count; i++) {
        total += p->rows[i].seconds;
    }
    qsort(p->rows, p->count, sizeof *p->rows, slower_first);
    fprintf(stderr, "%-16s %-20s %8s %10s %8s %10s\n", "stage", "op", "calls", "seconds", "share",
            "GFLOP/s");
    for (size_t i = 0; i < p->count && total > 0; i++) {
        const profile_row *row = &p->rows[i];
        fprintf(stderr, "%-16s %-20s %8ld %10.3f %6.1f %%", row->stage, row->op, row->calls,
                row->seconds, 100 * row->seconds / total);
        if (row->flops > 0 && row->seconds > 0) {
            fprintf(stderr, " %10.1f", row->flops / row->seconds / 1e9);
        }
        fputc('\n', stderr);
    }
    fprintf(stderr, "%-37s %8s %10.3f\n", "all ops", "", total);
}
