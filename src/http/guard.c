/* What is refused before routing: foreign Host names (DNS rebinding), foreign origins (cross-site
 * requests), requests without the token, form content types. Text in, verdict out. */
#include "base/sha256.h"
#include "http/private.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static const i4_verdict go_on = {0};

static i4_verdict refuse(int status, const char *text) {
    return (i4_verdict){.status = status, .text = text};
}

static i4_verdict refuse_plain(int status, const char *text) {
    return (i4_verdict){.status = status, .text = text, .is_plain = true};
}

/* --- Host ---------------------------------------------------------------------------------- */

static bool same_name(i4_str name, const char *text) {
    return name.len == strlen(text) && strncasecmp(name.ptr, text, name.len) == 0;
}

/* "[::1]:8000" into its name with brackets and what follows it. */
static bool split_host(const char *host, i4_str *name, const char **rest) {
    const char *end = host[0] == '[' ? strchr(host, ']') : NULL;
    if (host[0] == '[' && !end) {
        return false;
    }
    const size_t size = end ? (size_t)(end + 1 - host) : strcspn(host, ":");
    *name = i4_str_of(host, size);
    *rest = host + size;
    return size > 0;
}

static bool is_our_port(const i4_guard *guard, const char *rest) {
    char ours[16];
    snprintf(ours, sizeof ours, ":%d", guard->port);
    return strcmp(rest, ours) == 0 || (rest[0] == '\0' && guard->port == 80);
}

static bool is_address(i4_str name) {
    char text[INET6_ADDRSTRLEN];
    unsigned char bytes[sizeof(struct in6_addr)];
    const bool is_v6 = name.len > 2 && name.ptr[0] == '[';
    const i4_str bare = is_v6 ? i4_str_of(name.ptr + 1, name.len - 2) : name;
    if (bare.len >= sizeof text) {
        return false;
    }
    memcpy(text, bare.ptr, bare.len);
    text[bare.len] = '\0';
    return inet_pton(is_v6 ? AF_INET6 : AF_INET, text, bytes) == 1;
}

bool i4_guard_host(const i4_guard *guard, const char *host) {
    static const char *const loopback[] = {"127.0.0.1", "localhost", "[::1]"};
    i4_str name;
    const char *rest;
    for (size_t i = 0; guard->hosts && guard->hosts[i]; i++) {
        if (strchr(guard->hosts[i], ':') && strcasecmp(guard->hosts[i], host) == 0) {
            return true;
        }
    }
    if (!split_host(host, &name, &rest) || !is_our_port(guard, rest)) {
        return false;
    }
    for (size_t i = 0; i < sizeof loopback / sizeof loopback[0]; i++) {
        if (same_name(name, loopback[i])) {
            return true;
        }
    }
    for (size_t i = 0; guard->hosts && guard->hosts[i]; i++) {
        if (same_name(name, guard->hosts[i])) {
            return true;
        }
    }
    return (guard->host[0] != '\0' && same_name(name, guard->host)) ||
           (guard->any_address && is_address(name));
}

/* --- origin -------------------------------------------------------------------------------- */

bool i4_guard_own_origin(const i4_guard *guard, const char *origin) {
    static const char scheme[] = "http://";
    return strncmp(origin, scheme, sizeof scheme - 1) == 0 &&
           i4_guard_host(guard, origin + sizeof scheme - 1);
}

static bool is_listed(const i4_guard *guard, const char *origin) {
    for (size_t i = 0; guard->origins && guard->origins[i]; i++) {
        if (strcmp(guard->origins[i], origin) == 0) {
            return true;
        }
    }
    return false;
}

/* A page of an origin that may talk to us. "null" is every sandboxed page: nobody's. */
static bool is_trusted(const i4_guard *guard, const char *origin) {
    return strcmp(origin, "null") != 0 && (i4_guard_own_origin(guard, origin) ||
                                           is_listed(guard, origin) || is_listed(guard, "*"));
}

/* A browser sends no Origin with a picture of a page, but says whose page in Referer, which no page
 * can forge. */
static bool is_trusted_referer(const i4_guard *guard, i4_http_request *r) {
    const char *referer = i4_req_header(r, "Referer");
    const char *host = referer ? strstr(referer, "://") : NULL;
    if (!host) {
        return false;
    }
    const size_t size = (size_t)(host - referer) + 3 + strcspn(host + 3, "/?#");
    const char *origin = i4_request_copy(r, referer, size);
    return origin && is_trusted(guard, origin);
}

static void allow_origin(const i4_guard *guard, i4_http_request *r, const char *origin) {
    const bool is_star = is_listed(guard, "*") && !guard->credentials;
    if (strcmp(origin, "null") == 0 || (!is_listed(guard, "*") && !is_listed(guard, origin))) {
        return;
    }
    r->allow_origin = is_star ? "*" : origin;
    r->vary_origin = !is_star;
    r->is_cross_origin = true;
}

static i4_verdict check_origin(const i4_guard *guard, i4_http_request *r) {
    const char *origin = i4_req_header(r, "Origin");
    if (!origin) {
        return go_on;
    }
    if (i4_request_count(r, "Origin") > 1) {
        return refuse(403, "more than one Origin header");
    }
    allow_origin(guard, r, origin);
    if (is_trusted(guard, origin)) {
        return go_on;
    }
    /* With CORS a browser keeps the answer to a plain GET from a foreign page; docs/http-api.md 2.7
     * wants it answered. */
    const bool may_ask = guard->origins && i4_request_is_safe(r);
    return may_ask ? go_on : refuse(403, "this origin may not use this service");
}

