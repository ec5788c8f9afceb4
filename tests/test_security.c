/* What another site's page, or a name that was rebound to this machine, can make a browser send to
 * the running programs: nothing of it gets through, and what our own pages send does. */
#include "probe.h"
#include "stack.h"

#include <signal.h>

enum { HOSTS_MIN = 500, SHAPES_MIN = 40, TEXT = 4096 };

static const char json_lines[] = "Content-Type: application/json\r\n";
static const char token[] = "correct-horse-battery-staple-0123456789";

/* --- the routes ------------------------------------------------------------------------------ */

typedef struct door {
    const char *method, *path, *body; /* what would change something, were it let in */
} door;

static const char order[] = "{\"caption\":{\"high_level_description\":\"not ours\"},\"width\":256,"
                            "\"height\":256,\"preset\":\"V4_TURBO_12\"}";
static const char form[] = "{\"hld\":\"not ours\",\"form_json\":\"{\\\"w\\\":1}\"}";
#define NO_TASK "0123456789abcdef0123456789abcdef"

static const door gateway_doors[] = {
    {"POST", "/api/model/load", NULL},
    {"POST", "/api/model/unload", NULL},
    {"POST", "/api/lora/download", "{\"preset_id\":\"x\"}"},
    {"POST", "/api/lora/apply", "{\"name\":\"x.safetensors\"}"},
    {"POST", "/api/lora/remove", NULL},
    {"POST", "/api/generate", order},
    {"POST", "/api/cancel/" NO_TASK, NULL},
    {"DELETE", "/api/images/orphans", NULL},
    {"DELETE", "/api/images/1", NULL},
    {"PATCH", "/api/images/1", "{\"prompt_id\":1}"},
    {"POST", "/api/images/1/attach-history", form},
    {"POST", "/api/prompts", form},
    {"DELETE", "/api/prompts/1", NULL},
    {"POST", "/api/favorites", "{\"image_id\":1}"},
    {"DELETE", "/api/favorites/images/1", NULL},
    {"DELETE", "/api/favorites/prompts/1", NULL},
    {"POST", "/api/form", "{\"form_json\":\"{\\\"w\\\":2}\"}"},
    {"POST", "/api/upscale", "{\"image_id\":1}"},
    {"POST", "/api/magic-prompt", "{\"prompt\":\"a cat\"}"},
    {"POST", "/api/verify", "{\"caption\":{}}"},
    {"GET", "/api/model/status", NULL},
    {"GET", "/api/lora/status", NULL},
    {"GET", "/api/lora/presets", NULL},
    {"GET", "/api/lora/download/" NO_TASK, NULL},
    {"GET", "/api/lora/operation/" NO_TASK, NULL},
    {"GET", "/api/status/" NO_TASK, NULL},
    {"GET", "/api/images", NULL},
    {"GET", "/api/images/stats", NULL},
    {"GET", "/api/images/1/file", NULL},
    {"GET", "/outputs/a.png", NULL},
    {"GET", "/api/prompts", NULL},
    {"GET", "/api/prompts/1", NULL},
    {"GET", "/api/favorites", NULL},
    {"GET", "/api/favorites/1", NULL},
    {"GET", "/api/form", NULL},
    {"GET", "/api/upscale/status", NULL},
    {"GET", "/api/upscale/" NO_TASK, NULL},
    {"GET", "/api/magic-prompt/status", NULL},
    {"GET", "/", NULL},
    {"GET", "/no/such/page", NULL},
    {0},
};

static const door daemon_doors[] = {
    {"POST", "/model/load", NULL},
    {"POST", "/model/unload", NULL},
    {"POST", "/lora/apply", "{\"name\":\"x.safetensors\"}"},
    {"POST", "/lora/remove", NULL},
    {"POST", "/lora/download", "{\"preset_id\":\"x\"}"},
    {"POST", "/generate", order},
    {"POST", "/cancel/" NO_TASK, NULL},
    {"DELETE", "/spool/" NO_TASK, NULL},
    {"GET", "/health", NULL},
    {"GET", "/model/status", NULL},
    {"GET", "/lora/status", NULL},
    {"GET", "/lora/presets", NULL},
    {"GET", "/lora/operation/" NO_TASK, NULL},
    {"GET", "/lora/download/" NO_TASK, NULL},
    {"GET", "/status/" NO_TASK, NULL},
    {"GET", "/artifact/" NO_TASK, NULL},
    {"GET", "/spool", NULL},
    {"GET", "/", NULL},
    {0},
};

static bool changes_state(const door *d) {
    return strcmp(d->method, "GET") != 0;
}

/* --- what must not change -------------------------------------------------------------------- */

static void add_answer(probe_link *link, const char *path, char **text, size_t *size) {
    const int status = probe_get(link, path);
    assert_int_equal(status, 200);
    char *grown = realloc(*text, *size + link->body_size + 1);
    assert_non_null(grown);
    memcpy(grown + *size, link->body, link->body_size);
    *size += link->body_size;
    grown[*size] = '\0';
    *text = grown;
}

