/* Answers from files: ranges and validators. Only regular files, opened without following a link.
 */
#include "base/memory.h"
#include "base/os.h"
#include "http/private.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* --- ranges -------------------------------------------------------------------------------- */

typedef enum range_kind { RANGE_FINE, RANGE_OUTSIDE, RANGE_MALFORMED } range_kind;

/* Digits only; larger than any file is as good as the largest number. */
static bool read_number(i4_str s, uint64_t *value) {
    *value = 0;
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] < '0' || s.ptr[i] > '9') {
            return false;
        }
        const uint64_t digit = (uint64_t)(s.ptr[i] - '0');
        *value = *value > (UINT64_MAX - digit) / 10 ? UINT64_MAX : *value * 10 + digit;
    }
    return s.len > 0;
}

static range_kind suffix_range(i4_str digits, uint64_t size, i4_span *span) {
    uint64_t count;
    if (!read_number(digits, &count)) {
        return RANGE_MALFORMED;
    }
    count = count < size ? count : size;
    *span = (i4_span){size - count, count};
    return count > 0 ? RANGE_FINE : RANGE_OUTSIDE;
}

/* "2-5", "2-" or "-3" */
static range_kind read_range(i4_str s, uint64_t size, i4_span *span) {
    const char *dash = memchr(s.ptr, '-', s.len);
    if (!dash) {
        return RANGE_MALFORMED;
    }
    const i4_str from = i4_str_of(s.ptr, (size_t)(dash - s.ptr));
    const i4_str to = i4_str_of(dash + 1, s.len - from.len - 1);
    uint64_t first, last = UINT64_MAX;
    if (from.len == 0) {
        return suffix_range(to, size, span);
    }
    if (!read_number(from, &first) || (to.len > 0 && !read_number(to, &last)) || first > last) {
        return RANGE_MALFORMED;
    }
    if (first >= size) {
        return RANGE_OUTSIDE;
    }
    last = last < size ? last : size - 1;
    *span = (i4_span){first, last - first + 1};
    return RANGE_FINE;
}

static int compare_spans(const void *a, const void *b) {
    const i4_span *x = a, *y = b;
    return (x->start > y->start) - (x->start < y->start);
}

/* Overlapping ranges would let a short request ask for many times the file. */
static int merge_spans(i4_span *spans, int count) {
    int used = 0;
    if (count == 0) {
        return 0;
    }
    qsort(spans, (size_t)count, sizeof *spans, compare_spans);
    for (int i = 1; i < count; i++) {
        i4_span *top = &spans[used];
        const uint64_t end = spans[i].start + spans[i].size;
        if (spans[i].start > top->start + top->size) {
            spans[++used] = spans[i];
        } else if (end > top->start + top->size) {
            top->size = end - top->start;
        }
    }
    return used + 1;
}

static i4_str trim(const char *text, size_t size) {
    i4_str s = i4_str_of(text, size);
    while (s.len > 0 && (s.ptr[0] == ' ' || s.ptr[0] == '\t')) {
        s.ptr++;
        s.len--;
    }
    while (s.len > 0 && (s.ptr[s.len - 1] == ' ' || s.ptr[s.len - 1] == '\t')) {
        s.len--;
    }
    return s;
}

int i4_range_parse(const char *header, uint64_t size, i4_span spans[I4_HTTP_RANGES]) {
    const char *equals = strchr(header, '=');
    const i4_str unit = trim(header, equals ? (size_t)(equals - header) : 0);
    if (unit.len != 5 || strncasecmp(unit.ptr, "bytes", 5) != 0) {
        return -1;
    }
    int count = 0, seen = 0;
    for (const char *rest = equals + 1;;) {
        const size_t length = strcspn(rest, ",");
        const i4_str item = trim(rest, length);
        if (item.len > 0) {
            i4_span span;
            const range_kind kind = read_range(item, size, &span);
            if (kind == RANGE_MALFORMED || ++seen > I4_HTTP_RANGES) {
                return -1;
            }
            if (kind == RANGE_FINE) {
                spans[count++] = span;
            }
        }
        if (rest[length] == '\0') {
            break;
        }
        rest += length + 1;
    }
    return seen == 0 ? -1 : merge_spans(spans, count);
}

/* --- several ranges in one answer ---------------------------------------------------------- */

