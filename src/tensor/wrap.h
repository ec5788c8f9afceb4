/* Floor 1. Wrappers around any backend; each is a backend itself.
 *
 * measure: same calls, no arithmetic, no memory (addresses are made up and never read). Counts
 *          FLOPs, traffic bytes and calls per op; the ctx that runs on it knows the peak.
 * trace:   passes on and reports each op: stage, layer, op, shapes, microseconds.
 * tee:     runs each op on a second backend too, on copies of the same inputs, and compares;
 *          remembers the worst relative error per op and the first op beyond its tolerance. */
#ifndef I4_TENSOR_WRAP_H
#define I4_TENSOR_WRAP_H

#include "tensor/backend.h"

typedef struct i4_op_cost {
    uint64_t calls;
    double flops, bytes; /* multiply-adds count 2; bytes read + written once each, weights too */
} i4_op_cost;
i4_op_cost i4_op_cost_of(const i4_op *op);

/* State for i4_backend_measure is an i4_measure made by the caller (open/close not used). */
typedef struct i4_measure {
    i4_caps caps; /* of the backend to stand in for */
    i4_op_cost cost[I4_OP_COUNT];
} i4_measure;
extern const i4_backend i4_backend_measure;

/* One line per op; may be called with seconds = 0 for asynchronous backends. */
typedef void (*i4_trace_fn)(const i4_op *op, double seconds, void *user);
typedef struct i4_trace {
    const i4_backend *inner;
    void *inner_state;
    i4_trace_fn fn;
    void *user;
} i4_trace;
extern const i4_backend i4_backend_trace; /* state: i4_trace */

typedef struct i4_tee_finding {
    double worst[I4_OP_COUNT]; /* largest relative L2 error seen for the op */
    bool drifted;              /* any op beyond `tolerance` */
    i4_op_kind first_kind;     /* of the first such op */
    char first_where[96];      /* "stage layer op [shapes]" */
    double first_error;
} i4_tee_finding;
typedef struct i4_tee {
    const i4_backend *inner; /* result goes on with this one */
    void *inner_state;
    const i4_backend *judge; /* host backend, e.g. scalar */
    void *judge_state;
    double tolerance; /* relative L2 */
    i4_tee_finding found;
} i4_tee;
extern const i4_backend i4_backend_tee; /* state: i4_tee; host backends only */

#endif
