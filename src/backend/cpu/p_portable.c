/* The row kernels in plain C: a vector is one float. */
#include "backend/cpu/point.h"

#include <float.h>
#include <math.h>
#include <string.h>

enum { LANES = 1, TILE_ROWS = 4, TILE_VECTORS = 4 };

typedef float vf;

static inline vf v_set(float x) {
    return x;
}
static inline vf v_load(const float *p) {
    return *p;
}
static inline void v_store(float *p, vf a) {
    *p = a;
}
static inline vf v_add(vf a, vf b) {
    return a + b;
}
static inline vf v_sub(vf a, vf b) {
    return a - b;
}
static inline vf v_mul(vf a, vf b) {
    return a * b;
}
static inline vf v_div(vf a, vf b) {
    return a / b;
}
static inline vf v_fma(vf a, vf b, vf c) {
    return a * b + c;
}
static inline vf v_fnma(vf a, vf b, vf c) {
    return c - a * b;
}
static inline vf v_max(vf a, vf b) {
    return a > b ? a : b;
}
static inline vf v_min(vf a, vf b) {
    return a < b ? a : b;
}
static inline vf v_less(vf a, vf b, vf x, vf y) {
    return a < b ? x : y;
}
static inline vf v_total(vf a) {
    return a;
}
static inline vf v_largest(vf a) {
    return a;
}
static inline vf v_first(vf a) {
    return a;
}

static inline uint32_t bits_of(float x) {
    uint32_t u;
    memcpy(&u, &x, sizeof u);
    return u;
}
static inline float float_of(uint32_t u) {
    float x;
    memcpy(&x, &u, sizeof x);
    return x;
}

static inline vf v_round(vf a) {
    return rintf(a); /* in the default mode: to even */
}
static inline vf v_ldexp(vf a, vf n) {
    const int32_t e = n == n ? (int32_t)n : 0;
    return a * float_of((uint32_t)(e + 127) << 23);
}

static inline vf v_load_bf16(const uint16_t *p) {
    return i4_from_bf16(*p);
}
static inline void v_store_bf16(uint16_t *p, vf a) {
    *p = i4_to_bf16(a);
}
static inline vf v_load_f16(const uint16_t *p) {
    return i4_from_f16(*p);
}
static inline void v_store_f16(uint16_t *p, vf a) {
    *p = i4_to_f16(a);
}

static inline vf v_load_any(const void *p) {
    vf a;
    memcpy(&a, p, sizeof a);
    return a;
}
static inline void v_transpose(vf *rows) {
    (void)rows;
}
static inline vf v_low_bf16(vf a) {
    return float_of(bits_of(a) << 16);
}
static inline vf v_high_bf16(vf a) {
    return float_of(bits_of(a) & 0xffff0000U);
}

#define POINT_TABLE i4_point_portable
#define POINT_NAME "portable"
#include "backend/cpu/point_body.h"