/* All that the programs know and that a request could change; owned. */
static char *snapshot(probe_link *gateway, probe_link *daemon) {
    static const char *const kept[] = {"/api/images?limit=0", "/api/prompts", "/api/favorites",
                                       "/api/form", "/api/lora/status"};
    char *text = NULL;
    size_t size = 0;
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) {
        add_answer(gateway, kept[i], &text, &size);
    }
    add_answer(daemon, "/spool", &text, &size);
    /* of the model only what the answer begins with: memory figures move by themselves */
    assert_int_equal(probe_get(daemon, "/model/status"), 200);
    assert_non_null(strstr(daemon->body, "\"state\":\"loaded\""));
    assert_non_null(strstr(daemon->body, "\"operation\":null"));
    return text;
}

static void assert_unchanged(const char *before, probe_link *gateway, probe_link *daemon,
                             const char *what) {
    char *after = snapshot(gateway, daemon);
    if (strcmp(before, after) != 0) {
        fail_msg("%s changed something:\n%s\n%s", what, before, after);
    }
    free(after);
}

/* --- Host forms ------------------------------------------------------------------------------ */

static const char *const names[] = {
    /* other people's names, some of which lead here */
    "evil.example",
    "www.evil.example",
    "127.0.0.1.evil.example",
    "localhost.evil.example",
    "evil.example.localhost",
    "127.0.0.1.nip.example",
    "7f000001.rebind.example",
    "rebind",
    "xn--lcalhost-q1a",
    "loca\xcc\x88lhost",
    ("l\xd0\xbe"
     "calhost"), /* in two, for the c would belong to the escape */
    "evil_example",
    "-",
    "a",
    "local",
    "localhost.localdomain",
    "ip6-localhost",
    "ideogram4",
    "gateway.internal",
    "metadata.google.internal",
    "169.254.169.254",
    "10.0.0.1",
    "192.168.1.1",
    "8.8.8.8",
    /* ours, as nobody's browser would write it */
    "localhost.",
    "127.0.0.1.",
    "localhost..",
    ".localhost",
    "local host",
    "localhost%00",
    "localhost%2e",
    "localhost\\",
    "localhost/",
    "localhost#",
    "localhost?",
    "localhost@evil",
    "evil@localhost",
    "user:pass@localhost",
    "localhost,evil.example",
    "evil.example,localhost",
    "localhost;",
    "\"localhost\"",
    "'localhost'",
    "(localhost)",
    "<localhost>",
    "http://localhost",
    "//localhost",
    "127.1",
    "127.0.1",
    "127.0.0.01",
    "0127.0.0.1",
    "127.0.0.1e0",
    "127.000.000.001",
    "2130706433",
    "0x7f000001",
    "0x7f.1",
    "0x7f.0.0.1",
    "0177.0.0.1",
    "017700000001",
    "127.0.0.2",
    "127.0.0.0",
    "127.255.255.255",
    "0.0.0.0",
    "0",
    "256.0.0.1",
    "::1",
    "[::]",
    "[::2]",
    "[0:0:0:0:0:0:0:1]",
    "[::ffff:127.0.0.1]",
    "[::127.0.0.1]",
    "[::1%lo]",
    "[::1",
    "::1]",
    "[127.0.0.1]",
    "[localhost]",
    "[]",
    "[",
    "]",
    "*",
    ".",
    "..",
    "%",
    "$",
};
/* %d: the port that is listened on */
static const char *const ports[] = {":%d", "", ":", ":80", ":443", ":0", ":1%d", ":0%d"};
/* beside ports: names that are ours, with what is not */
static const char *const own_names[] = {"localhost", "127.0.0.1", "[::1]", "LOCALHOST"};
static const char *const wrong_ports[] = {
    "",      ":",        ":80",      ":443", ":0",      ":1%d",        ":0%d",
    ":%d0",  ":+%d",     ":-%d",     ": %d", ":%d:%d",  ":%d/",        ":%d#",
    ":%d?x", ":%d@evil", ":%d,evil", ":%d.", ":0x1f40", ":%d evil",    ":%d;x",
    "%d",    ".:%d",     ":http",    "::%d", ":%d%%00", ":%d\xc2\xa0", "@evil:%d",
};

typedef struct host_list {
    char (*line)[256];
    size_t count;
} host_list;

static void add_host(host_list *list, const char *name, const char *pattern, int port) {
    char tail[128];
    const char *mark = strstr(pattern, "%d");
    char again[32] = "";
    list->line = realloc(list->line, (list->count + 1) * sizeof *list->line);
    assert_non_null(list->line);
    if (!mark) {
        snprintf(tail, sizeof tail, "%s", pattern);
    } else {
        const char *rest = mark + 2;
        if (strncmp(rest, ":%d", 3) == 0) {
            snprintf(again, sizeof again, ":%d", port);
            rest += 3;
        }
        snprintf(tail, sizeof tail, "%.*s%d%s%s", (int)(mark - pattern), pattern, port, again,
                 rest[0] == '%' && rest[1] == '%' ? rest + 1 : rest);
    }
    snprintf(list->line[list->count++], sizeof *list->line, "Host: %s%s\r\n", name, tail);
}

