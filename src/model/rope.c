/* Rotation tables of the text tower and the transformers, and the time sinusoid. */
#include "model/host.h"
#include "tensor/tensor.h"

#include <math.h>

/* 1 / theta^(2i/d), every step rounded to float32 as the references do. */
static float inverse_frequency(int i, int head_dim, double theta) {
    const float exponent = (float)(2 * i) / (float)head_dim;
    const float power = (float)pow((double)(float)theta, (double)exponent);
    return 1.0f / power;
}

static void rotate_entry(float *row, int i, int half, float position, float frequency) {
    const float angle = position * frequency;
    row[i] = (float)cos((double)angle);
    row[half + i] = (float)sin((double)angle);
}

void i4_rope_text(int tokens, int head_dim, double theta, float *table) {
    const int half = head_dim / 2;
    for (int i = 0; i < half; i++) {
        const float frequency = inverse_frequency(i, head_dim, theta);
        for (int t = 0; t < tokens; t++) {
            rotate_entry(table + (size_t)t * (size_t)head_dim, i, half, (float)t, frequency);
        }
    }
}

/* 0, 1, 2: frequency i turns with T, H, W. */
static int axis_of(const i4_dit_config *config, int i) {
    for (int axis = 1; axis <= 2; axis++) {
        if (i % 3 == axis && i < 3 * config->mrope[axis]) {
            return axis;
        }
    }
    return 0;
}

void i4_rope_dit(const i4_dit_config *config, int text_tokens, int gh, int gw, float *table) {
    const int half = config->head_dim / 2;
    for (int i = 0; i < half; i++) {
        const float frequency = inverse_frequency(i, config->head_dim, config->rope_theta);
        const int axis = axis_of(config, i);
        float *row = table;
        for (int t = 0; t < text_tokens; t++, row += config->head_dim) {
            rotate_entry(row, i, half, (float)t, frequency);
        }
        for (int y = 0; y < gh; y++) {
            for (int x = 0; x < gw; x++, row += config->head_dim) {
                const int offset = axis == 1 ? y : axis == 2 ? x : 0;
                rotate_entry(row, i, half, (float)(I4_IMAGE_POSITION + offset), frequency);
            }
        }
    }
}

void i4_time_embedding(const float *t, int count, int width, float *out) {
    const int half = width / 2;
    const float step = (float)(log(1e4) / (double)(half - 1));
    for (int r = 0; r < count; r++) {
        const float scaled = 1e4f * i4_from_bf16(i4_to_bf16(t[r]));
        for (int i = 0; i < half; i++) {
            const float w = (float)exp(-(double)((float)i * step));
            const float angle = scaled * w;
            out[(size_t)r * (size_t)width + (size_t)i] = (float)sin((double)angle);
            out[(size_t)r * (size_t)width + (size_t)(half + i)] = (float)cos((double)angle);
        }
    }
}
