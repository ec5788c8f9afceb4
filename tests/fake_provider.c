/* Answers of the scripted language model. */
#include "fake_provider.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void chat(int fd, int status, const char *text) {
    json_t *answer =
        json_pack("{s:s, s:[{s:i, s:{s:s, s:s}}]}", "model", "what it calls itself", "choices",
                  "index", 0, "message", "role", "assistant", "content", text);
    char *body = json_dumps(answer, JSON_COMPACT);
    fake_reply_json(fd, status, body);
    free(body);
    json_decref(answer);
}

static void drip(fake_service *service, int fd) {
    fake_send_text(fd, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n");
    while (fake_service_sleep(service, 50) && fake_send_text(fd, " ")) {
    }
}

static void huge(int fd) {
    const size_t size = 9 << 20;
    char *body = malloc(size);
    memset(body, ' ', size);
    fake_reply(fd, 200, "application/json", body, size);
    free(body);
}

static void remember(fake_provider *p, const fake_call *call) {
    free(p->last_head);
    free(p->last_body);
    p->last_head = strdup(call->head);
    p->last_body = strdup(call->body);
    snprintf(p->last_target, sizeof p->last_target, "%s", call->target);
}

static void answer(fake_service *service, int fd, const fake_call *call, void *user) {
    fake_provider *p = user;
    pthread_mutex_lock(&p->mutex);
    remember(p, call);
    const bool is_question = strcmp(call->method, "POST") == 0;
    p->questions += is_question;
    const fake_manner manner = p->manner;
    const int status = is_question                            ? p->status
                       : strcmp(call->target, "/health") == 0 ? p->health_status
                                                              : p->models_status;
    const char *text = p->text;
    pthread_mutex_unlock(&p->mutex);
    if (!is_question && status > 0) {
        fake_reply_json(fd, status, "{}");
    } else if (!is_question || manner == FAKE_SILENT) {
        fake_service_sleep(service, 15000);
    } else if (manner == FAKE_CHAT) {
        chat(fd, status, text);
    } else if (manner == FAKE_BODY) {
        fake_reply_json(fd, status, text);
    } else if (manner == FAKE_DRIP) {
        drip(service, fd);
    } else {
        huge(fd);
    }
}

void fake_provider_open(fake_provider *p) {
    *p = (fake_provider){.status = 200, .text = "", .health_status = 200, .models_status = 200};
    pthread_mutex_init(&p->mutex, NULL);
    fake_service_open(&p->service, 0, answer, p);
}

void fake_provider_close(fake_provider *p) {
    fake_service_close(&p->service);
    free(p->last_head);
    free(p->last_body);
    pthread_mutex_destroy(&p->mutex);
}

void fake_provider_say(fake_provider *p, fake_manner manner, int status, const char *text) {
    pthread_mutex_lock(&p->mutex);
    p->manner = manner;
    p->status = status;
    p->text = text;
    pthread_mutex_unlock(&p->mutex);
}