static bool is_header(const i4_http_request *r, const char *name, const char *value) {
    const char *found = i4_req_header(r, name);
    return found && strcmp(found, value) == 0;
}

static i4_verdict check_fetch(const i4_guard *guard, i4_http_request *r) {
    const char *origin = i4_req_header(r, "Origin");
    if (!i4_req_header(r, "Sec-Fetch-Site") || is_header(r, "Sec-Fetch-Site", "same-origin") ||
        is_header(r, "Sec-Fetch-Site", "none") || (origin && is_trusted(guard, origin))) {
        return go_on;
    }
    if (!origin && i4_request_is_safe(r) && is_trusted_referer(guard, r)) {
        r->is_cross_origin = true;
        return go_on;
    }
    if (i4_request_is_safe(r) && is_header(r, "Sec-Fetch-Mode", "navigate") &&
        is_header(r, "Sec-Fetch-Dest", "document")) {
        r->is_page_only = true; /* somebody follows a link to our page: to nothing else */
        return go_on;
    }
    return refuse(403, "requests from other sites are refused");
}

/* --- preflight ------------------------------------------------------------------------------ */

static bool is_preflight(const i4_http_request *r) {
    return strcmp(r->method, "OPTIONS") == 0 && i4_req_header(r, "Origin") &&
           i4_req_header(r, "Access-Control-Request-Method");
}

static i4_verdict check_preflight(const i4_guard *guard, const i4_http_request *r) {
    static const char *const methods[] = {"DELETE", "GET",  "HEAD", "OPTIONS",
                                          "PATCH",  "POST", "PUT"};
    if (!guard->origins) {
        return refuse(403, "this service answers no other origins");
    }
    if (!r->allow_origin) {
        return refuse_plain(400, "Disallowed CORS origin");
    }
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
        if (is_header(r, "Access-Control-Request-Method", methods[i])) {
            return (i4_verdict){
                .status = 200, .text = "OK", .is_plain = true, .is_preflight = true};
        }
    }
    return refuse_plain(400, "Disallowed CORS method");
}

/* --- token ---------------------------------------------------------------------------------- */

/* Digests are compared, so that time tells nothing about the token. */
static bool is_token(const i4_guard *guard, i4_str text) {
    uint8_t expected[I4_SHA256_BYTES], given[I4_SHA256_BYTES];
    i4_sha256 sum;
    i4_sha256_begin(&sum);
    i4_sha256_add(&sum, guard->token, strlen(guard->token));
    i4_sha256_end(&sum, expected);
    i4_sha256_begin(&sum);
    i4_sha256_add(&sum, text.ptr, text.len);
    i4_sha256_end(&sum, given);
    unsigned difference = 0;
    for (size_t i = 0; i < I4_SHA256_BYTES; i++) {
        difference |= (unsigned)(expected[i] ^ given[i]);
    }
    return difference == 0;
}

static bool has_bearer(const i4_guard *guard, const i4_http_request *r) {
    static const char scheme[] = "Bearer ";
    const char *value = i4_req_header(r, "Authorization");
    return value && strncasecmp(value, scheme, sizeof scheme - 1) == 0 &&
           is_token(guard, i4_str_c(value + sizeof scheme - 1));
}

static bool has_cookie(const i4_guard *guard, const i4_http_request *r) {
    static const char name[] = "id4_token=";
    const char *rest = i4_req_header(r, "Cookie");
    while (rest && *rest) {
        rest += strspn(rest, " ;");
        const size_t size = strcspn(rest, ";");
        if (size >= sizeof name - 1 && strncmp(rest, name, sizeof name - 1) == 0 &&
            is_token(guard, i4_str_of(rest + sizeof name - 1, size - (sizeof name - 1)))) {
            return true;
        }
        rest += size;
    }
    return false;
}

static i4_verdict check_token(const i4_guard *guard, i4_http_request *r) {
    if (!guard->token || has_bearer(guard, r) || has_cookie(guard, r)) {
        return go_on;
    }
    const char *given = i4_req_query(r, "token");
    if (given && is_token(guard, i4_str_c(given))) {
        r->sets_cookie =
            true; /* a browser opened the page by its link; the page's requests follow */
        return go_on;
    }
    return refuse(401, "this address needs the access token (Authorization: Bearer …)");
}

/* --- content type --------------------------------------------------------------------------- */

/* What a form on any page can send without asking first. */
static bool is_form_type(const i4_http_request *r) {
    char type[64];
    i4_request_type(r, type, sizeof type);
    return strcmp(type, "application/x-www-form-urlencoded") == 0 ||
           strcmp(type, "multipart/form-data") == 0 || strcmp(type, "text/plain") == 0;
}

i4_verdict i4_guard_check(const i4_guard *guard, i4_http_request *r) {
    const char *host = i4_req_header(r, "Host");
    if (!host || i4_request_count(r, "Host") != 1 || !i4_guard_host(guard, host)) {
        return refuse(421, "this host name is not ours: use 127.0.0.1 or localhost with the port");
    }
    i4_verdict verdict = check_origin(guard, r);
    if (is_preflight(r) && (verdict.status == 0 || !guard->origins)) {
        return check_preflight(guard, r);
    }
    if (verdict.status == 0) {
        verdict = check_fetch(guard, r);
    }
    if (verdict.status == 0) {
        verdict = check_token(guard, r);
    }
    if (verdict.status == 0 && !i4_request_is_safe(r) && is_form_type(r)) {
        verdict = refuse(415, "send application/json: forms are not accepted");
    }
    return verdict;
}
