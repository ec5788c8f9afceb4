/* The row kernels for NEON (every aarch64). */
#include "backend/cpu/point.h"

#if defined(__aarch64__)

#include <arm_neon.h>
#include <float.h>
#include <math.h>
#include <string.h>

/* 24 sums, 2 vectors of the panel and the other factors: 27 or more of 32 registers. */
enum { LANES = 4, TILE_ROWS = 12, TILE_VECTORS = 2 };

typedef float32x4_t vf;

static inline vf v_set(float x) {
    return vdupq_n_f32(x);
}
static inline vf v_load(const float *p) {
    return vld1q_f32(p);
}
static inline void v_store(float *p, vf a) {
    vst1q_f32(p, a);
}
static inline vf v_add(vf a, vf b) {
    return vaddq_f32(a, b);
}
static inline vf v_sub(vf a, vf b) {
    return vsubq_f32(a, b);
}
static inline vf v_mul(vf a, vf b) {
    return vmulq_f32(a, b);
}
static inline vf v_div(vf a, vf b) {
    return vdivq_f32(a, b);
}
static inline vf v_fma(vf a, vf b, vf c) {
    return vfmaq_f32(c, a, b);
}
static inline vf v_fnma(vf a, vf b, vf c) {
    return vfmsq_f32(c, a, b);
}
/* not vmaxq, which lets NaN of either operand win */
static inline vf v_max(vf a, vf b) {
    return vbslq_f32(vcgtq_f32(a, b), a, b);
}
static inline vf v_min(vf a, vf b) {
    return vbslq_f32(vcltq_f32(a, b), a, b);
}
static inline vf v_less(vf a, vf b, vf x, vf y) {
    return vbslq_f32(vcltq_f32(a, b), x, y);
}
static inline vf v_round(vf a) {
    return vrndnq_f32(a);
}
static inline vf v_ldexp(vf a, vf n) {
    const int32x4_t e = vaddq_s32(vcvtq_s32_f32(n), vdupq_n_s32(127));
    return vmulq_f32(a, vreinterpretq_f32_s32(vshlq_n_s32(e, 23)));
}
static inline float v_total(vf a) {
    return vaddvq_f32(a);
}
static inline float v_largest(vf a) {
    return vmaxvq_f32(a);
}
static inline float v_first(vf a) {
    return vgetq_lane_f32(a, 0);
}

static inline vf v_load_bf16(const uint16_t *p) {
    return vreinterpretq_f32_u32(vshll_n_u16(vld1_u16(p), 16));
}
static inline void v_store_bf16(uint16_t *p, vf a) {
    const uint32x4_t u = vreinterpretq_u32_f32(a);
    const uint32x4_t odd = vandq_u32(vshrq_n_u32(u, 16), vdupq_n_u32(1));
    const uint32x4_t up = vaddq_u32(u, vaddq_u32(odd, vdupq_n_u32(0x7fff)));
    /* NaN would round to infinity or wrap: keep it, made quiet */
    const uint32x4_t quiet = vorrq_u32(u, vdupq_n_u32(0x400000));
    vst1_u16(p, vshrn_n_u32(vbslq_u32(vceqq_f32(a, a), up, quiet), 16));
}
static inline vf v_load_f16(const uint16_t *p) {
    return vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(p)));
}
static inline void v_store_f16(uint16_t *p, vf a) {
    vst1_u16(p, vreinterpret_u16_f16(vcvt_f16_f32(a)));
}

static inline vf v_load_any(const void *p) {
    return vreinterpretq_f32_u8(vld1q_u8(p));
}
static inline vf v_low_bf16(vf a) {
    return vreinterpretq_f32_u32(vshlq_n_u32(vreinterpretq_u32_f32(a), 16));
}
static inline vf v_high_bf16(vf a) {
    return vreinterpretq_f32_u32(vandq_u32(vreinterpretq_u32_f32(a), vdupq_n_u32(0xffff0000U)));
}
static inline float64x2_t as_pairs(vf a) {
    return vreinterpretq_f64_f32(a);
}
static inline void v_transpose(vf *rows) {
    const vf a = vtrn1q_f32(rows[0], rows[1]), b = vtrn2q_f32(rows[0], rows[1]);
    const vf c = vtrn1q_f32(rows[2], rows[3]), d = vtrn2q_f32(rows[2], rows[3]);
    rows[0] = vreinterpretq_f32_f64(vtrn1q_f64(as_pairs(a), as_pairs(c)));
    rows[1] = vreinterpretq_f32_f64(vtrn1q_f64(as_pairs(b), as_pairs(d)));
    rows[2] = vreinterpretq_f32_f64(vtrn2q_f64(as_pairs(a), as_pairs(c)));
    rows[3] = vreinterpretq_f32_f64(vtrn2q_f64(as_pairs(b), as_pairs(d)));
}

#define POINT_TABLE i4_point_neon
#define POINT_NAME "neon"
#include "backend/cpu/point_body.h"

#endif