static host_list make_hosts(int port) {
    host_list list = {0};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        for (size_t k = 0; k < sizeof ports / sizeof *ports; k++) {
            add_host(&list, names[i], ports[k], port);
        }
    }
    for (size_t i = 0; i < sizeof own_names / sizeof *own_names; i++) {
        for (size_t k = 0; k < sizeof wrong_ports / sizeof *wrong_ports; k++) {
            add_host(&list, own_names[i], wrong_ports[k], port);
        }
    }
    assert_true(list.count >= HOSTS_MIN);
    return list;
}

static bool is_refused_host(int status) {
    return status == 421 || status == 400;
}

static void try_hosts(probe_link *link, const door *doors, const host_list *hosts) {
    for (const door *d = doors; d->method; d++) {
        for (size_t i = 0; i < hosts->count; i++) {
            char lines[512];
            snprintf(lines, sizeof lines, "%s%s", hosts->line[i], d->body ? json_lines : "");
            const int status = probe_ask(link, d->method, d->path, lines, d->body);
            if (!is_refused_host(status)) {
                fail_msg("%s %s was answered %d under %s", d->method, d->path, status,
                         hosts->line[i]);
            }
        }
    }
}

/* No Host, an empty one, two of them, one folded over two lines, and an older HTTP without. */
static void try_odd_heads(probe_link *link, const door *doors) {
    static const char *const heads[] = {
        "HTTP/1.1\r\n",
        "HTTP/1.1\r\nHost:\r\n",
        "HTTP/1.1\r\nHost: \r\n",
        "HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nHost: evil.example\r\n",
        "HTTP/1.1\r\nHost: evil.example\r\nHost: 127.0.0.1:%d\r\n",
        "HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nHost: 127.0.0.1:%d\r\n",
        "HTTP/1.1\r\nX-Forwarded-Host: 127.0.0.1:%d\r\nHost: evil.example\r\n",
        "HTTP/1.1\r\nHost: evil.example\r\n 127.0.0.1:%d\r\n",
        "HTTP/1.0\r\n",
    };
    for (const door *d = doors; d->method; d++) {
        for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
            char head[256], text[TEXT];
            const char *mark = heads[i];
            size_t used = 0;
            for (; *mark && used < sizeof head - 16; mark++) {
                if (mark[0] == '%' && mark[1] == 'd') {
                    used += (size_t)snprintf(head + used, 16, "%d", link->port);
                    mark++;
                } else {
                    head[used++] = *mark;
                }
            }
            head[used] = '\0';
            const char *body = d->body ? d->body : "";
            const int size =
                snprintf(text, sizeof text, "%s %s %s%sContent-Length: %zu\r\n\r\n%s", d->method,
                         d->path, head, d->body ? json_lines : "", strlen(body), body);
            const int status = probe_exchange(link, text, (size_t)size, false);
            if (!is_refused_host(status)) {
                fail_msg("%s %s was answered %d with the head %s", d->method, d->path, status,
                         head);
            }
        }
    }
}

/* --- what another site can send -------------------------------------------------------------- */

/* Of the lines: %o our own authority, %w the page's, %p the port. "" for `type`: none. */
typedef struct shape {
    const char *what;
    const char *method; /* NULL: that of the route */
    const char *lines;
    const char *type; /* of the body; NULL: as our own page would, "": none */
    const char *body; /* NULL: the route's; "": none */
    const char *query;
} shape;

#define CROSS "Sec-Fetch-Site: cross-site\r\n"
#define SAME_SITE "Sec-Fetch-Site: same-site\r\n"
#define NAVIGATE "Sec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\nSec-Fetch-User: ?1\r\n"
#define FRAME "Sec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: iframe\r\n"
#define NO_CORS "Sec-Fetch-Mode: no-cors\r\nSec-Fetch-Dest: empty\r\n"
#define IMAGE "Sec-Fetch-Mode: no-cors\r\nSec-Fetch-Dest: image\r\n"
#define EVIL "Origin: http://evil.example\r\nReferer: http://evil.example/\r\n"
#define NOBODY "Origin: null\r\n"
#define NEIGHBOUR "Origin: http://127.0.0.1:1\r\nReferer: http://127.0.0.1:1/\r\n"
#define URLENCODED "application/x-www-form-urlencoded"
#define MULTIPART "multipart/form-data; boundary=x"

