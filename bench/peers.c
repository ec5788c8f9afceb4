/* oneDNN (bf16 weights and activations, float32 results, as its matmul primitive reorders them) and
 * OpenBLAS (float32), where the system has them. */
#include "peers.h"

#include "base/memory.h"

#include <stddef.h>

#if defined(HAVE_DNNL)
#include <dnnl.h>
#endif
#if defined(HAVE_OPENBLAS)
#include <cblas.h>
#endif

typedef struct peer_kind {
    const char *name;
    int (*open)(peer *p);
    void (*run)(peer *p);
    void (*close)(peer *p);
} peer_kind;

struct peer {
    const peer_kind *kind;
    int threads;
    int64_t rows, out, in;
    void *x, *w, *y;
#if defined(HAVE_DNNL)
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    dnnl_primitive_t matmul;
    dnnl_memory_t memory[3];
#endif
};

#if defined(HAVE_DNNL)
static int matrix_desc(dnnl_memory_desc_t *desc, int64_t rows, int64_t cols, dnnl_data_type_t type,
                       dnnl_format_tag_t tag) {
    dnnl_dims_t dims = {rows, cols};
    return dnnl_memory_desc_init_by_tag(desc, 2, dims, type, tag) == dnnl_success;
}

/* Weights stay zero: the time of dense products does not depend on the numbers. */
static int onednn_open(peer *p) {
    dnnl_memory_desc_t x, w, y;
    dnnl_matmul_desc_t desc;
    dnnl_primitive_desc_t primitive = NULL;
    if (dnnl_engine_create(&p->engine, dnnl_cpu, 0) != dnnl_success ||
        dnnl_stream_create(&p->stream, p->engine, dnnl_stream_default_flags) != dnnl_success ||
        !matrix_desc(&x, p->rows, p->in, dnnl_bf16, dnnl_ab) ||
        !matrix_desc(&w, p->in, p->out, dnnl_bf16, dnnl_format_tag_any) ||
        !matrix_desc(&y, p->rows, p->out, dnnl_f32, dnnl_ab) ||
        dnnl_matmul_desc_init(&desc, &x, &w, NULL, &y) != dnnl_success ||
        dnnl_primitive_desc_create(&primitive, &desc, NULL, p->engine, NULL) != dnnl_success) {
        return 0;
    }
    int done = dnnl_primitive_create(&p->matmul, primitive) == dnnl_success;
    static const dnnl_query_t parts[] = {dnnl_query_src_md, dnnl_query_weights_md,
                                         dnnl_query_dst_md};
    for (int i = 0; i < 3 && done; i++) {
        const dnnl_memory_desc_t *part = dnnl_primitive_desc_query_md(primitive, parts[i], 0);
        done = dnnl_memory_create(&p->memory[i], part, p->engine, DNNL_MEMORY_ALLOCATE) ==
               dnnl_success;
    }
    dnnl_primitive_desc_destroy(primitive);
    return done;
}

static void onednn_run(peer *p) {
    const dnnl_exec_arg_t args[] = {{DNNL_ARG_SRC, p->memory[0]},
                                    {DNNL_ARG_WEIGHTS, p->memory[1]},
                                    {DNNL_ARG_DST, p->memory[2]}};
    dnnl_primitive_execute(p->matmul, p->stream, 3, args);
    dnnl_stream_wait(p->stream);
}

static void onednn_close(peer *p) {
    for (int i = 0; i < 3; i++) {
        dnnl_memory_destroy(p->memory[i]);
    }
    dnnl_primitive_destroy(p->matmul);
    dnnl_stream_destroy(p->stream);
    dnnl_engine_destroy(p->engine);
}
#endif

#if defined(HAVE_OPENBLAS)
static int openblas_open(peer *p) {
    p->x = i4_calloc((size_t)(p->rows * p->in), sizeof(float));
    p->w = i4_calloc((size_t)(p->out * p->in), sizeof(float));
    p->y = i4_calloc((size_t)(p->rows * p->out), sizeof(float));
    openblas_set_num_threads(p->threads);
    return p->x && p->w && p->y;
}

static void openblas_run(peer *p) {
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (blasint)p->rows, (blasint)p->out,
                (blasint)p->in, 1.0F, p->x, (blasint)p->in, p->w, (blasint)p->in, 0.0F, p->y,
                (blasint)p->out);
}

static void openblas_close(peer *p) {
    i4_free(p->x);
    i4_free(p->w);
    i4_free(p->y);
}
#endif

static const peer_kind kinds[] = {
#if defined(HAVE_DNNL)
    {"onednn bf16", onednn_open, onednn_run, onednn_close},
#endif
#if defined(HAVE_OPENBLAS)
    {"openblas f32", openblas_open, openblas_run, openblas_close},
#endif
    {NULL, NULL, NULL, NULL},
};

peer *peer_new(int number, int threads, int64_t rows, int64_t out, int64_t in) {
    const peer_kind *kind = kinds;
    for (; kind->name && number > 0; number--) {
        kind++;
    }
    peer *p = kind->name ? i4_calloc(1, sizeof *p) : NULL;
    if (!p) {
        return NULL;
    }
    p->kind = kind;
    p->threads = threads;
    p->rows = rows;
    p->out = out;
    p->in = in;
    if (!p->kind->open(p)) {
        peer_free(p);
        return NULL;
    }
    return p;
}

void peer_free(peer *p) {
    if (p) {
        p->kind->close(p);
        i4_free(p);
    }
}

const char *peer_name(const peer *p) {
    return p->kind->name;
}

void peer_run(peer *p) {
    p->kind->run(p);
}
