/* Previews of the running drawing: see preview.h. */
#include "daemon/preview.h"

#include "base/memory.h"

#include <stdio.h>
#include <string.h>

/* --- encoding ------------------------------------------------------------------------------- */

static void *copy_of(const id4_bytes *file) {
    void *bytes = i4_malloc(file->size);
    if (bytes != NULL) {
        memcpy(bytes, file->data, file->size);
    }
    return bytes;
}

void *i4_preview_encode(const id4_preview *preview, size_t *size) {
    static const int qualities[] = {75, 60, 45, 30, 15};
    id4_image *image = NULL;
    void *bytes = NULL;
    if (id4_image_new(preview->width, preview->height, preview->rgb, &image, NULL) != ID4_OK) {
        return NULL;
    }
    for (size_t i = 0; bytes == NULL && i < sizeof qualities / sizeof *qualities; i++) {
        id4_bytes file = {0};
        if (id4_image_encode(image, ID4_JPEG, qualities[i], NULL, 0, &file, NULL) != ID4_OK) {
            break;
        }
        if (file.size <= I4_PREVIEW_FILE_BYTES) {
            *size = file.size;
            bytes = copy_of(&file);
        }
        id4_bytes_free(&file);
    }
    id4_image_free(image);
    return bytes;
}

/* --- the ring ------------------------------------------------------------------------------- */

static void drop_oldest(i4_previews *p) {
    i4_shot *shot = &p->shot[p->first];
    p->bytes -= shot->size;
    i4_free(shot->bytes);
    *shot = (i4_shot){0};
    p->first = (p->first + 1) % I4_PREVIEW_COUNT;
    p->count--;
}

void i4_previews_begin(i4_previews *p, const char *id) {
    while (p->count > 0) {
        drop_oldest(p);
    }
    snprintf(p->id, sizeof p->id, "%s", id);
}

void i4_previews_add(i4_previews *p, int step, void *bytes, size_t size) {
    while (p->count > 0 && (p->count == I4_PREVIEW_COUNT || p->bytes + size > I4_PREVIEW_BYTES)) {
        drop_oldest(p);
    }
    p->shot[(p->first + p->count++) % I4_PREVIEW_COUNT] = (i4_shot){step, bytes, size};
    p->bytes += size;
}

const i4_shot *i4_previews_find(const i4_previews *p, const char *id, int64_t step) {
    for (size_t i = p->count; i-- > 0 && strcmp(p->id, id) == 0;) {
        const i4_shot *shot = &p->shot[(p->first + i) % I4_PREVIEW_COUNT];
        if (step < 0 || shot->step == step) {
            return shot;
        }
    }
    return NULL;
}
