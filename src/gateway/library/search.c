/* Routes of the library. */
#include "gateway/gateway.h"

const i4_route i4_search_routes[] = {{0}};
