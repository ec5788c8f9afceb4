/* Floor 6. `ideogram4-gateway check`: looks at database, pictures, spool and folders of a gateway
 * that does not run, mends what is safe to mend, and says the rest. */
#ifndef I4_GATEWAY_CHECK_H
#define I4_GATEWAY_CHECK_H

#include "base/status.h"
#include "settings/settings.h"

#include <jansson.h>

/* A report (new reference):
 *
 *     {"ok": bool, "only_looked": text or null, "findings": [{"area", "code", "state", "count",
 *      "text", "names": [texts]}], "mended": n, "left": n}
 *
 * state is "ok" (looked at, nothing wrong), "note" (worth knowing, nothing to do), "mended" or
 * "todo"; text is one sentence; names are examples. ok: nothing is left to do. only_looked says
 * why nothing was mended: dry_run, or a gateway that runs. NULL: out of memory. */
json_t *i4_gateway_check(const i4_settings *settings, bool dry_run, i4_err *err);

#endif
