/* The same product by other people's libraries, in the same run: what `bench_linear --peer` sets
 * beside our figures. Those that were not found when the benchmarks were built are absent. */
#ifndef BENCH_PEERS_H
#define BENCH_PEERS_H

#include <stdint.h>

typedef struct peer peer;

/* The number-th peer with operands for out[rows, out] = x[rows, in] · W[out, in]ᵀ, NULL beyond the
 * last. Weights are in the peer's own layout already. Threads: those of OpenMP's environment. */
peer *peer_new(int number, int threads, int64_t rows, int64_t out, int64_t in);
void peer_free(peer *p);
const char *peer_name(const peer *p);
void peer_run(peer *p);

#endif
