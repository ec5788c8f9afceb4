/* What the routes of the library answer when something fails. */
#include "gateway/library/reply.h"

#include "base/log.h"
#include "http/validate.h"

void i4_library_fail(i4_http_reply *reply, const i4_err *err) {
    if (err->status == I4_E_INVALID_ARGUMENT) {
        i4_reply_error(reply, 422, "%s", err->text);
        return;
    }
    i4_log(I4_LOG_ERROR, "gateway", "%s", err->text);
    const bool passes = err->status == I4_E_BUSY || err->status == I4_E_OUT_OF_MEMORY;
    i4_reply_error(reply, passes ? 503 : 500, "%s", err->text);
}