typedef struct part {
    uint64_t begin; /* in the body */
    char head[224];
    size_t head_size;
    i4_span span; /* size 0: the end, which is head only */
} part;

typedef struct multipart {
    int fd;
    int count;
    uint64_t size;
    part parts[]; /* the ranges and the end */
} multipart;

static void multipart_free(void *user) {
    multipart *m = user;
    close(m->fd);
    i4_free(m);
}

static ssize_t multipart_read(void *user, uint64_t pos, char *buf, size_t max) {
    const multipart *m = user;
    int i = m->count - 1;
    while (i > 0 && m->parts[i].begin > pos) {
        i--;
    }
    const part *p = &m->parts[i];
    const uint64_t inside = pos - p->begin;
    if (inside < p->head_size) {
        const size_t rest = p->head_size - (size_t)inside;
        const size_t count = rest < max ? rest : max;
        memcpy(buf, p->head + inside, count);
        return (ssize_t)count;
    }
    const uint64_t done = inside - p->head_size;
    if (done >= p->span.size) {
        return MHD_CONTENT_READER_END_OF_STREAM;
    }
    const uint64_t rest = p->span.size - done;
    const ssize_t count =
        pread(m->fd, buf, rest < max ? (size_t)rest : max, (off_t)(p->span.start + done));
    /* A file that became shorter ends the connection: the length was promised. */
    return count > 0 ? count : MHD_CONTENT_READER_END_WITH_ERROR;
}

static void add_part(multipart *m, const char *head, i4_span span) {
    part *p = &m->parts[m->count++];
    p->begin = m->size;
    p->head_size = strlen(head);
    snprintf(p->head, sizeof p->head, "%s", head);
    p->span = span;
    m->size += p->head_size + span.size;
}

/* Takes fd. */
static struct MHD_Response *multipart_response(int fd, uint64_t file_size, const char *type,
                                               const i4_span *spans, int count,
                                               const char *boundary) {
    char head[sizeof((part *)0)->head];
    multipart *m = i4_calloc(1, sizeof *m + ((size_t)count + 1) * sizeof(part));
    if (!m) {
        close(fd);
        return NULL;
    }
    m->fd = fd;
    for (int i = 0; i < count; i++) {
        snprintf(head, sizeof head,
                 "%s--%s\r\nContent-Type: %.64s\r\nContent-Range: bytes %" PRIu64 "-%" PRIu64
                 "/%" PRIu64 "\r\n\r\n",
                 i > 0 ? "\r\n" : "", boundary, type, spans[i].start,
                 spans[i].start + spans[i].size - 1, file_size);
        add_part(m, head, spans[i]);
    }
    snprintf(head, sizeof head, "\r\n--%s--\r\n", boundary);
    add_part(m, head, (i4_span){0, 0});
    struct MHD_Response *response =
        MHD_create_response_from_callback(m->size, 32 << 10, multipart_read, m, multipart_free);
    if (!response) {
        multipart_free(m);
    }
    return response;
}

/* --- an open file as an answer ------------------------------------------------------------- */

typedef struct open_file {
    int fd; /* owned */
    uint64_t size;
    char etag[64], modified[96];
} open_file;

