/* The order of a check, and the lock that says whether it may mend. */
#include "gateway/check/checkup.h"

#include "base/os.h"
#include "gateway/tasks/tasks.h"

#include <unistd.h>

static const char dry[] = "--dry-run: nothing was changed";
static const char running[] = "the gateway is running: nothing was changed";
static const char no_lock[] = "the lock of the database cannot be taken: nothing was changed";

/* Without a database there is nothing that a second program could hold. */
static int take_lock(i4_checkup *c, bool dry_run) {
    int fd = -1;
    i4_err err = {0};
    c->is_dry = dry_run;
    c->only_looked = dry_run ? dry : NULL;
    if (i4_path_look(c->settings->db_path) == I4_PATH_NONE ||
        i4_instance_lock(c->settings->db_path, &fd, &err)) {
        return fd;
    }
    c->is_running = err.status == I4_E_BUSY;
    if (c->is_running) {
        c->only_looked = running;
    } else if (!dry_run) {
        c->only_looked = no_lock;
        i4_checkup_say_error(c, "folders", "lock", &err);
    }
    return -1;
}

static void look_at_everything(i4_checkup *c) {
    i4_check_folders(c);
    i4_check_database(c);
    i4_check_rows(c);
    i4_check_remains(c); /* first the files that must go, then those that should have a row */
    i4_check_pictures(c);
    i4_check_spool(c);
}

static json_t *make_report(i4_checkup *c, i4_err *err) {
    json_t *report = json_pack("{s:b, s:s?, s:O, s:I, s:I}", "ok", c->left == 0, "only_looked",
                               c->only_looked, "findings", c->findings, "mended",
                               (json_int_t)c->mended, "left", (json_int_t)c->left);
    if (!report || c->out_of_memory) {
        json_decref(report);
        i4_fail_memory(err, "the report", 0);
        return NULL;
    }
    return report;
}

json_t *i4_gateway_check(const i4_settings *settings, bool dry_run, i4_err *err) {
    i4_checkup c = {.settings = settings, .findings = json_array()};
    if (!c.findings) {
        i4_fail_memory(err, "the report", 0);
        return NULL;
    }
    const int lock = take_lock(&c, dry_run);
    look_at_everything(&c);
    i4_db_look_close(c.look);
    i4_db_close(c.db);
    if (lock >= 0) {
        close(lock);
    }
    json_t *report = make_report(&c, err);
    json_decref(c.findings);
    return report;
}
