/* For tests: a language model that says what it is told to say. */
#ifndef ID4_TESTS_FAKE_PROVIDER_H
#define ID4_TESTS_FAKE_PROVIDER_H

#include "fake_service.h"

typedef enum fake_manner {
    FAKE_CHAT,  /* `text` as the content of a proper answer */
    FAKE_BODY,  /* `text` is the whole body */
    FAKE_DRIP,  /* a proper answer, a byte every 50 ms, without end */
    FAKE_HUGE,  /* a body of 9 MiB */
    FAKE_SILENT /* takes the question and says nothing */
} fake_manner;

typedef struct fake_provider {
    fake_service service;
    pthread_mutex_t mutex; /* guards what follows */
    fake_manner manner;
    int status;
    const char *text;
    int health_status, models_status; /* of GET /health and GET /v1/models; 0: no answer */
    char *last_head, *last_body;      /* of the last POST, or of the last GET before one */
    char last_target[2048];
    int questions;
} fake_provider;

void fake_provider_open(fake_provider *provider);
void fake_provider_close(fake_provider *provider);
void fake_provider_say(fake_provider *provider, fake_manner manner, int status, const char *text);

#endif
