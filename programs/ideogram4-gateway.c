/* ideogram4-gateway.c: the gateway. Reads the environment, serves until SIGINT or SIGTERM, stores
 * what is under way and ends with 0. A second signal ends it at once. `check` and `maintain` look
 * after database and pictures instead. Exit codes: 0 stopped or done, 1 failed or, for `check`,
 * something is left to do, 2 the command line or the environment is wrong, 128 + n ended at once by
 * signal n. */
#include "service_log.h"
#include "service_signals.h"

#include "base/os.h"
#include "gateway/check/check.h"
#include "gateway/gateway.h"
#include "gateway/library/maintenance.h"
#include "settings/settings.h"

#include <ideogram4.h>
#include <stdio.h>
#include <string.h>

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

static const char help[] =
    "usage: ideogram4-gateway [--help | --version]\n"
    "       ideogram4-gateway check [--dry-run] [--json]\n"
    "       ideogram4-gateway maintain [--report | --delete-orphans [--dry-run]]\n"
    "\n"
    "The gateway: HTTP API, picture library, Magic Prompt and web page over the model daemon.\n"
    "`check` verifies database, pictures and spool, mends what is safe to mend and says the rest\n"
    "(exit code 1: something is left to do); beside a running gateway it only looks.\n"
    "`maintain` reports on the library, or deletes pictures that belong to no prompt.\n"
    "Everything is set by environment variables; the most important ones:\n"
    "\n"
    "  IDEOGRAM4_SERVER_HOST       address to listen on (127.0.0.1)\n"
    "  IDEOGRAM4_SERVER_PORT       port (8000)\n"
    "  IDEOGRAM4_WEBUI_PORT        further port with the same page (5173)\n"
    "  IDEOGRAM4_MODEL_DAEMON_URL  where the model daemon is (http://127.0.0.1:8001)\n"
    "  IDEOGRAM4_DB_PATH           database (server/data/ideogram4.db)\n"
    "  IDEOGRAM4_OUTPUT_DIR        pictures (server/output)\n"
    "  IDEOGRAM4_WEB_DIR           built web page (web/dist)\n"
    "  IDEOGRAM4_LOG_DIR           folder of log files (logs)\n"
    "  IDEOGRAM4_ACCESS_TOKEN      needed to listen beyond this machine\n";

/* --- serving ------------------------------------------------------------------------------- */

static void say_where(const i4_gateway *gateway, const i4_settings *settings) {
    service_say("ideogram4-gateway %s on http://%s:%d", ID4_VERSION_STRING, settings->server_host,
                i4_gateway_port(gateway));
    if (gateway->page) {
        service_say("%s at http://%s:%d",
                    *settings->web_dir ? "the page is" : "and, without a page,",
                    settings->webui_host, i4_http_port(gateway->page));
    }
}

static int serve(const i4_settings *settings) {
    static i4_gateway gateway; /* may outlive this function: see i4_gateway_stop */
    i4_err err = {0};
    service_hold_signals();
    i4_memory_return_large();
    service_log_open("server", settings->log_dir, settings->server_log_level);
    if (!i4_gateway_start(&gateway, settings, &err)) {
        service_say("error: %s", err.text);
        service_log_close();
        return EXIT_FAILED;
    }
    say_where(&gateway, settings);
    service_await_signal();
    service_say("stopping");
    i4_gateway_stop(&gateway);
    service_log_close();
    return EXIT_DONE;
}

/* --- checking ------------------------------------------------------------------------------ */

