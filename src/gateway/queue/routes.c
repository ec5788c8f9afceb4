/* Routes of the queue. */
#include "gateway/queue/queue.h"

const i4_route i4_queue_routes[] = {{0}};
