/* Floor 6, private to this folder. Which pictures a filter leaves, decided on the view. */
#ifndef I4_GATEWAY_DB_SELECT_H
#define I4_GATEWAY_DB_SELECT_H

#include "gateway/db/library.h"
#include "gateway/db/view.h"

/* The sets of ids that a filter asks for (words, tags, LoRA), as one number for each row of the
 * view: how many of the sets have it. */
typedef struct i4_selection {
    const i4_filter *filter;
    uint64_t preset;
    uint8_t *marks; /* owned, as many as the view has rows; NULL: no sets */
    uint8_t sets;
} i4_selection;

/* Under the lock, with a fresh view. INVALID_ARGUMENT: too many words. */
bool i4_select(i4_db *db, const i4_filter *filter, i4_selection *selection, i4_err *err);
bool i4_selected(const i4_selection *selection, const i4_view *view, size_t at);
void i4_selection_free(i4_selection *selection);

#endif
