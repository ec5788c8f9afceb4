/* The backend that passes everything on and reports each op with its time. */
#include "base/os.h"
#include "tensor/wrap.h"

static void trace_caps(void *state, i4_caps *caps) {
    const i4_trace *trace = state;
    trace->inner->caps(trace->inner_state, caps);
}

static bool trace_reserve(void *state, size_t bytes, i4_err *err) {
    const i4_trace *trace = state;
    return trace->inner->reserve(trace->inner_state, bytes, err);
}

static void *trace_address(void *state, size_t offset) {
    const i4_trace *trace = state;
    return trace->inner->address(trace->inner_state, offset);
}

static bool trace_weight_load(void *state, i4_weight *w, i4_err *err) {
    const i4_trace *trace = state;
    return !trace->inner->weight_load || trace->inner->weight_load(trace->inner_state, w, err);
}

static void trace_weight_free(void *state, i4_weight *w) {
    const i4_trace *trace = state;
    if (trace->inner->weight_free) {
        trace->inner->weight_free(trace->inner_state, w);
    }
}

static void trace_upload(void *state, i4_tensor dst, const void *src) {
    const i4_trace *trace = state;
    trace->inner->upload(trace->inner_state, dst, src);
}

static void trace_download(void *state, i4_tensor src, void *dst) {
    const i4_trace *trace = state;
    trace->inner->download(trace->inner_state, src, dst);
}

static bool trace_run(void *state, const i4_op *op, i4_err *err) {
    const i4_trace *trace = state;
    const double begin = i4_seconds();
    const bool is_done = trace->inner->run(trace->inner_state, op, err);
    if (is_done) {
        trace->fn(op, i4_seconds() - begin, trace->user);
    }
    return is_done;
}

static bool trace_flush(void *state, i4_err *err) {
    const i4_trace *trace = state;
    return trace->inner->flush(trace->inner_state, err);
}

const i4_backend i4_backend_trace = {
    .abi = I4_BACKEND_ABI,
    .name = "trace",
    .caps = trace_caps,
    .reserve = trace_reserve,
    .address = trace_address,
    .weight_load = trace_weight_load,
    .weight_free = trace_weight_free,
    .upload = trace_upload,
    .download = trace_download,
    .run = trace_run,
    .flush = trace_flush,
};
