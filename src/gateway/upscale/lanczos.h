/* Floor 6, private to the gateway. Making a picture smaller. */
#ifndef I4_GATEWAY_LANCZOS_H
#define I4_GATEWAY_LANCZOS_H

#include "image/image.h"

/* A new picture of half the size (odd sides are rounded up), by the Lanczos kernel of three lobes
 * stretched to the reduction: rows, then columns, each normalised, in binary32. */
bool i4_lanczos_half(const i4_image *from, i4_image *to, i4_err *err);

#endif
