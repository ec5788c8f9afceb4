/* Requests to the hub: redirects, retries, and answers turned into sentences. */
#include "hub/talk.h"

#include "base/memory.h"
#include "base/os.h"
#include "http/wire.h"
#include "hub/hub_os.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HOPS_MOST = 5, LISTING_MOST = 32 << 20 };

static const char identity[] = "Accept-Encoding: identity";

/* --- addresses ------------------------------------------------------------------------------ */

typedef struct origin {
    char text[512]; /* scheme://host:port, lower case */
} origin;

/* Length of the scheme with its "://", 0 if the text does not begin with http:// or https://. */
static size_t scheme_length(const char *url) {
    static const char *const schemes[] = {"http://", "https://"};
    for (size_t k = 0; k < 2; k++) {
        const size_t length = strlen(schemes[k]);
        size_t i = 0;
        while (i < length && (url[i] | 0x20) == (schemes[k][i] | 0x20)) {
            i++;
        }
        if (i == length) {
            return length;
        }
    }
    return 0;
}

/* False if it has none, or a user: whoever writes user@host wants to look like another host. */
static bool find_origin(const char *url, origin *out) {
    const size_t scheme = scheme_length(url);
    const size_t host = strcspn(url + scheme, "/?#");
    const char *last = NULL;
    if (scheme == 0 || host == 0 || scheme + host + 8 > sizeof out->text ||
        memchr(url + scheme, '@', host) || memchr(url + scheme, '\\', host)) {
        return false;
    }
    for (size_t i = 0; i < scheme + host; i++) {
        const char c = url[i];
        out->text[i] = (char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
    }
    out->text[scheme + host] = '\0';
    last = strrchr(out->text + scheme, ':');
    if (!last || strchr(last, ']')) { /* the colons of [::1] are not a port's */
        (void)snprintf(out->text + scheme + host, sizeof out->text - scheme - host, "%s",
                       scheme == 7 ? ":80" : ":443");
    }
    return true;
}

static bool is_same_origin(const char *a, const char *b) {
    origin x, y;
    return find_origin(a, &x) && find_origin(b, &y) && strcmp(x.text, y.text) == 0;
}

static bool is_own(const i4_hub_talk *talk, const char *url) {
    return is_same_origin(url, talk->env->endpoint);
}

/* What a person calls the other side. */
static void name_host(const char *url, char *out, size_t size) {
    const size_t scheme = scheme_length(url);
    (void)snprintf(out, size, "%.*s", (int)strcspn(url + scheme, "/?#"), url + scheme);
}

/* Where a Location leads that was found at `url` (both buffers I4_HUB_URL_BYTES long). */
static bool resolve(const char *url, const char *location, char *out) {
    const size_t scheme = scheme_length(url);
    const size_t path_at = scheme + strcspn(url + scheme, "/?#");
    size_t keep = 0;
    if (scheme_length(location) > 0) {
        keep = 0;
    } else if (location[0] == '/' && location[1] == '/') {
        keep = scheme - 2;
    } else if (location[0] == '/') {
        keep = path_at;
    } else {
        /* beside the last component of the path */
        keep = path_at;
        for (size_t i = path_at; url[i] && url[i] != '?' && url[i] != '#'; i++) {
            keep = url[i] == '/' ? i + 1 : keep;
        }
    }
    origin at;
    const int n = snprintf(out, I4_HUB_URL_BYTES, "%.*s%s", (int)keep, url, location);
    return n > 0 && n < I4_HUB_URL_BYTES && find_origin(out, &at);
}

static bool is_redirect(int status) {
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

/* The address a redirect leads to; false if the answer is none. */
static bool find_target(const i4_answer *answer, const char *url, char *target) {
    char location[I4_HUB_URL_BYTES];
    return is_redirect(answer->status) &&
           i4_answer_header(answer, "Location", location, sizeof location) &&
           strlen(location) < sizeof location - 1 && /* else it was cut */
           resolve(url, location, target);
}

/* --- sentences ------------------------------------------------------------------------------ */

/* What the server wants people to read, as data: quoted, short, and never with the token in it. */
static void quote_server(const i4_hub_talk *talk, const i4_answer *answer, char *out, size_t size) {
    char said[1024];
    out[0] = '\0';
    if (i4_answer_header(answer, "X-Error-Message", said, sizeof said) && said[0] &&
        !(talk->env->token[0] && strstr(said, talk->env->token))) {
        (void)snprintf(out, size, " (the hub says: \"%.120s\")", said);
    }
}

/* One sentence for an answer that is no success. file: NULL for the listing. */
static bool refuse(i4_hub_talk *talk, const char *revision, const char *file,
                   const i4_answer *answer, i4_err *err) {
    const char *repo = talk->repo;
    const bool has_token = talk->env->token[0] != '\0';
    char code[64] = "", said[160], host[300];
    quote_server(talk, answer, said, sizeof said);
    name_host(talk->env->endpoint, host, sizeof host);
    (void)i4_answer_header(answer, "X-Error-Code", code, sizeof code);
    const int status = answer->status;
    talk->unreachable = status >= 500;
    if (strcmp(code, "GatedRepo") == 0) {
        return i4_fail(err, I4_E_INVALID_ARGUMENT,
                       "%s is gated: open %.100s/%s in a browser, accept the terms, and set "
                       "HF_TOKEN to a token of that account%s%s",
                       repo, talk->env->endpoint, repo,
                       has_token ? " (the present token does not have access)" : "", said);
    }
    if (strcmp(code, "RevisionNotFound") == 0) {
        return i4_fail(err, I4_E_NOT_FOUND,
                       "%s has no revision '%.100s'; name a branch, tag or "
                       "commit that it has%s",
                       repo, revision, said);
    }
    if (file && (strcmp(code, "EntryNotFound") == 0 || (status == 404 && !code[0]))) {
        return i4_fail(err, I4_E_NOT_FOUND, "%s has no file '%.150s' at %s%s", repo, file, revision,
                       said);
    }
    if (strcmp(code, "RepoNotFound") == 0 || status == 401 || status == 404) {
        return i4_fail(err, I4_E_NOT_FOUND,
                       "%s does not exist on %.100s, or is private: check the name%s%s", repo, host,
                       has_token ? " and the token" : ", and set HF_TOKEN if it is private", said);
    }
    if (status == 403) {
        return i4_fail(err, I4_E_INVALID_ARGUMENT, "%s to read %s on %.100s%s",
                       has_token ? "the token lacks the permission"
                                 : "a token is needed in HF_TOKEN",
                       repo, host, said);
    }
    if (status == 429) {
        return i4_fail(err, I4_E_IO,
                       "%.100s limits how often one may ask; wait a while%s and try again%s", host,
                       has_token ? "" : " or set HF_TOKEN", said);
    }
    return i4_fail(err, I4_E_IO, "%.100s answers with status %d for %s; try again later%s", host,
                   status, file ? file : repo, said);
}

/* No answer, or half of one; err: what the client says (never with a path or a token). */
static bool lose(i4_hub_talk *talk, i4_err *err) {
    if (err->status == I4_E_CANCELLED) {
        return i4_fail(err, I4_E_CANCELLED,
                       "the download was cancelled; started again, it goes on "
                       "where it stopped");
    }
    talk->unreachable = err->status == I4_E_IO;
    return talk->unreachable
               ? i4_fail(err, I4_E_IO, "%s; check the network and try again", err->text)
               : false;
}

/* --- small requests ------------------------------------------------------------------------- */

static bool may_pass(int status) {
    return status >= 500 || status == 429 || status == 408;
}

static double asked_wait(const i4_answer *answer) {
    char text[32], *end;
    if ((answer->status != 429 && answer->status != 503) ||
        !i4_answer_header(answer, "Retry-After", text, sizeof text)) {
        return -1;
    }
    const double seconds = strtod(text, &end);
    return end != text && *end == '\0' && seconds >= 0 ? seconds : -1;
}

bool i4_hub_pause(i4_hub_talk *talk, int tries, double wait, i4_err *err) {
    double seconds = wait;
    if (wait > talk->patience.longest_seconds) {
        return i4_fail(err, I4_E_IO, "the hub asks to wait %.0f seconds; try again after that",
                       wait);
    }
    if (wait < 0) {
        seconds = talk->patience.pause_seconds;
        for (int i = 0; i < tries && i < 8; i++) {
            seconds *= 2;
        }
    }
    for (const double end = i4_seconds() + seconds;;) {
        if (!talk->go_on(talk->user)) {
            return i4_fail(err, I4_E_CANCELLED, "the download was cancelled");
        }
        const double left = end - i4_seconds();
        if (left <= 0) {
            return true;
        }
        i4_hub_sleep(left < 0.1 ? left : 0.1);
    }
}

static bool relay_go_on(void *user) {
    const i4_hub_talk *talk = user;
    return talk->go_on(talk->user);
}

/* Sends one request until it has an answer that says something; the last one may be a 5xx. */
static bool insist(i4_hub_talk *talk, const i4_call *call, i4_answer *answer, i4_err *err) {
    for (int tries = 0;; tries++) {
        double wait = -1;
        *answer = (i4_answer){0};
        talk->unreachable = false;
        if (i4_http_call(talk->client, call, answer, err)) {
            if (!may_pass(answer->status) || tries >= talk->patience.retries) {
                return true;
            }
            wait = asked_wait(answer);
        } else {
            lose(talk, err);
            if (!talk->unreachable || tries >= talk->patience.retries) {
                i4_answer_free(answer);
                return false;
            }
        }
        i4_answer_free(answer);
        if (!i4_hub_pause(talk, tries, wait, err)) {
            return false;
        }
    }
}

/* A redirect that tells hash and size itself need not be followed to know the file. */
static bool tells_all(const i4_answer *answer) {
    char text[256];
    return i4_answer_header(answer, "X-Linked-Etag", text, sizeof text) &&
           i4_answer_header(answer, "X-Linked-Size", text, sizeof text);
}

/* Asks the hub itself, following redirects inside its origin (renamed repositories). url: where
 * the answer came from. True with any answer, to be freed. */
static bool ask(i4_hub_talk *talk, char url[I4_HUB_URL_BYTES], bool head, i4_answer *answer,
                i4_err *err) {
    static const char *const headers[] = {identity, NULL};
    for (int hop = 0;; hop++) {
        const i4_call call = {
            .url = url,
            .headers = headers,
            .token = talk->env->token[0] ? talk->env->token : NULL,
            .connect_seconds = talk->env->etag_seconds,
            .read_seconds = talk->env->etag_seconds,
            .answer_limit = LISTING_MOST,
            .head = head,
            .go_on = relay_go_on,
            .user = talk,
        };
        char target[I4_HUB_URL_BYTES];
        if (!insist(talk, &call, answer, err)) {
            return false;
        }
        if (hop == HOPS_MOST || (head && tells_all(answer)) || !find_target(answer, url, target) ||
            !is_own(talk, target)) {
            return true;
        }
        i4_answer_free(answer);
        memcpy(url, target, sizeof target);
    }
}

/* {endpoint}/{kind}{repo}/{verb}/{ref}[/{file}] */
static bool make_url(const i4_hub_talk *talk, const char *kind, const char *verb, const char *ref,
                     const char *file, char url[I4_HUB_URL_BYTES], i4_err *err) {
    i4_buf b;
    i4_buf_init(&b, I4_HUB_URL_BYTES - 1);
    i4_buf_addf(&b, "%s/%s%s/%s/", talk->env->endpoint, kind, talk->repo, verb);
    i4_hub_escape(&b, ref, false);
    if (file) {
        i4_buf_addc(&b, '/');
        i4_hub_escape(&b, file, true);
    }
    const bool is_made = !b.failed;
    if (is_made) {
        memcpy(url, b.ptr, b.len + 1);
    } else if (b.over_limit) {
        i4_fail(err, I4_E_FORMAT, "the name '%.100s' is too long for an address",
                file ? file : ref);
    } else {
        i4_fail_memory(err, "an address", I4_HUB_URL_BYTES);
    }
    i4_buf_free(&b);
    return is_made;
}

static bool read_listing(const i4_hub_talk *talk, const i4_answer *answer, char *commit,
                         json_t **listing, i4_err *err) {
    char host[300];
    json_t *root;
    if (i4_wire_read(answer->body, answer->size, &root, NULL) == I4_WIRE_MEMORY) {
        return i4_fail_memory(err, "the list of files", answer->size);
    }
    const char *sha = json_string_value(json_object_get(root, "sha"));
    if (sha && i4_hub_is_commit(sha) && json_is_array(json_object_get(root, "siblings"))) {
        memcpy(commit, sha, I4_HUB_COMMIT_BYTES);
        *listing = root;
        return true;
    }
    json_decref(root);
    name_host(talk->env->endpoint, host, sizeof host);
    return i4_fail(err, I4_E_FORMAT,
                   "%.100s does not list %s the way the hub does; check HF_ENDPOINT and whether a "
                   "proxy answers in its place",
                   host, talk->repo);
}

bool i4_hub_list(i4_hub_talk *talk, const char *revision, char commit[I4_HUB_COMMIT_BYTES],
                 json_t **listing, i4_err *err) {
    char url[I4_HUB_URL_BYTES];
    i4_answer answer;
    *listing = NULL;
    if (!make_url(talk, "api/models/", "revision", revision, NULL, url, err) ||
        !ask(talk, url, false, &answer, err)) {
        return false;
    }
    const bool is_read = answer.status == 200 ? read_listing(talk, &answer, commit, listing, err)
                                              : refuse(talk, revision, NULL, &answer, err);
    i4_answer_free(&answer);
    return is_read;
}

/* --- a look at a file ----------------------------------------------------------------------- */

static bool first_header(const i4_answer *answer, const char *better, const char *plain, char *out,
                         size_t size) {
    return i4_answer_header(answer, better, out, size) ||
           i4_answer_header(answer, plain, out, size);
}

static bool read_size(const char *text, uint64_t *size) {
    char *end;
    if (text[0] < '0' || text[0] > '9' || strlen(text) > 18) { /* below 2^63 */
        return false;
    }
    *size = strtoull(text, &end, 10);
    return *end == '\0';
}

static bool read_look(const i4_answer *answer, const char *url, const char *file,
                      i4_hub_remote *remote, i4_err *err) {
    char etag[256], size[32];
    if (!first_header(answer, "X-Linked-Etag", "ETag", etag, sizeof etag) ||
        !first_header(answer, "X-Linked-Size", "Content-Length", size, sizeof size) ||
        !read_size(size, &remote->size)) {
        return i4_fail(err, I4_E_FORMAT,
                       "the hub does not tell hash and size of %.200s; check HF_ENDPOINT", file);
    }
    remote->is_signed = is_redirect(answer->status);
    if (!remote->is_signed) {
        memcpy(remote->url, url, I4_HUB_URL_BYTES);
    } else if (!find_target(answer, url, remote->url)) {
        return i4_fail(err, I4_E_FORMAT, "the hub sends %.200s to an address that is none", file);
    }
    return i4_hub_etag_clean(etag, remote->etag, err);
}

bool i4_hub_look(i4_hub_talk *talk, const char *commit, const char *file, i4_hub_remote *remote,
                 i4_err *err) {
    char url[I4_HUB_URL_BYTES];
    i4_answer answer;
    if (!make_url(talk, "", "resolve", commit, file, url, err) ||
        !ask(talk, url, true, &answer, err)) {
        return false;
    }
    const bool is_known = answer.status == 200 || is_redirect(answer.status);
    const bool is_read = is_known ? read_look(&answer, url, file, remote, err)
                                  : refuse(talk, commit, file, &answer, err);
    i4_answer_free(&answer);
    return is_read;
}

/* --- bytes of a file ------------------------------------------------------------------------ */

typedef struct intake {
    i4_hub_talk *talk;
    const i4_hub_taker *taker;
    uint64_t asked, size; /* first byte asked for; bytes of the whole file */
    bool is_elsewhere;    /* the server sends another part than was asked for */
    bool has_failed;      /* err: in the taker */
    i4_err err;
} intake;

static bool intake_go_on(void *user) {
    const intake *in = user;
    return in->talk->go_on(in->talk->user);
}

/* "bytes FROM-TO/SIZE" continues what we have of this very file. */
static bool fits(const intake *in, const i4_answer *answer) {
    char range[128], *end;
    if (!i4_answer_header(answer, "Content-Range", range, sizeof range) ||
        strncmp(range, "bytes ", 6) != 0) {
        return false;
    }
    const uint64_t from = strtoull(range + 6, &end, 10);
    const char *slash = strchr(range, '/');
    const bool has_size = slash && slash[1] >= '0' && slash[1] <= '9';
    return end > range + 6 && *end == '-' && from == in->asked &&
           (!has_size || strtoull(slash + 1, NULL, 10) == in->size);
}

static bool intake_begin(const i4_answer *answer, void *user) {
    intake *in = user;
    const bool is_part = answer->status == 206;
    in->is_elsewhere = is_part && !fits(in, answer);
    if (in->is_elsewhere) {
        return false;
    }
    in->has_failed = !in->taker->begin(in->taker->user, is_part ? in->asked : 0, &in->err);
    return !in->has_failed;
}

static bool intake_take(const void *bytes, size_t size, void *user) {
    intake *in = user;
    in->has_failed = !in->taker->take(in->taker->user, bytes, size, &in->err);
    return !in->has_failed;
}

static i4_hub_outcome judge(intake *in, const i4_answer *answer, bool is_whole, const char *file,
                            const i4_hub_remote *remote, double *wait, i4_err *err) {
    const int status = answer->status;
    char host[300];
    if (in->has_failed) {
        *err = in->err;
        return I4_HUB_FAILED;
    }
    if (in->is_elsewhere) {
        i4_fail(err, I4_E_IO,
                "the server sends another part of %.200s than it was asked for; try "
                "again later",
                file);
        return I4_HUB_REWIND;
    }
    if (!is_whole) {
        lose(in->talk, err);
        return in->talk->unreachable ? I4_HUB_AGAIN : I4_HUB_FAILED;
    }
    if (status >= 200 && status < 300) {
        return I4_HUB_DONE;
    }
    refuse(in->talk, "this commit", file, answer, err);
    *wait = asked_wait(answer);
    if (status == 416) {
        return I4_HUB_REWIND;
    }
    if (may_pass(status)) {
        return I4_HUB_AGAIN;
    }
    if (!remote->is_signed) {
        return I4_HUB_FAILED;
    }
    name_host(remote->url, host, sizeof host);
    i4_fail(err, I4_E_IO,
            "%.100s refuses %.150s with status %d at the address that the hub gave; "
            "try again later",
            host, file, status);
    return I4_HUB_RENEW;
}

/* One request, one answer. *moved: it was a redirect, and remote->url is where it leads. */
static i4_hub_outcome get_once(i4_hub_talk *talk, const char *file, i4_hub_remote *remote,
                               uint64_t from, const i4_hub_taker *taker, double *wait, bool *moved,
                               i4_err *err) {
    char range[64];
    const char *headers[] = {identity, from > 0 ? range : NULL, NULL};
    (void)snprintf(range, sizeof range, "Range: bytes=%llu-", (unsigned long long)from);
    i4_answer answer = {0};
    intake in = {.talk = talk, .taker = taker, .asked = from, .size = remote->size};
    const bool is_own_url = is_own(talk, remote->url);
    const i4_call call = {
        .url = remote->url,
        .headers = headers,
        .token = is_own_url && talk->env->token[0] ? talk->env->token : NULL,
        .connect_seconds = talk->env->download_seconds,
        .read_seconds = talk->env->download_seconds,
        .begin = intake_begin,
        .sink = intake_take,
        .go_on = intake_go_on,
        .user = &in,
    };
    char target[I4_HUB_URL_BYTES];
    talk->unreachable = false;
    const bool is_whole = i4_http_call(talk->client, &call, &answer, err);
    *moved = is_whole && find_target(&answer, remote->url, target);
    i4_hub_outcome outcome = I4_HUB_AGAIN;
    if (*moved) {
        memcpy(remote->url, target, sizeof target);
        remote->is_signed = true;
    } else {
        outcome = judge(&in, &answer, is_whole, file, remote, wait, err);
    }
    i4_answer_free(&answer);
    return outcome;
}

i4_hub_outcome i4_hub_get(i4_hub_talk *talk, const char *file, i4_hub_remote *remote, uint64_t from,
                          const i4_hub_taker *taker, double *wait, i4_err *err) {
    for (int hop = 0; hop <= HOPS_MOST; hop++) {
        bool moved;
        *wait = -1;
        const i4_hub_outcome outcome = get_once(talk, file, remote, from, taker, wait, &moved, err);
        if (!moved) {
            return outcome;
        }
    }
    i4_fail(err, I4_E_IO, "%.200s is sent from address to address without an end", file);
    return I4_HUB_FAILED;
}