static const char *text_at(const json_t *object, const char *key) {
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

static long long number_at(const json_t *object, const char *key) {
    return (long long)json_integer_value(json_object_get(object, key));
}

static void print_finding(const json_t *finding) {
    const json_t *names = json_object_get(finding, "names");
    printf("%-7s %-9s %s", text_at(finding, "state"), text_at(finding, "area"),
           text_at(finding, "text"));
    for (size_t i = 0; i < json_array_size(names); i++) {
        printf("%s%s", i ? ", " : " (such as: ", json_string_value(json_array_get(names, i)));
    }
    puts(json_array_size(names) ? ")" : "");
}

static void print_report(const json_t *report) {
    const json_t *findings = json_object_get(report, "findings");
    const char *only_looked = text_at(report, "only_looked");
    for (size_t i = 0; i < json_array_size(findings); i++) {
        print_finding(json_array_get(findings, i));
    }
    printf("check: %lld mended, %lld left to do%s%s\n", number_at(report, "mended"),
           number_at(report, "left"), *only_looked ? "; " : "", only_looked);
}

static int check(const i4_settings *settings, bool dry_run, bool as_json) {
    i4_err err = {0};
    json_t *report = i4_gateway_check(settings, dry_run, &err);
    if (!report) {
        fprintf(stderr, "ideogram4-gateway: %s\n", err.text);
        return EXIT_FAILED;
    }
    const bool is_ok = json_is_true(json_object_get(report, "ok"));
    if (as_json) {
        json_dumpf(report, stdout, JSON_COMPACT);
        puts("");
    } else {
        print_report(report);
    }
    json_decref(report);
    return fflush(stdout) == 0 && is_ok ? EXIT_DONE : EXIT_FAILED;
}

/* --- maintaining --------------------------------------------------------------------------- */

static int maintain(const i4_settings *settings, bool delete_orphans, bool dry_run) {
    i4_err err = {0};
    json_t *report = i4_gateway_maintenance(settings, delete_orphans, dry_run, &err);
    if (!report) {
        fprintf(stderr, "ideogram4-gateway: %s\n", err.text);
        return EXIT_FAILED;
    }
    const char *key;
    json_t *value;
    json_object_foreach(report, key, value) {
        printf("%s: %lld\n", key, (long long)json_integer_value(value));
    }
    json_decref(report);
    return fflush(stdout) == 0 ? EXIT_DONE : EXIT_FAILED;
}

/* --- command line -------------------------------------------------------------------------- */

typedef struct command {
    bool check, maintain; /* neither: serve */
    bool delete_orphans, dry_run, as_json;
} command;

/* What may follow each word. */
static bool read_option(command *c, const char *option) {
    if ((c->check || c->maintain) && strcmp(option, "--dry-run") == 0) {
        return c->dry_run = true;
    }
    if (c->check && strcmp(option, "--json") == 0) {
        return c->as_json = true;
    }
    if (c->maintain && strcmp(option, "--delete-orphans") == 0) {
        return c->delete_orphans = true;
    }
    return c->maintain && strcmp(option, "--report") == 0;
}

static bool read_command(int argc, char **argv, command *c) {
    *c = (command){.check = argc > 1 && strcmp(argv[1], "check") == 0,
                   .maintain = argc > 1 && strcmp(argv[1], "maintain") == 0};
    for (int i = c->check || c->maintain ? 2 : 1; i < argc; i++) {
        if (!read_option(c, argv[i])) {
            fprintf(stderr,
                    "ideogram4-gateway: '%s' is not understood; see ideogram4-gateway --help\n",
                    argv[i]);
            return false;
        }
    }
    return true;
}

static int run(const i4_settings *settings, const command *wanted) {
    if (wanted->check) {
        return check(settings, wanted->dry_run, wanted->as_json);
    }
    return wanted->maintain ? maintain(settings, wanted->delete_orphans, wanted->dry_run)
                            : serve(settings);
}

int main(int argc, char **argv) {
    static i4_settings settings; /* large */
    command wanted;
    i4_err err = {0};
    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        fputs(help, stdout);
        return EXIT_DONE;
    }
    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        printf("ideogram4-gateway %s\n", ID4_VERSION_STRING);
        return EXIT_DONE;
    }
    if (!read_command(argc, argv, &wanted)) {
        return EXIT_USAGE;
    }
    if (!i4_settings_read(&settings, &err)) {
        fprintf(stderr, "ideogram4-gateway: %s\n", err.text);
        return EXIT_USAGE;
    }
    const int code = run(&settings, &wanted);
    i4_settings_free(&settings);
    return code;
}
