/* Floor 1. Names that become paths or parts of an address. Those of the hub are hostile input:
 * nothing reaches the file system before it passed here. */
#ifndef I4_HUB_NAMES_H
#define I4_HUB_NAMES_H

#include "base/status.h"
#include "base/str.h"

enum {
    I4_HUB_COMMIT_BYTES = 41, /* with the NUL */
    I4_HUB_ETAG_BYTES = 129,
    I4_HUB_NAME_BYTES = 1024 /* longest file name in a repository */
};

/* "name" or "owner/name" as the hub allows it. */
bool i4_hub_repo_check(const char *repo, i4_err *err);
/* A branch, tag or commit; also safe as a path below refs/. */
bool i4_hub_revision_check(const char *revision, i4_err *err);
/* A file of a repository: relative, no "..", ".", empty component, backslash or control. */
bool i4_hub_file_check(i4_str name, i4_err *err);
/* From the header's value (W/ and quotes still on) to a plain file name. */
bool i4_hub_etag_clean(const char *header, char out[I4_HUB_ETAG_BYTES], i4_err *err);
bool i4_hub_is_commit(const char *text); /* 40 lower-case hexadecimal digits */

/* Appends percent-encoded text; slashes stay if keep_slashes. */
void i4_hub_escape(i4_buf *out, const char *text, bool keep_slashes);

/* NULL-terminated. What a model of this project consists of, in the order of docs/formats.md 2
 * and 5. */
extern const char *const i4_hub_split_files[];
extern const char *const i4_hub_folder_patterns[];
/* Shell-style match of the whole name; * matches slashes too, "x/" means all below x. */
bool i4_hub_matches(const char *pattern, const char *name);

#endif
