/* Any bytes as a caption. The verifier never fails within the limits; a compact prompt is stable:
 * preparing it again changes nothing. */
#include "base/limits.h"
#include "base/memory.h"
#include "caption/caption.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds) {
    if (!holds) {
        abort();
    }
}

static bool is_verbatim(const i4_findings *findings) {
    return findings->count > 0 && (strcmp(findings->item[0].code, "plain") == 0 ||
                                   strcmp(findings->item[0].code, "invalid") == 0);
}

static void require_sound(const i4_findings *findings) {
    for (size_t i = 0; i < findings->count; i++) {
        require(findings->item[i].path[0] && findings->item[i].code[0]);
        require(i4_utf8_valid(i4_str_c(findings->item[i].text)));
    }
}

static void require_stable(i4_str prompt, bool was_verbatim) {
    i4_findings findings;
    char *again;
    size_t len;
    require(i4_caption_prepare(prompt, false, &again, &len, &findings, NULL));
    require(is_verbatim(&findings) == was_verbatim);
    require(i4_str_eq(prompt, i4_str_of(again, len)));
    i4_findings_free(&findings);
    i4_free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const i4_str text = i4_str_of((const char *)data, size);
    i4_findings findings;
    i4_err err;
    char *prompt;
    size_t len;
    if (i4_caption_prepare(text, false, &prompt, &len, &findings, &err)) {
        require(len > 0 && i4_utf8_valid(i4_str_of(prompt, len)));
        require_sound(&findings);
        if (len <= I4_LIMIT_CAPTION_BYTES) {
            require_stable(i4_str_of(prompt, len), is_verbatim(&findings));
        }
    }
    i4_findings_free(&findings);
    i4_free(prompt);
    require(i4_caption_verify(text, &findings, &err) == (size <= I4_LIMIT_CAPTION_BYTES));
    require_sound(&findings);
    i4_findings_free(&findings);
    if (i4_caption_prepare(text, true, &prompt, &len, &findings, &err)) {
        require(findings.count == 0);
    } else {
        require(prompt == NULL && i4_utf8_valid(i4_str_c(err.text)));
    }
    i4_findings_free(&findings);
    i4_free(prompt);
    return 0;
}
