/* The door: captions and tokens. */
#include "api/handles.h"

#include "base/limits.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/os.h"

/* --- captions and tokens ----------------------------------------------------------------- */

id4_status id4_caption_check(const char *text, size_t size, int whole_file, id4_findings **findings,
                             id4_error *err) {
    i4_err inner = {0};
    char *prompt = NULL;
    size_t len = 0;
    if ((text == NULL && size > 0) || findings == NULL) {
        return i4_refuse(err, "a text and a place for the findings are needed");
    }
    id4_findings *f = i4_calloc(1, sizeof *f);
    if (f == NULL) {
        return i4_no_memory(err, "the findings", sizeof *f);
    }
    const i4_str s = i4_str_of(text != NULL ? text : "", size);
    bool ok = whole_file ? i4_caption_verify(s, &f->inner, &inner)
                         : i4_caption_prepare(s, false, &prompt, &len, &f->inner, &inner);
    i4_free(prompt);
    f->view = ok ? i4_calloc(f->inner.count + 1, sizeof *f->view) : NULL;
    ok = ok && (f->view != NULL || i4_fail_memory(&inner, "the findings", f->inner.count));
    for (size_t i = 0; ok && i < f->inner.count; i++) {
        const i4_finding *item = &f->inner.item[i];
        f->view[i] = (id4_finding){item->path, item->code, item->text};
    }
    if (!ok) {
        id4_findings_free(f);
        return i4_leave(false, &inner, err);
    }
    *findings = f;
    return ID4_OK;
}

size_t id4_findings_count(const id4_findings *findings) {
    return findings != NULL ? findings->inner.count : 0;
}

const id4_finding *id4_findings_at(const id4_findings *findings, size_t index) {
    return findings != NULL && index < findings->inner.count ? &findings->view[index] : NULL;
}

void id4_findings_free(id4_findings *findings) {
    if (findings != NULL) {
        i4_findings_free(&findings->inner);
        i4_free(findings->view);
        i4_free(findings);
    }
}

id4_status id4_caption_prompt(const char *text, size_t size, id4_bytes *prompt, id4_error *err) {
    i4_err inner = {0};
    i4_findings findings = {0};
    char *out = NULL;
    size_t len = 0;
    if (text == NULL || prompt == NULL) {
        return i4_refuse(err, "a caption and a place for the prompt are needed");
    }
    const bool ok = i4_caption_prepare(i4_str_of(text, size), false, &out, &len, &findings, &inner);
    i4_findings_free(&findings);
    if (ok) {
        *prompt = (id4_bytes){(uint8_t *)out, len};
    }
    return i4_leave(ok, &inner, err);
}

id4_status id4_tokenize(const id4_model *model, const char *text, size_t size, int with_template,
                        id4_bytes *ids, size_t *count, id4_error *err) {
    i4_err inner = {0};
    int32_t *list = NULL;
    size_t found = 0;
    if (model == NULL || (text == NULL && size > 0) || ids == NULL || count == NULL) {
        return i4_refuse(err, "a model, a text and places for the results are needed");
    }
    const i4_str s = i4_str_of(text != NULL ? text : "", size);
    const i4_tokenizer *t = model->inner->tokenizer;
    const bool ok = with_template ? i4_tokenizer_encode_prompt(t, s, &list, &found, &inner)
                                  : i4_tokenizer_encode(t, s, &list, &found, &inner);
    if (ok) {
        *ids = (id4_bytes){(uint8_t *)list, found * sizeof *list};
        *count = found;
    }
    return i4_leave(ok, &inner, err);
}

id4_status id4_token_text(const id4_model *model, int32_t id, id4_bytes *text, id4_error *err) {
    i4_err inner = {0};
    i4_buf b;
    if (model == NULL || text == NULL) {
        return i4_refuse(err, "a model and a place for the text are needed");
    }
    i4_buf_init(&b, I4_LIMIT_CAPTION_BYTES);
    i4_buf_adds(&b, "");
    i4_tokenizer_decode(model->inner->tokenizer, id, &b);
    size_t len = 0;
    char *out = i4_buf_take(&b, &len);
    if (out == NULL) {
        i4_fail_memory(&inner, "a token's text", 64);
        return i4_leave(false, &inner, err);
    }
    *text = (id4_bytes){(uint8_t *)out, len};
    return ID4_OK;
}
