/* Any bytes as a picture: pixels and text. Whatever can be read can be written again. */
#include "base/memory.h"
#include "image/image.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
    PIXELS_MAX = 1 << 20, /* larger ones only cost time */
    FUZZ_PAIRS_MAX = 8
};

static void encode_again(const i4_image *image, const i4_pairs *found) {
    i4_pair pairs[FUZZ_PAIRS_MAX];
    size_t count = found->count < FUZZ_PAIRS_MAX ? found->count : FUZZ_PAIRS_MAX;
    for (size_t i = 0; i < count; i++) {
        pairs[i] = (i4_pair){found->key[i], found->value[i]};
    }
    uint8_t *bytes = NULL;
    size_t size = 0;
    i4_pairs back = {0};
    /* Keys of other programs need not be ours: then it is refused. */
    if (i4_image_encode(image, I4_JPEG, 50, pairs, count, &bytes, &size, NULL)) {
        if (!i4_image_text(bytes, size, &back, NULL) || back.count != count) {
            abort();
        }
    }
    i4_pairs_free(&back);
    i4_free(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    i4_image image = {0};
    i4_pairs pairs = {0};
    i4_err err = {0};
    i4_image_decode(data, size, &image, &err);
    i4_image_text(data, size, &pairs, &err);
    if (image.rgb != NULL && (size_t)image.width * (size_t)image.height <= PIXELS_MAX) {
        encode_again(&image, &pairs);
    }
    i4_pairs_free(&pairs);
    i4_image_free(&image);
    return 0;
}
