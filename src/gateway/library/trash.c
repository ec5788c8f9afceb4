/* Routes of the trash. */
#include "gateway/gateway.h"

const i4_route i4_trash_routes[] = {{0}};