/* Sent to every route that changes state: none may reach its handler. */
static const shape shapes[] = {
    {"form", "POST", EVIL CROSS NAVIGATE, URLENCODED, "caption=%7B%7D&image_id=1", NULL},
    {"form, multipart", "POST", EVIL CROSS NAVIGATE, MULTIPART, NULL, NULL},
    {"form, text/plain with JSON", "POST", EVIL CROSS NAVIGATE, "text/plain", NULL, NULL},
    {"form in a sandbox", "POST", NOBODY CROSS NAVIGATE, URLENCODED, "a=b", NULL},
    {"multipart form in a sandbox", "POST", NOBODY CROSS FRAME, MULTIPART, NULL, NULL},
    {"text form in a sandbox", "POST", NOBODY CROSS FRAME, "text/plain", NULL, NULL},
    {"form of a browser without Fetch-Metadata", "POST", EVIL, URLENCODED, "a=b", NULL},
    {"multipart form of such a browser", "POST", EVIL, MULTIPART, NULL, NULL},
    {"text form of such a browser", "POST", EVIL, "text/plain", NULL, NULL},
    {"form of a browser without Origin", "POST", NULL, URLENCODED, "a=b", NULL},
    {"multipart form of such a browser", "POST", NULL, MULTIPART, NULL, NULL},
    {"text form of such a browser", "POST", NULL, "text/plain", NULL, NULL},
    {"form with the type in capitals", "POST", NULL, "Text/Plain; Charset=UTF-8", NULL, NULL},
    {"text that claims JSON", "POST", NULL, "text/plain; application/json", NULL, NULL},
    {"form that claims JSON", "POST", NULL, URLENCODED "; charset=application/json", NULL, NULL},
    {"empty form", "POST", EVIL CROSS NAVIGATE, URLENCODED, "", NULL},
    {"empty form without Origin", "POST", NULL, URLENCODED, "", NULL},
    {"form with the method in its query", "POST", EVIL CROSS NAVIGATE, URLENCODED, "_method=DELETE",
     "?_method=DELETE&method=PATCH"},
    {"form of a page on another port", "POST", NEIGHBOUR SAME_SITE NAVIGATE, URLENCODED, "a=b",
     NULL},
    {"text form of a page on another port", "POST", NEIGHBOUR SAME_SITE NAVIGATE, "text/plain",
     NULL, NULL},
    {"form of a same-site page without Origin", "POST", SAME_SITE NAVIGATE, URLENCODED, "a", NULL},
    {"fetch, no-cors", "POST", EVIL CROSS NO_CORS, "text/plain;charset=UTF-8", NULL, NULL},
    {"fetch, no-cors, no type", "POST", EVIL CROSS NO_CORS, "", NULL, NULL},
    {"fetch, no-cors, no body", "POST", EVIL CROSS NO_CORS, "", "", NULL},
    {"fetch, no-cors, in a sandbox", "POST", NOBODY CROSS NO_CORS, "", "", NULL},
    {"fetch, no-cors, before Fetch-Metadata", "POST", EVIL, "", "", NULL},
    {"fetch, no-cors, sandbox, before Fetch-Metadata", "POST", NOBODY, "", "", NULL},
    {"fetch, no-cors, another port", "POST", NEIGHBOUR SAME_SITE NO_CORS, "", "", NULL},
    {"fetch, no-cors, another port, before Fetch-Metadata", "POST", NEIGHBOUR, "", "", NULL},
    {"fetch without Origin", "POST", CROSS NO_CORS, "", "", NULL},
    {"fetch without Origin, same site", "POST", SAME_SITE NO_CORS, "", "", NULL},
    {"beacon", "POST", EVIL CROSS NO_CORS, "text/plain;charset=UTF-8", NULL, NULL},
    {"beacon of a form", "POST", EVIL CROSS NO_CORS, MULTIPART, NULL, NULL},
    {"ping of a link", "POST", EVIL CROSS "Ping-From: http://evil.example/\r\n", "text/ping",
     "PING", NULL},
    {"report of a policy", "POST", EVIL CROSS, "application/csp-report", NULL, NULL},
    {"JSON with its real method", NULL, EVIL CROSS, NULL, NULL, NULL},
    {"the same before Fetch-Metadata", NULL, EVIL, NULL, NULL, NULL},
    {"the same in a sandbox", NULL, NOBODY CROSS, NULL, NULL, NULL},
    {"the same of a file", NULL, "Origin: file://\r\n" CROSS, NULL, NULL, NULL},
    {"the same of an extension", NULL, "Origin: chrome-extension://abc\r\n" CROSS, NULL, NULL,
     NULL},
    {"the same of a page on another port", NULL, NEIGHBOUR SAME_SITE, NULL, NULL, NULL},
    {"the same without Origin", NULL, CROSS, NULL, NULL, NULL},
    {"the same, same site, without Origin", NULL, SAME_SITE, NULL, NULL, NULL},
    {"an origin that begins like ours", NULL, "Origin: http://%o.evil.example\r\n", NULL, NULL,
     NULL},
    {"an origin with ours as its user", NULL, "Origin: http://%o@evil.example\r\n", NULL, NULL,
     NULL},
    {"ours with another scheme", NULL, "Origin: https://%o\r\n", NULL, NULL, NULL},
    {"ours without the port", NULL, "Origin: http://127.0.0.1\r\n", NULL, NULL, NULL},
    {"ours with a further digit", NULL, "Origin: http://%o1\r\n", NULL, NULL, NULL},
    {"a name that means us", NULL, "Origin: http://rebind.example:%p\r\n", NULL, NULL, NULL},
    {"ours and a foreign one", NULL, "Origin: http://%o\r\n" EVIL, NULL, NULL, NULL},
    {"both in one line", NULL, "Origin: http://%o, http://evil.example\r\n", NULL, NULL, NULL},
    {"both with a blank", NULL, "Origin: http://%o http://evil.example\r\n", NULL, NULL, NULL},
    {"an empty origin", NULL, "Origin:\r\n", NULL, NULL, NULL},
};

