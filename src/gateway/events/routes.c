/* Routes of events. */
#include "gateway/events/events.h"

const i4_route i4_event_routes[] = {{0}};
