/* The gateway's life: settings, database, tasks, upscaler, servers, and back. */
#include "gateway/gateway.h"

#include "base/log.h"
#include "base/os.h"
#include "gateway/events/events.h"
#include "gateway/library/thumbs.h"
#include "gateway/library/trash.h"
#include "gateway/queue/queue.h"
#include "gateway/tasks/tasks.h"

#include <pthread.h>
#include <string.h>

enum { ROUTES_MAX = 160 };
static const double stop_seconds = 10;

/* --- the page that stands in for the web page ------------------------------------------------ */

static void stand_in(i4_http_request *request, i4_http_reply *reply, void *user) {
    (void)request;
    (void)user;
    i4_reply_text(reply, 200, "text/html; charset=utf-8",
                  "<!doctype html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\">"
                  "<title>Ideogram 4</title></head>\n<body>\n<h1>Ideogram 4</h1>\n"
                  "<p>The gateway is running. Its API begins at <a href=\"/api/model/status\">"
                  "/api/model/status</a>; README.md describes it.</p>\n"
                  "<p>The web page is not installed: build it in the folder web, or set "
                  "IDEOGRAM4_WEB_DIR to where it is.</p>\n</body>\n</html>\n");
}

/* --- routes -------------------------------------------------------------------------------- */

static const i4_route stand_in_routes[] = {{.method = "GET", .pattern = "/", .handler = stand_in},
                                           {0}};

/* All tables in one, with and without the stand-in; ended by method NULL. */
static i4_route joined[2][ROUTES_MAX + 1];
static pthread_once_t joined_once = PTHREAD_ONCE_INIT; /* guards joined */

static size_t join_table(i4_route *to, size_t count, const i4_route *table) {
    for (; table->method && count < ROUTES_MAX; table++) {
        to[count++] = *table;
    }
    return count;
}

static void join_tables(void) {
    static const i4_route *const tables[] = {i4_proxy_routes,   i4_task_routes,    i4_queue_routes,
                                             i4_event_routes,   i4_picture_routes, i4_trash_routes,
                                             i4_search_routes,  i4_library_routes, i4_magic_routes,
                                             i4_upscale_routes, i4_openai_routes};
    for (int with_stand_in = 0; with_stand_in < 2; with_stand_in++) {
        size_t count = 0;
        for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
            count = join_table(joined[with_stand_in], count, tables[i]);
        }
        if (with_stand_in) {
            join_table(joined[with_stand_in], count, stand_in_routes);
        }
    }
}

const i4_route *i4_gateway_routes(void) {
    pthread_once(&joined_once, join_tables);
    return joined[0];
}

/* --- servers ------------------------------------------------------------------------------- */

static i4_http_options options_for(i4_gateway *gateway, const char *host, int port) {
    const i4_settings *s = gateway->settings;
    const bool has_page = s->web_dir[0] && i4_path_look(s->web_dir) == I4_PATH_DIR;
    pthread_once(&joined_once, join_tables);
    return (i4_http_options){.host = host,
                             .port = port,
                             .routes = joined[has_page ? 0 : 1],
                             .user = gateway,
                             .workers = 16,
                             .slow_workers = 8,
                             .origins = (const char *const *)s->cors_origins,
                             .cors_credentials = s->cors_credentials,
                             .hosts = (const char *const *)s->allowed_hosts,
                             .token = s->access_token[0] ? s->access_token : NULL,
                             .static_dir = has_page ? s->web_dir : NULL,
                             .area = "gateway"};
}

/* The page's own port may still be taken by another program's page; the API works without. */
static void start_page(i4_gateway *gateway) {
    const i4_settings *s = gateway->settings;
    i4_err err = {0};
    if (s->webui_port <= 0) {
        return;
    }
    i4_http_options options = options_for(gateway, s->webui_host, s->webui_port);
    options.area = "page";
    gateway->page = i4_http_start(&options, &err);
    if (!gateway->page) {
        i4_log(I4_LOG_WARN, "gateway", "the page has no port of its own: %s", err.text);
    }
}

static bool start(i4_gateway *gateway, i4_err *err) {
    const i4_settings *s = gateway->settings;
    gateway->db = i4_db_open(s->db_path, s->output_dir, err);
    gateway->thumbs = gateway->db ? i4_thumbs_start(gateway, err) : NULL;
    gateway->events = gateway->thumbs ? i4_events_start(gateway, err) : NULL;
    if (!gateway->events || !i4_tasks_start(gateway, err)) {
        return false;
    }
    i4_library_sweep(gateway);
    gateway->trash = i4_trash_start(gateway, err);
    gateway->upscale = gateway->trash ? i4_upscale_start(gateway, err) : NULL;
    gateway->queue = gateway->upscale ? i4_queue_start(gateway, err) : NULL;
    if (!gateway->queue) {
        return false;
    }
    const i4_http_options options = options_for(gateway, s->server_host, s->server_port);
    gateway->server = i4_http_start(&options, err);
    if (!gateway->server) {
        return false;
    }
    start_page(gateway);
    return true;
}

bool i4_gateway_start(i4_gateway *gateway, const i4_settings *settings, i4_err *err) {
    *gateway = (i4_gateway){.settings = settings};
    if (!start(gateway, err)) {
        i4_gateway_stop(gateway);
        return false;
    }
    return true;
}

int i4_gateway_port(const i4_gateway *gateway) {
    return i4_http_port(gateway->server);
}

/* First everything that waits for other services is told to give up, then nobody may come in any
 * more, then what handlers use goes. */
void i4_gateway_stop(i4_gateway *gateway) {
    i4_tasks_begin_stop(gateway->tasks);
    i4_queue_begin_stop(gateway->queue);
    const bool page_ended = i4_http_stop(gateway->page, stop_seconds);
    const bool server_ended = i4_http_stop(gateway->server, stop_seconds);
    gateway->page = gateway->server = NULL;
    if (!page_ended || !server_ended) {
        i4_log(I4_LOG_WARN, "gateway", "a request does not end; its memory stays");
        return;
    }
    i4_queue_stop(gateway->queue);
    i4_upscale_stop(gateway->upscale);
    i4_trash_stop(gateway->trash);
    i4_events_stop(gateway->events);
    i4_tasks_stop(gateway->tasks);
    i4_thumbs_stop(gateway->thumbs);
    i4_db_close(gateway->db);
    *gateway = (i4_gateway){0};
}