/* Requests that carry no change by their method: whatever they are answered, nothing may change. */
static const shape looks[] = {
    {"picture", "GET", CROSS IMAGE, "", "", NULL},
    {"picture with the method in its query", "GET", CROSS IMAGE, "", "", "?_method=POST"},
    {"picture before Fetch-Metadata", "GET", NULL, "", "", NULL},
    {"frame", "GET", CROSS FRAME, "", "", NULL},
    {"link", "GET", CROSS NAVIGATE, "", "", NULL},
    {"form with GET", "GET", CROSS NAVIGATE, "", "", "?caption=%7B%7D&image_id=1"},
    {"fetch", "GET", EVIL CROSS NO_CORS, "", "", NULL},
    {"fetch, HEAD", "HEAD", EVIL CROSS NO_CORS, "", "", NULL},
    {"events", "GET", EVIL CROSS "Accept: text/event-stream\r\n", "", "", NULL},
    {"web socket", "GET",
     EVIL "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
          "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
     "", "", NULL},
};

static void fill(char *out, size_t size, const char *pattern, int port) {
    size_t used = 0;
    out[0] = '\0';
    for (; pattern && *pattern && used < size - 32; pattern++) {
        if (pattern[0] == '%' && (pattern[1] == 'o' || pattern[1] == 'p')) {
            used +=
                (size_t)snprintf(out + used, 32, pattern[1] == 'o' ? "127.0.0.1:%d" : "%d", port);
            pattern++;
        } else {
            out[used++] = *pattern;
            out[used] = '\0';
        }
    }
}

static int send_shape(probe_link *link, const door *d, const shape *s) {
    char lines[TEXT], path[512];
    const char *body = s->body ? s->body : d->body ? d->body : "";
    const char *type = s->type ? s->type : "application/json";
    fill(lines, sizeof lines, s->lines, link->port);
    const size_t used = strlen(lines);
    if (type[0]) {
        snprintf(lines + used, sizeof lines - used, "Content-Type: %s\r\n", type);
    }
    snprintf(path, sizeof path, "%s%s", d->path, s->query ? s->query : "");
    const char *method = s->method ? s->method : d->method;
    const bool is_get = strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;
    return probe_ask(link, method, path, lines, is_get ? NULL : body);
}

static bool is_refused(int status) {
    return status == 403 || status == 415 || status == 400;
}

static void try_shapes(probe_link *link, const door *d) {
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        const int status = send_shape(link, d, &shapes[i]);
        if (!is_refused(status)) {
            fail_msg("%s %s was answered %d to: %s", d->method, d->path, status, shapes[i].what);
        }
        if (strstr(link->text, "Access-Control-Allow-Origin")) {
            fail_msg("%s %s may be read by: %s", d->method, d->path, shapes[i].what);
        }
    }
}

static void try_looks(probe_link *link, const door *d) {
    for (size_t i = 0; i < sizeof looks / sizeof *looks; i++) {
        const int status = send_shape(link, d, &looks[i]);
        if (status == 0 || status == 101 || status >= 500 ||
            strstr(link->text, "Access-Control-Allow-Origin")) {
            fail_msg("GET %s was answered %d to: %s", d->path, status, looks[i].what);
        }
    }
}

/* What a browser asks before it sends JSON, or PATCH, or DELETE. */
static void try_preflights(probe_link *link, const door *d) {
    static const char *const origins[] = {"http://evil.example", "null", "http://127.0.0.1:1",
                                          "https://127.0.0.1", "file://"};
    for (size_t i = 0; i < sizeof origins / sizeof *origins; i++) {
        char lines[512];
        snprintf(lines, sizeof lines,
                 "Origin: %s\r\n" CROSS "Access-Control-Request-Method: %s\r\n"
                 "Access-Control-Request-Headers: content-type\r\n"
                 "Access-Control-Request-Private-Network: true\r\n",
                 origins[i], d->method);
        const int status = probe_ask(link, "OPTIONS", d->path, lines, NULL);
        if (status < 400 || strstr(link->text, "Access-Control-Allow")) {
            fail_msg("OPTIONS %s was answered %d to %s", d->path, status, origins[i]);
        }
    }
}

/* --- the programs ---------------------------------------------------------------------------- */

typedef struct house {
    stack stack;
    probe_link gateway, daemon, page;
    char *before; /* owned: what they knew at first */
} house;

/* A model, a picture, a favourite, a prompt and a form: something to lose. */
static void open_house(house *h, const char *test) {
    stack *s = &h->stack;
    char path[80];
    *h = (house){0};
    stack_begin(s, test);
    stack_use_lora_model(s);
    stack_use_page(s);
    stack_start(s);
    stack_load(s);
    snprintf(path, sizeof path, "/api/status/%s", stack_draw(s, "ours"));
    await(s, GATEWAY, path, "{'state':'done','msg':'<str>','image':'<obj>','...':0}");
    say(s, GATEWAY, "POST", "/api/prompts", "{'hld':'ours','form_json':'{}'}", 200, "{'id':1}");
    say(s, GATEWAY, "POST", "/api/favorites", "{'image_id':1}", 200, NULL);
    say(s, GATEWAY, "POST", "/api/form", "{'form_json':'{}'}", 200, "{'ok':true}");
    EVENTUALLY(stack_file_count(s, "spool", ".json") == 0); /* the picture was taken */
    h->gateway.port = stack_port(s, GATEWAY);
    h->daemon.port = stack_port(s, DAEMON);
    h->page.port = stack_port(s, PAGE);
    h->before = snapshot(&h->gateway, &h->daemon);
}

