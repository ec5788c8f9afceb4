/* Floor 6, private to the gateway. Searching a caption in text that anybody may have written: JSON,
 * or JSON within strings of JSON, within prose, within XML. Bounded in size, depth, tries and work.
 */
#ifndef I4_GATEWAY_FIND_H
#define I4_GATEWAY_FIND_H

#include "base/str.h"

#include <jansson.h>

enum {
    I4_FIND_BYTES = 2 << 20, /* of one text that is searched */
    I4_FIND_DEPTH = 32,      /* of JSON in it */
    I4_FIND_NESTED = 4       /* JSON in strings of JSON */
};

extern const char i4_caption_mark[]; /* the key that every caption has */

typedef struct i4_find {
    json_t *caption;  /* new reference, NULL: none yet */
    json_t *around;   /* the outermost object it was in */
    json_t *repaired; /* sentences */
    int tries;
    size_t work; /* bytes read so far */
} i4_find;

void i4_find_begin(i4_find *find);
void i4_find_end(i4_find *find);
/* Searches on, unless something was found already. */
void i4_find_text(i4_find *find, i4_str text);
void i4_find_xml(i4_find *find, i4_str text); /* of which characters may be escaped */
/* One JSON value of limited depth (new reference), with small faults repaired; NULL if it is none.
 */
json_t *i4_find_parse(i4_find *find, i4_str text);
i4_str i4_find_trim(i4_str text); /* without blanks around it */

#endif
