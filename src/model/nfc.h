/* Floor 3. Unicode normalisation form C of one piece of text. */
#ifndef I4_MODEL_NFC_H
#define I4_MODEL_NFC_H

#include "base/status.h"
#include "base/str.h"

/* Appends the NFC form of `text`, which must be valid UTF-8, to `out`. Linear in the length of
 * the text, whatever it holds. Fails only when out of memory or past the limit of `out`. */
bool i4_nfc(i4_str text, i4_buf *out, i4_err *err);

#endif