static void close_house(house *h) {
    free(h->before);
    probe_free(&h->gateway);
    probe_free(&h->daemon);
    probe_free(&h->page);
    stack_end(&h->stack);
}

static void look_again(house *h, const char *what) {
    assert_unchanged(h->before, &h->gateway, &h->daemon, what);
}

/* --- cases: rebinding ------------------------------------------------------------------------ */

static void hosts_of_others_reach_no_route(void **state) {
    house h;
    (void)state;
    open_house(&h, "security_hosts");
    probe_link *const links[] = {&h.gateway, &h.daemon, &h.page};
    const door *const doors[] = {gateway_doors, daemon_doors, gateway_doors};
    for (size_t i = 0; i < 3; i++) {
        host_list hosts = make_hosts(links[i]->port);
        try_hosts(links[i], doors[i], &hosts);
        try_odd_heads(links[i], doors[i]);
        free(hosts.line);
    }
    look_again(&h, "a foreign Host");
    close_house(&h);
}

static void hosts_of_ours_are_answered(void **state) {
    static const char *const good[] = {"127.0.0.1:%d", "localhost:%d", "[::1]:%d", "LocalHost:%d"};
    house h;
    (void)state;
    open_house(&h, "security_own_hosts");
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        probe_link *const links[] = {&h.gateway, &h.daemon};
        static const char *const paths[] = {"/api/model/status", "/health"};
        for (size_t k = 0; k < 2; k++) {
            char lines[128], host[64];
            const char *mark = strstr(good[i], "%d");
            snprintf(host, sizeof host, "%.*s%d", (int)(mark - good[i]), good[i], links[k]->port);
            snprintf(lines, sizeof lines, "Host: %s\r\n", host);
            assert_int_equal(probe_ask(links[k], "GET", paths[k], lines, NULL), 200);
        }
    }
    close_house(&h);
}

static void hosts_that_are_listed_are_answered(void **state) {
    stack s;
    (void)state;
    stack_begin(&s, "security_listed");
    stack_set(&s, "ALLOWED_HOSTS", "studio.example, other.example:443");
    stack_start_gateway(&s);
    probe_link link = {.port = stack_port(&s, GATEWAY)};
    char lines[128];
    snprintf(lines, sizeof lines, "Host: studio.example:%d\r\n", link.port);
    assert_int_equal(probe_ask(&link, "GET", "/api/model/status", lines, NULL), 200);
    assert_int_equal(
        probe_ask(&link, "GET", "/api/model/status", "Host: other.example:443\r\n", NULL), 200);
    assert_int_equal(probe_ask(&link, "GET", "/api/model/status", "Host: studio.example\r\n", NULL),
                     421);
    snprintf(lines, sizeof lines, "Host: other.example:%d\r\n", link.port);
    assert_int_equal(probe_ask(&link, "GET", "/api/model/status", lines, NULL), 421);
    probe_free(&link);
    stack_end(&s);
}

/* --- cases: other sites ---------------------------------------------------------------------- */

static void sites_of_others_change_nothing(void **state) {
    house h;
    (void)state;
    assert_true(sizeof shapes / sizeof *shapes >= SHAPES_MIN);
    open_house(&h, "security_sites");
    probe_link *const links[] = {&h.gateway, &h.daemon, &h.page};
    const door *const doors[] = {gateway_doors, daemon_doors, gateway_doors};
    for (size_t i = 0; i < 3; i++) {
        for (const door *d = doors[i]; d->method; d++) {
            if (changes_state(d)) {
                try_shapes(links[i], d);
                try_looks(links[i], d);
                try_preflights(links[i], d);
                look_again(&h, d->path);
            }
        }
    }
    close_house(&h);
}

/* Pictures of ours in another site's page, and fetches of it, get nothing to read. */
static void sites_of_others_read_nothing(void **state) {
    static const char *const lines[] = {CROSS IMAGE, SAME_SITE IMAGE, CROSS FRAME,
                                        EVIL CROSS NO_CORS, NOBODY CROSS NO_CORS};
    house h;
    (void)state;
    open_house(&h, "security_reading");
    probe_link *const links[] = {&h.gateway, &h.daemon};
    const door *const doors[] = {gateway_doors, daemon_doors};
    for (size_t k = 0; k < 2; k++) {
        for (const door *d = doors[k]; d->method; d++) {
            for (size_t i = 0; i < sizeof lines / sizeof *lines && !changes_state(d); i++) {
                const int status = probe_ask(links[k], "GET", d->path, lines[i], NULL);
                if (status != 403) {
                    fail_msg("GET %s was answered %d to:\n%s", d->path, status, lines[i]);
                }
            }
        }
    }
    close_house(&h);
}

/* --- cases: ours ----------------------------------------------------------------------------- */

static void assert_post(probe_link *link, const char *origin, const char *site) {
    char lines[256];
    snprintf(lines, sizeof lines,
             "Origin: %s\r\nSec-Fetch-Site: %s\r\nSec-Fetch-Mode: cors\r\n"
             "Sec-Fetch-Dest: empty\r\nContent-Type: application/json\r\n",
             origin, site);
    const int status = probe_ask(link, "POST", "/api/form", lines, "{\"form_json\":\"[1]\"}");
    if (status != 200) {
        fail_msg("%s was answered %d: %s", origin, status, link->body);
    }
}

