/* For contract tests: every route of both programs (docs/http-api.md 3 and 4). */
#ifndef ID4_TESTS_CONTRACT_ROUTES_H
#define ID4_TESTS_CONTRACT_ROUTES_H

#include "stack.h"

typedef struct known_route {
    who where;
    const char *method, *path;
    const char *allow;   /* all methods of the path, HEAD left out */
    const char *body;    /* JSON that is accepted as JSON, NULL: takes no body */
    bool is_free_form;   /* row C says dict_type */
    bool goes_to_daemon; /* 503 without one */
} known_route;

static const known_route known_routes[] = {
    {GATEWAY, "GET", "/api/model/status", "GET", NULL, false, false},
    {GATEWAY, "POST", "/api/model/load", "POST", NULL, false, true},
    {GATEWAY, "POST", "/api/model/unload", "POST", NULL, false, true},
    {GATEWAY, "GET", "/api/lora/status", "GET", NULL, false, true},
    {GATEWAY, "GET", "/api/lora/presets", "GET", NULL, false, true},
    {GATEWAY, "POST", "/api/lora/download", "POST", "{}", true, true},
    {GATEWAY, "GET", "/api/lora/download/x", "GET", NULL, false, true},
    {GATEWAY, "POST", "/api/lora/apply", "POST", "{}", true, true},
    {GATEWAY, "POST", "/api/lora/remove", "POST", NULL, false, true},
    {GATEWAY, "GET", "/api/lora/operation/x", "GET", NULL, false, true},
    {GATEWAY, "POST", "/api/verify", "POST", "{'caption':{}}", false, false},
    {GATEWAY, "GET", "/api/magic-prompt/status", "GET", NULL, false, false},
    {GATEWAY, "POST", "/api/magic-prompt", "POST", "{'prompt':'a cat'}", false, false},
    {GATEWAY, "POST", "/api/generate", "POST",
     "{'caption':{},'width':256,'height':256,'preset':'V4_TURBO_12'}", false, true},
    {GATEWAY, "GET", "/api/status/x", "GET", NULL, false, true},
    {GATEWAY, "POST", "/api/cancel/x", "POST", NULL, false, true},
    {GATEWAY, "GET", "/api/images", "GET", NULL, false, false},
    {GATEWAY, "GET", "/api/images/stats", "GET, DELETE, PATCH", NULL, false, false},
    {GATEWAY, "DELETE", "/api/images/orphans", "DELETE, PATCH", NULL, false, false},
    {GATEWAY, "DELETE", "/api/images/5", "DELETE, PATCH", NULL, false, false},
    {GATEWAY, "PATCH", "/api/images/5", "DELETE, PATCH", "{'prompt_id':1}", false, false},
    {GATEWAY, "POST", "/api/images/5/attach-history", "POST", "{'form_json':'{}'}", false, false},
    {GATEWAY, "GET", "/api/images/5/file", "GET", NULL, false, false},
    {GATEWAY, "GET", "/outputs/a.png", "GET", NULL, false, false},
    {GATEWAY, "GET", "/api/prompts", "GET, POST", NULL, false, false},
    {GATEWAY, "POST", "/api/prompts", "GET, POST", "{'form_json':'{}'}", false, false},
    {GATEWAY, "GET", "/api/prompts/5", "GET, DELETE", NULL, false, false},
    {GATEWAY, "DELETE", "/api/prompts/5", "GET, DELETE", NULL, false, false},
    {GATEWAY, "GET", "/api/favorites", "GET, POST", NULL, false, false},
    {GATEWAY, "POST", "/api/favorites", "GET, POST", "{'image_id':5}", false, false},
    {GATEWAY, "GET", "/api/favorites/5", "GET", NULL, false, false},
    {GATEWAY, "DELETE", "/api/favorites/images/5", "DELETE", NULL, false, false},
    {GATEWAY, "DELETE", "/api/favorites/prompts/5", "DELETE", NULL, false, false},
    {GATEWAY, "GET", "/api/form", "GET, POST", NULL, false, false},
    {GATEWAY, "POST", "/api/form", "GET, POST", "{'form_json':'{}'}", false, false},
    {GATEWAY, "GET", "/api/upscale/status", "GET", NULL, false, false},
    {GATEWAY, "POST", "/api/upscale", "POST", "{'image_id':5}", false, false},
    {GATEWAY, "GET", "/api/upscale/x", "GET", NULL, false, false},
    {DAEMON, "GET", "/health", "GET", NULL, false, false},
    {DAEMON, "GET", "/model/status", "GET", NULL, false, false},
    {DAEMON, "POST", "/model/load", "POST", NULL, false, false},
    {DAEMON, "POST", "/model/unload", "POST", NULL, false, false},
    {DAEMON, "GET", "/lora/status", "GET", NULL, false, false},
    {DAEMON, "GET", "/lora/presets", "GET", NULL, false, false},
    {DAEMON, "POST", "/lora/apply", "POST", "{}", false, false},
    {DAEMON, "POST", "/lora/remove", "POST", NULL, false, false},
    {DAEMON, "GET", "/lora/operation/x", "GET", NULL, false, false},
    {DAEMON, "POST", "/lora/download", "POST", "{}", false, false},
    {DAEMON, "GET", "/lora/download/x", "GET", NULL, false, false},
    {DAEMON, "POST", "/generate", "POST", "{'caption':'x','preset':'none'}", false, false},
    {DAEMON, "GET", "/status/x", "GET", NULL, false, false},
    {DAEMON, "GET", "/artifact/x", "GET", NULL, false, false},
    {DAEMON, "POST", "/cancel/x", "POST", NULL, false, false},
};

enum { KNOWN_ROUTES = sizeof known_routes / sizeof *known_routes };

#endif
