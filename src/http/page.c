/* The web page: files of one folder, and index.html for every place inside the single-page program.
 * What lies in assets is named after its content and kept for ever; everything else is asked for
 * again. A file that has a gzip twin (name.gz) beside it is given packed to whoever takes that.
 * Every index.html gets a nonce of its own, which alone may bring style elements. */
#include "base/memory.h"
#include "base/os.h"
#include "http/private.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PAGE_BYTES = 1 << 20, NONCE_BYTES = 16 };
static const char placeholder[] = "__CSP_NONCE__";

/* --- files --------------------------------------------------------------------------------- */

static const char *type_of(const char *name) {
    static const struct {
        const char *suffix, *type;
    } types[] = {
        {"html", "text/html; charset=utf-8"},
        {"js", "text/javascript; charset=utf-8"},
        {"mjs", "text/javascript; charset=utf-8"},
        {"css", "text/css; charset=utf-8"},
        {"json", "application/json"},
        {"map", "application/json"},
        {"webmanifest", "application/manifest+json"},
        {"svg", "image/svg+xml"},
        {"png", "image/png"},
        {"jpg", "image/jpeg"},
        {"jpeg", "image/jpeg"},
        {"webp", "image/webp"},
        {"gif", "image/gif"},
        {"ico", "image/x-icon"},
        {"woff2", "font/woff2"},
        {"woff", "font/woff"},
        {"ttf", "font/ttf"},
        {"wasm", "application/wasm"},
        {"txt", "text/plain; charset=utf-8"},
    };
    const char *dot = strrchr(name, '.');
    for (size_t i = 0; dot && i < sizeof types / sizeof types[0]; i++) {
        if (strcasecmp(dot + 1, types[i].suffix) == 0) {
            return types[i].type;
        }
    }
    return "application/octet-stream";
}

/* Hidden names, "." and ".." among them, and names that another system would split. */
static bool is_plain_name(const char *name, size_t size) {
    return size > 0 && size < 256 && name[0] != '.' && !memchr(name, '\\', size);
}

/* Opens a path below folder, one name after the other, none of them a link (the folder itself may
 * be one); -1 when there is none. */
static int open_below(const char *folder, const char *path) {
    int at = i4_open_at(AT_FDCWD, folder, O_DIRECTORY);
    while (at >= 0) {
        char name[256];
        path += strspn(path, "/");
        const size_t size = strcspn(path, "/");
        if (!is_plain_name(path, size)) {
            close(at);
            return -1;
        }
        memcpy(name, path, size);
        name[size] = '\0';
        path += size;
        const int next = i4_open_at(at, name, O_NOFOLLOW | (*path ? O_DIRECTORY : 0));
        close(at);
        if (!*path) {
            return next;
        }
        at = next;
    }
    return -1;
}

static bool takes_gzip(const i4_http_request *r) {
    const char *accepted = i4_req_header(r, "Accept-Encoding");
    return accepted && strstr(accepted, "gzip") && !strstr(accepted, "gzip;q=0");
}

/* The packed twin of an asset, if there is one and it is wanted; -1 otherwise. */
static int open_packed(const i4_http_request *r, const char *folder, const char *path) {
    char packed[1024];
    if (!takes_gzip(r) || snprintf(packed, sizeof packed, "%s.gz", path) >= (int)sizeof packed) {
        return -1;
    }
    return open_below(folder, packed);
}

static void reply_asset(i4_http_request *r, i4_http_reply *reply, const char *folder,
                        const char *path) {
    const bool is_kept = strncmp(path, "/assets/", 8) == 0;
    const int packed = open_packed(r, folder, path);
    if (!i4_reply_fd(r, reply, type_of(path), packed >= 0 ? packed : open_below(folder, path))) {
        i4_reply_framework(reply, 404, "Not Found");
        return;
    }
    if (packed >= 0) {
        i4_reply_header(reply, "Content-Encoding", "gzip");
    }
    i4_reply_header(reply, "Vary", "Accept-Encoding");
    i4_reply_header(reply, "Cache-Control",
                    is_kept ? "public, max-age=31536000, immutable" : "no-cache");
}

/* --- the page ------------------------------------------------------------------------------ */

static bool make_nonce(char out[2 * NONCE_BYTES + 1]) {
    uint8_t bytes[NONCE_BYTES];
    if (!i4_random_bytes(bytes, sizeof bytes)) {
        return false; /* one that can be guessed is none */
    }
    for (size_t i = 0; i < sizeof bytes; i++) {
        snprintf(out + 2 * i, 3, "%02x", bytes[i]);
    }
    return true;
}

/* Takes fd. */
static bool read_page(int fd, i4_buf *out) {
    char part[4096];
    ssize_t count = -1;
    struct stat st;
    if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
        while ((count = read(fd, part, sizeof part)) > 0) {
            i4_buf_add(out, part, (size_t)count);
        }
    }
    if (fd >= 0) {
        close(fd);
    }
    return count == 0 && !out->failed;
}

static void write_page(const i4_buf *page, const char *nonce, i4_buf *out) {
    const char *at = page->ptr ? page->ptr : "";
    for (const char *next; (next = strstr(at, placeholder)) != NULL;
         at = next + sizeof placeholder - 1) {
        i4_buf_add(out, at, (size_t)(next - at));
        i4_buf_adds(out, nonce);
    }
    i4_buf_adds(out, at);
}

static void reply_page(i4_http_reply *reply, const char *folder) {
    char nonce[2 * NONCE_BYTES + 1], policy[320];
    i4_buf page, out;
    i4_buf_init(&page, PAGE_BYTES);
    i4_buf_init(&out, 2 * PAGE_BYTES);
    if (!read_page(open_below(folder, "/index.html"), &page)) {
        i4_reply_framework(reply, 404, "Not Found");
    } else if (!make_nonce(nonce)) {
        i4_reply_error(reply, 503, "the system gives no random numbers; try again");
    } else {
        write_page(&page, nonce, &out);
        snprintf(policy, sizeof policy,
                 "default-src 'self'; img-src 'self' blob: data:; style-src 'self' 'nonce-%s'; "
                 "connect-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'",
                 nonce);
        i4_reply_header(reply, "Content-Security-Policy", policy);
        i4_reply_header(reply, "Cross-Origin-Opener-Policy", "same-origin");
        i4_reply_header(reply, "Cache-Control", "no-cache");
        i4_reply_text(reply, 200, "text/html; charset=utf-8", out.failed ? "" : out.ptr);
    }
    i4_buf_free(&out);
    i4_buf_free(&page);
}

void i4_reply_static(i4_http_request *r, i4_http_reply *reply, const char *folder) {
    const char *slash = strrchr(r->path, '/');
    if (!slash || !strchr(slash, '.') || strcmp(r->path, "/index.html") == 0) {
        reply_page(reply, folder); /* a place inside the single-page program */
    } else {
        reply_asset(r, reply, folder, r->path);
    }
}