static void pages_of_ours_get_through(void **state) {
    static const char *const hosts[] = {"127.0.0.1", "localhost"};
    house h;
    char origin[64], lines[512];
    (void)state;
    open_house(&h, "security_pages");
    for (size_t i = 0; i < 2; i++) {
        snprintf(origin, sizeof origin, "http://%s:%d", hosts[i], h.gateway.port);
        assert_post(&h.gateway, origin, "same-origin");
        assert_null(strstr(h.gateway.text, "Access-Control-Allow-Origin"));
        /* the page on its own port: over its own server, and across to the gateway */
        snprintf(origin, sizeof origin, "http://%s:%d", hosts[i], h.page.port);
        assert_post(&h.page, origin, "same-origin");
        assert_post(&h.gateway, origin, "same-site");
        snprintf(lines, sizeof lines, "Access-Control-Allow-Origin: %s\r\n", origin);
        assert_non_null(strstr(h.gateway.text, lines));
        snprintf(lines, sizeof lines,
                 "Origin: %s\r\nSec-Fetch-Site: same-site\r\nSec-Fetch-Mode: cors\r\n"
                 "Access-Control-Request-Method: POST\r\n"
                 "Access-Control-Request-Headers: content-type\r\n",
                 origin);
        assert_int_equal(probe_ask(&h.gateway, "OPTIONS", "/api/generate", lines, NULL), 200);
    }
    close_house(&h);
}

/* Programs send neither Origin nor Fetch-Metadata; browsers send both with every body-less POST. */
static void programs_of_ours_get_through(void **state) {
    house h;
    (void)state;
    open_house(&h, "security_programs");
    assert_int_equal(probe_post(&h.gateway, "/api/form", "{\"form_json\":\"[2]\"}"), 200);
    assert_int_equal(probe_ask(&h.daemon, "POST", "/model/load", NULL, NULL), 200);
    assert_int_equal(probe_ask(&h.gateway, "POST", "/api/lora/remove", NULL, ""), 200);
    assert_int_equal(probe_ask(&h.gateway, "DELETE", "/api/images/1", NULL, NULL), 200);
    assert_int_equal(stack_file_count(&h.stack, "output", ".png"), 0);
    close_house(&h);
}

/* A link to our page, and an address typed by hand, show the page. */
static void links_to_the_page_are_followed(void **state) {
    stack s;
    (void)state;
    stack_begin(&s, "security_link");
    stack_file(&s, "index.html", "<!doctype html><title>page</title>");
    stack_set(&s, "WEB_DIR", s.folder.path);
    stack_start_gateway(&s);
    probe_link link = {.port = stack_port(&s, GATEWAY)};
    assert_int_equal(probe_ask(&link, "GET", "/", CROSS NAVIGATE, NULL), 200);
    assert_int_equal(probe_ask(&link, "GET", "/", "Sec-Fetch-Site: none\r\n" NAVIGATE, NULL), 200);
    assert_int_equal(probe_ask(&link, "GET", "/", CROSS FRAME, NULL), 403);
    assert_int_equal(probe_ask(&link, "GET", "/api/images", CROSS NAVIGATE, NULL), 403);
    probe_free(&link);
    stack_end(&s);
}

static void answers_carry_the_protecting_headers(void **state) {
    static const char *const wanted[] = {
        "X-Content-Type-Options: nosniff", "X-Frame-Options: DENY",
        "Content-Security-Policy: ", "Cross-Origin-Resource-Policy: "};
    static const char *const paths[] = {"/api/form", "/api/images/1/file", "/no/such/page", "/"};
    house h;
    (void)state;
    open_house(&h, "security_headers");
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        for (size_t k = 0; k < sizeof wanted / sizeof *wanted; k++) {
            (void)probe_get(&h.gateway, paths[i]);
            if (!strstr(h.gateway.text, wanted[k])) {
                fail_msg("GET %s lacks %s", paths[i], wanted[k]);
            }
        }
    }
    close_house(&h);
}

/* --- cases: beyond this machine --------------------------------------------------------------- */

static void binds_beyond_need_a_token(void **state) {
    static const char *const bad[] = {NULL, "short", "twenty-one-characters"};
    static const char *const programs[] = {"IDEOGRAM4D", "IDEOGRAM4_GATEWAY"};
    stack s;
    (void)state;
    stack_begin(&s, "security_bind");
    stack_set(&s, "SERVER_HOST", "0.0.0.0");
    stack_set(&s, "MODEL_DAEMON_HOST", "0.0.0.0");
    for (size_t i = 0; i < 2; i++) {
        for (size_t k = 0; k < sizeof bad / sizeof *bad; k++) {
            char *said = NULL;
            stack_set(&s, "ACCESS_TOKEN", bad[k]);
            const int code = stack_run(&s, programs[i], NULL, &said);
            if (code == 0 || !strstr(said, "token")) {
                fail_msg("%s with token %s ended with %d: %s", programs[i],
                         bad[k] ? bad[k] : "none", code, said);
            }
            free(said);
        }
    }
    stack_end(&s);
}

