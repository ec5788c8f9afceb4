/* Routes of pictures: thumbnails, recipes, import. */
#include "gateway/library/thumbs.h"

const i4_route i4_picture_routes[] = {{0}};
