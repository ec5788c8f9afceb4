/* Pushed events. */
#include "gateway/events/events.h"

#include "base/memory.h"

i4_events *i4_events_start(i4_gateway *gateway, i4_err *err) {
    (void)gateway;
    i4_events *events = i4_calloc(1, 8);
    if (!events) {
        i4_fail_memory(err, "the log of events", 8);
    }
    return events;
}

void i4_events_stop(i4_events *events) {
    i4_free(events);
}

void i4_events_say(i4_events *events, const char *kind, const char *key, json_t *data) {
    (void)events;
    (void)kind;
    (void)key;
    json_decref(data);
}

void i4_events_image(i4_events *events, const char *change, json_t *ids, int64_t prompt_id) {
    (void)events;
    (void)change;
    (void)prompt_id;
    json_decref(ids);
}

int i4_events_listeners(i4_events *events) {
    (void)events;
    return 0;
}