/* The date as HTTP has it, whatever the locale. */
static void http_date(time_t when, char *out, size_t size) {
    static const char days[][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char months[][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    struct tm t;
    if (!gmtime_r(&when, &t)) {
        memset(&t, 0, sizeof t);
        t.tm_mday = 1;
        t.tm_year = 70;
        t.tm_wday = 4;
    }
    snprintf(out, size, "%s, %02d %s %04d %02d:%02d:%02d GMT", days[t.tm_wday % 7], t.tm_mday,
             months[t.tm_mon % 12], t.tm_year + 1900, t.tm_hour, t.tm_min, t.tm_sec);
}

/* Takes fd; false, and closed, when it is no regular file. */
static bool look_at(int fd, open_file *file) {
    struct stat st;
    if (fd < 0) {
        return false;
    }
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        close(fd);
        return false;
    }
    *file = (open_file){.fd = fd, .size = (uint64_t)st.st_size};
    snprintf(file->etag, sizeof file->etag, "\"%" PRIx64 "-%" PRIx64 "-%" PRIx64 "\"",
             (uint64_t)st.st_ino, (uint64_t)st.st_size, (uint64_t)st.st_mtime);
    http_date(st.st_mtime, file->modified, sizeof file->modified);
    return true;
}

/* Takes the file. */
static void reply_span(i4_http_reply *reply, int status, const char *type, const open_file *file,
                       i4_span span) {
    struct MHD_Response *response =
        MHD_create_response_from_fd_at_offset64(span.size, file->fd, span.start);
    if (!response) {
        close(file->fd);
    }
    i4_reply_set(reply, status, type, response);
}

/* Takes the file. */
static void reply_empty(i4_http_reply *reply, int status, const char *type, const open_file *file,
                        const char *text) {
    close(file->fd);
    i4_reply_text(reply, status, type, text);
}

static void reply_ranges(i4_http_reply *reply, const char *type, const open_file *file,
                         const i4_span *spans, int count) {
    uint8_t random[12];
    char boundary[2 * sizeof random + 1], line[96];
    if (count == 1) {
        snprintf(line, sizeof line, "bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64, spans[0].start,
                 spans[0].start + spans[0].size - 1, file->size);
        reply_span(reply, 206, type, file, spans[0]);
        i4_reply_header(reply, "Content-Range", line);
        return;
    }
    if (!i4_random_bytes(random, sizeof random)) {
        memset(random, 0x5a, sizeof random); /* only has to be rare */
    }
    for (size_t i = 0; i < sizeof random; i++) {
        snprintf(boundary + 2 * i, 3, "%02x", random[i]);
    }
    snprintf(line, sizeof line, "multipart/byteranges; boundary=%s", boundary);
    i4_reply_set(reply, 206, line,
                 multipart_response(file->fd, file->size, type, spans, count, boundary));
}

/* Takes the file. */
static void reply_open_file(const i4_http_request *request, i4_http_reply *reply, const char *type,
                            const open_file *file, bool may_be_known) {
    i4_span spans[I4_HTTP_RANGES];
    char line[48];
    const char *range = i4_req_header(request, "Range");
    const char *condition = i4_req_header(request, "If-Range");
    if (range && condition && strcmp(condition, file->etag) != 0 &&
        strcmp(condition, file->modified) != 0) {
        range = NULL; /* another version: all of it */
    }
    const char *known = i4_req_header(request, "If-None-Match");
    i4_reply_header(reply, "Accept-Ranges", "bytes");
    i4_reply_header(reply, "ETag", file->etag);
    i4_reply_header(reply, "Last-Modified", file->modified);
    if (may_be_known && known && strstr(known, file->etag)) {
        reply_empty(reply, 304, type, file, "");
        return;
    }
    const int count = range ? i4_range_parse(range, file->size, spans) : 0;
    if (!range && file->size == 0) {
        reply_empty(reply, 200, type, file, "");
    } else if (!range) {
        reply_span(reply, 200, type, file, (i4_span){0, file->size});
    } else if (count < 0) {
        reply_empty(reply, 400, "text/plain; charset=utf-8", file, "malformed Range header");
    } else if (count == 0) {
        snprintf(line, sizeof line, "bytes */%" PRIu64, file->size);
        i4_reply_header(reply, "Content-Range", line);
        reply_empty(reply, 416, "text/plain; charset=utf-8", file, "");
    } else {
        reply_ranges(reply, type, file, spans, count);
    }
}

/* O_NONBLOCK: a FIFO does not wait for its writer, it is refused by its kind. */
int i4_open_at(int folder, const char *name, int flags) {
    int fd;
    if (i4_fault_hit(I4_FAULT_OPEN, 0)) {
        errno = EMFILE;
        return -1;
    }
    do {
        fd = openat(folder, name, O_RDONLY | O_NONBLOCK | O_CLOEXEC | flags);
    } while (fd < 0 && errno == EINTR);
    return fd;
}

bool i4_reply_fd(i4_http_request *request, i4_http_reply *reply, const char *type, int fd) {
    open_file file;
    if (!look_at(fd, &file)) {
        return false;
    }
    reply_open_file(request, reply, type, &file, true);
    return true;
}

/* As the original: a client that has it already gets it again. */
void i4_reply_file(i4_http_request *request, i4_http_reply *reply, const char *type,
                   const char *path) {
    open_file file;
    if (look_at(i4_open_at(AT_FDCWD, path, O_NOFOLLOW), &file)) {
        reply_open_file(request, reply, type, &file, false);
    } else {
        i4_reply_error(reply, 404, "not found");
    }
}