/* A program at every address of this machine, on the port that the daemon has. */
static pid_t start_beyond(stack *s, const char *program) {
    char port[16];
    int fd = -1;
    snprintf(port, sizeof port, "%d", stack_port(s, DAEMON));
    stack_set(s, "SERVER_HOST", "0.0.0.0");
    stack_set(s, "MODEL_DAEMON_HOST", "0.0.0.0");
    stack_set(s, "SERVER_PORT", port);
    stack_set(s, "ACCESS_TOKEN", token);
    const pid_t pid = stack_spawn(s, program, NULL, "beyond.log");
    EVENTUALLY((fd = probe_connect(stack_port(s, DAEMON))) >= 0);
    close(fd);
    return pid;
}

static void stop_beyond(stack *s, pid_t pid) {
    kill(pid, SIGTERM);
    assert_int_equal(stack_wait(s, pid), 0);
}

static void assert_every_door(probe_link *link, const door *doors, const char *lines, int status) {
    for (const door *d = doors; d->method; d++) {
        char all[512];
        snprintf(all, sizeof all, "%s%s", lines, d->body ? json_lines : "");
        const int got = probe_ask(link, d->method, d->path, all, d->body);
        if (got != status) {
            fail_msg("%s %s was answered %d to: %s", d->method, d->path, got, lines);
        }
    }
}

static void try_wrong_tokens(probe_link *link, const door *doors) {
    char half[64], lines[256];
    snprintf(half, sizeof half, "%.*s", (int)sizeof token / 2, token);
    const char *const bad[] = {"",
                               "x",
                               half,
                               "correct-horse-battery-staple-0123456788",
                               "correct-horse-battery-staple-01234567890",
                               "null"};
    assert_every_door(link, doors, "", 401);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        snprintf(lines, sizeof lines, "Authorization: Bearer %s\r\n", bad[i]);
        assert_every_door(link, doors, lines, 401);
        snprintf(lines, sizeof lines, "Cookie: id4_token=%s\r\n", bad[i]);
        assert_every_door(link, doors, lines, 401);
    }
    snprintf(lines, sizeof lines, "Authorization: Basic %s\r\n", token);
    assert_every_door(link, doors, lines, 401);
    assert_int_equal(probe_get(link, "/?token=wrong"), 401);
}

static void token_is_asked_for_at_every_route(void **state) {
    static const char *const programs[] = {"IDEOGRAM4_GATEWAY", "IDEOGRAM4D"};
    const door *const doors[] = {gateway_doors, daemon_doors};
    stack s;
    (void)state;
    stack_begin(&s, "security_token");
    for (size_t i = 0; i < 2; i++) {
        const pid_t program = start_beyond(&s, programs[i]);
        probe_link link = {.port = stack_port(&s, DAEMON)};
        try_wrong_tokens(&link, doors[i]);
        probe_free(&link);
        stop_beyond(&s, program);
    }
    stack_end(&s);
}

static void token_opens_the_routes(void **state) {
    char lines[256];
    stack s;
    (void)state;
    stack_begin(&s, "security_key");
    const pid_t gateway = start_beyond(&s, "IDEOGRAM4_GATEWAY");
    probe_link link = {.port = stack_port(&s, DAEMON)};
    snprintf(lines, sizeof lines, "Authorization: Bearer %s\r\n", token);
    assert_int_equal(probe_ask(&link, "GET", "/api/form", lines, NULL), 200);
    snprintf(lines, sizeof lines, "Cookie: a=b; id4_token=%s; c=d\r\n", token);
    assert_int_equal(probe_ask(&link, "GET", "/api/form", lines, NULL), 200);
    snprintf(lines, sizeof lines, "/?token=%s", token);
    assert_int_equal(probe_get(&link, lines), 200);
    const char *cookie = strstr(link.text, "Set-Cookie: id4_token=");
    assert_non_null(cookie);
    assert_non_null(strstr(cookie, "HttpOnly"));
    assert_non_null(strstr(cookie, "SameSite=Strict"));
    /* a token is no pass for other sites or names */
    snprintf(lines, sizeof lines, "Authorization: Bearer %s\r\n" EVIL CROSS, token);
    assert_int_equal(probe_ask(&link, "POST", "/api/model/load", lines, ""), 403);
    snprintf(lines, sizeof lines, "Host: evil.example\r\nAuthorization: Bearer %s\r\n", token);
    assert_int_equal(probe_ask(&link, "GET", "/api/form", lines, NULL), 421);
    probe_free(&link);
    stop_beyond(&s, gateway);
    stack_end(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hosts_of_others_reach_no_route),
        cmocka_unit_test(hosts_of_ours_are_answered),
        cmocka_unit_test(hosts_that_are_listed_are_answered),
        cmocka_unit_test(sites_of_others_change_nothing),
        cmocka_unit_test(sites_of_others_read_nothing),
        cmocka_unit_test(pages_of_ours_get_through),
        cmocka_unit_test(programs_of_ours_get_through),
        cmocka_unit_test(links_to_the_page_are_followed),
        cmocka_unit_test(answers_carry_the_protecting_headers),
        cmocka_unit_test(binds_beyond_need_a_token),
        cmocka_unit_test(token_is_asked_for_at_every_route),
        cmocka_unit_test(token_opens_the_routes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
