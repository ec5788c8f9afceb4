/* Floor 1, private to the hub and its tests: a fetch with another patience than the usual. */
#ifndef I4_HUB_FETCH_H
#define I4_HUB_FETCH_H

#include "hub/hub.h"
#include "hub/talk.h"

bool i4_hub_fetch_patiently(const i4_hub_options *options, i4_hub_patience patience, char *folder,
                            size_t size, i4_err *err);

#endif
