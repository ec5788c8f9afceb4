/* Floor 6. The gateway: what its modules share, and its life. It links no engine code.
 *
 * Each module has one table of routes, ended by method NULL, whose handlers get the i4_gateway as
 * user; gateway.c joins the tables. */
#ifndef I4_GATEWAY_GATEWAY_H
#define I4_GATEWAY_GATEWAY_H

#include "gateway/db/db.h"
#include "http/client.h"
#include "http/server.h"
#include "http/validate.h"
#include "settings/settings.h"

typedef struct i4_tasks i4_tasks;     /* tasks/: generation tasks and the thread that stores */
typedef struct i4_upscale i4_upscale; /* upscale/ */
typedef struct i4_events i4_events;   /* events/: what happened, pushed to listeners */
typedef struct i4_queue i4_queue;     /* queue/: the durable queue */
typedef struct i4_thumbs i4_thumbs;   /* library/thumbs.c */
typedef struct i4_trash i4_trash;     /* library/trash.c: the thread that empties it */

typedef struct i4_gateway {
    const i4_settings *settings; /* borrowed */
    i4_db *db;
    i4_tasks *tasks;
    i4_upscale *upscale;
    i4_events *events; /* NULL in tests of single modules */
    i4_queue *queue;
    i4_thumbs *thumbs;
    i4_trash *trash;
    i4_http_server *server, *page; /* :8000, and the same page on :5173 (NULL: none) */
} i4_gateway;

bool i4_gateway_start(i4_gateway *gateway, const i4_settings *settings, i4_err *err);
int i4_gateway_port(const i4_gateway *gateway);
void i4_gateway_stop(i4_gateway *gateway);

extern const i4_route i4_proxy_routes[]; /* proxy.c: model, LoRA */
extern const i4_route i4_task_routes[];  /* tasks/routes.c: generate, status, cancel */
extern const i4_route
    i4_library_routes[]; /* library/library.c: images, prompts, favourites, form, outputs */
extern const i4_route i4_magic_routes[];   /* magic/magic.c: Magic Prompt, verify */
extern const i4_route i4_upscale_routes[]; /* upscale/ */

extern const i4_route i4_queue_routes[];   /* queue/routes.c: queue, previews */
extern const i4_route i4_event_routes[];   /* events/routes.c: events, estimate, capabilities */
extern const i4_route i4_search_routes[];  /* library/search.c: library, timeline, tags, bulk */
extern const i4_route i4_picture_routes[]; /* library/pictures.c: thumbnails, recipes, import */
extern const i4_route i4_trash_routes[];   /* library/trash.c */
extern const i4_route i4_openai_routes[];  /* openai/ */
/* All of them, in the order in which they are tried; ended by method NULL. */
const i4_route *i4_gateway_routes(void);

/* proxy.c: one call to the daemon with the rules of 2.8; answers the relayed reply. A NULL body
 * sends none. */
void i4_relay(i4_gateway *gateway, i4_http_reply *reply, const char *method, const char *path,
              json_t *body, double seconds);
/* The same, but gives the answer: false when the daemon cannot be reached (sentence in err). */
bool i4_daemon_call(i4_gateway *gateway, const char *method, const char *path, json_t *body,
                    double seconds, i4_answer *answer, i4_err *err);

/* library/ */
json_t *i4_image_ref(json_t *image_row, const char *fallback_hld); /* ImageRef of 3.6 */
bool i4_output_path(const i4_gateway *gateway, const char *name, char *out, size_t size); /* 7.5 */
const char *i4_output_type(const char *name); /* content type by suffix */
/* Removes files that a deletion gave (takes the list) and notes those that are gone. */
void i4_library_remove(i4_db *db, const char *output_dir, json_t *files);
/* At start: removes what deletions cut short by the end of a process left behind. */
void i4_library_sweep(const i4_gateway *gateway);

/* tasks/ */
i4_tasks *i4_tasks_start(i4_gateway *gateway, i4_err *err);
void i4_tasks_stop(i4_tasks *tasks);
/* upscale/upscale.c */
i4_upscale *i4_upscale_start(i4_gateway *gateway, i4_err *err);
void i4_upscale_stop(i4_upscale *upscale);

#endif
