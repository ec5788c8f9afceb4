/* The HTTP client of each thread, and path segments for its addresses. */
#include "gateway/outside.h"

#include <pthread.h>
#include <string.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t key; /* of each thread: its i4_http_client, owned */
static bool has_key;      /* written once, under `once` */

static void free_client(void *client) {
    i4_http_client_free(client);
}

static void make_key(void) {
    has_key = pthread_key_create(&key, free_client) == 0;
}

i4_http_client *i4_outside_client(i4_err *err) {
    if (pthread_once(&once, make_key) != 0 || !has_key) {
        i4_fail(err, I4_E_INTERNAL, "the system has no room for another thread key");
        return NULL;
    }
    i4_http_client *client = pthread_getspecific(key);
    if (client) {
        return client;
    }
    client = i4_http_client_new(err);
    if (client && pthread_setspecific(key, client) != 0) {
        i4_http_client_free(client);
        i4_fail_memory(err, "an HTTP client", 0);
        return NULL;
    }
    return client;
}

static bool is_plain(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
           c == '_' || c == '.' || c == '~';
}

void i4_outside_segment(i4_buf *url, const char *segment) {
    if (strspn(segment, ".") == strlen(segment)) {
        i4_buf_addc(url, '-');
        return;
    }
    for (const char *p = segment; *p; p++) {
        if (is_plain(*p)) {
            i4_buf_addc(url, *p);
        } else {
            i4_buf_addf(url, "%%%02X", (unsigned)(unsigned char)*p);
        }
    }
}
