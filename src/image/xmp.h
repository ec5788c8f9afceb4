/* Floor 1, private to this folder. Metadata pairs as an XMP packet (ISO 16684-1).
 *
 * Each pair is a property <i4:KEY>value</i4:KEY> in the namespace "https://ideogram4.c/ns/1.0/".
 * A key may hold what an XML name may not: ':' anywhere, a digit or '-' in front. Such a
 * character is written _x003A_ with its code in four hexadecimal digits, and an underscore that
 * would read as the start of that is written _x005F_. Characters that XML 1.0 cannot express
 * (controls other than tab, line feed and carriage return; U+FFFE, U+FFFF) become U+FFFD. */
#ifndef I4_IMAGE_XMP_H
#define I4_IMAGE_XMP_H

#include "base/limits.h"
#include "image/codec.h"

enum {
    /* The longest escape of one byte is "&#13;"; the rest is frame and keys. */
    I4_XMP_BYTES_MAX = 5 * I4_LIMIT_METADATA_BYTES + 64 * 1024,
    I4_XMP_GUID_BYTES = 32
};

/* The packet as WebP and JPEG hold it. `extended`, when not NULL, is the 32-digit name of further
 * XMP elsewhere in the file (JPEG). */
void i4_xmp_packet(i4_buf *out, const i4_pair *pairs, size_t count, const char *extended);
/* The same without the packet's wrapper, for that further XMP. */
void i4_xmp_body(i4_buf *out, const i4_pair *pairs, size_t count, const char *extended);

/* Gathers our properties, as elements or attributes, under whatever prefix. Reads what other
 * programs make of our packet; what is not well formed is passed over or ends the search. */
bool i4_xmp_read(i4_str packet, i4_gather *gather, i4_err *err);
/* The 32-digit name of further XMP, into the packet; empty when there is none. */
i4_str i4_xmp_extended(i4_str packet);

#endif
