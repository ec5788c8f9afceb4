/* Floor 6, private to the daemon. The daemon itself, and the handlers of its routes, which run on
 * the server's threads. */
#ifndef I4_DAEMON_INSIDE_H
#define I4_DAEMON_INSIDE_H

#include "daemon/daemon.h"
#include "daemon/worker.h"
#include "http/server.h"

struct i4_daemon {
    i4_settings settings; /* a copy, never changed */
    i4_table table;
    bool has_table;
    i4_spool *spool;
    i4_worker *worker;
    i4_http_server *server;
};

/* Text as JSON whatever its bytes: what is not UTF-8 (a cut end, a strange file name) becomes '?'.
 */
json_t *i4_json_text(const char *text);

/* answer_model.c */
void i4_answer_health(i4_http_request *request, i4_http_reply *reply, void *user);
void i4_answer_model_status(i4_http_request *request, i4_http_reply *reply, void *user);
void i4_answer_model_load(i4_http_request *request, i4_http_reply *reply, void *user);
void i4_answer_model_unload(i4_http_request *request, i4_http_reply *reply, void *user);
void i4_answer_model_idle(i4_http_request *request, i4_http_reply *reply, void *user);
/* Queues a load; the mutex is held. False: no room in the queue. */
bool i4_start_load(i4_table *t);

/* answer_lora.c */
void i4_answer_lora_status(i4_http_request *request, i4_http_reply *reply, void *user);
void i4_answer_lora_presets(i4_http_request *request, i4_http_reply *reply, void *user);
void i4_answer_lora_apply(i4_http_request *request, i4_http_reply *reply, void *user);
void i4_answer_lora_remove(i4_http_request *request, i4_http_reply *reply, void *user);
void i4_answer_lora_operation(i4_http_request *request, i4_http_reply *reply, void *user);
void i4_answer_lora_download(i4_http_request *request, i4_http_reply *reply, void *user);
void i4_answer_lora_download_status(i4_http_request *request, i4_http_reply *reply, void *user);

/* answer_draw.c */
void i4_answer_generate(i4_http_request *request, i4_http_reply *reply, void *user);
void i4_answer_status(i4_http_request *request, i4_http_reply *reply, void *user);
void i4_answer_artifact(i4_http_request *request, i4_http_reply *reply, void *user);
void i4_answer_preview(i4_http_request *request, i4_http_reply *reply, void *user);
void i4_answer_cancel(i4_http_request *request, i4_http_reply *reply, void *user);
void i4_answer_spool(i4_http_request *request, i4_http_reply *reply, void *user);
void i4_answer_spool_take(i4_http_request *request, i4_http_reply *reply, void *user);

#endif
