/* ideogram4d.c: the model daemon. Reads the environment, serves until SIGINT or SIGTERM, cancels
 * what runs and ends with 0. A second signal ends it at once. Exit codes: 0 stopped, 1 it could not
 * start, 2 the command line or the environment is wrong, 128 + n ended at once by signal n. */
#include "service_log.h"
#include "service_signals.h"

#include "daemon/daemon.h"
#include "settings/settings.h"

#include <ideogram4.h>
#include <stdio.h>
#include <string.h>

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

static const char help[] =
    "usage: ideogram4d [--help | --version]\n"
    "\n"
    "The model daemon: owns the model and draws. Everything is set by environment variables;\n"
    "the most important ones:\n"
    "\n"
    "  IDEOGRAM4_MODEL_PATH             model folder\n"
    "  IDEOGRAM4_MODEL_REPO             or a Hugging Face repository, fetched when needed\n"
    "  IDEOGRAM4_MODEL_REVISION         its revision\n"
    "  IDEOGRAM4_MODEL_DAEMON_HOST      address to listen on (127.0.0.1)\n"
    "  IDEOGRAM4_MODEL_DAEMON_PORT      port (8001)\n"
    "  IDEOGRAM4_MODEL_DAEMON_AUTOLOAD  1: load the model at the start\n"
    "  IDEOGRAM4_LORA_DIR               folder of LoRA files (models/loras)\n"
    "  IDEOGRAM4_SPOOL_DIR              finished pictures until they are stored\n"
    "  IDEOGRAM4_LOG_DIR                folder of log files (logs)\n"
    "\n"
    "Without a model it serves the small demo model of the project.\n";

static int serve(const i4_settings *settings) {
    i4_err err = {0};
    service_hold_signals();
    service_log_open("model", settings->log_dir, settings->daemon_log_level);
    i4_daemon *daemon = i4_daemon_start(settings, &err);
    if (daemon == NULL) {
        service_say("error: %s", err.text);
        service_log_close();
        return EXIT_FAILED;
    }
    service_say("ideogram4d %s on http://%s:%d", id4_version_string(), settings->daemon_host,
                i4_daemon_port(daemon));
    service_await_signal();
    service_say("stopping");
    i4_daemon_stop(daemon);
    service_log_close();
    return EXIT_DONE;
}

int main(int argc, char **argv) {
    static i4_settings settings; /* large */
    i4_err err = {0};
    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        fputs(help, stdout);
        return EXIT_DONE;
    }
    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        printf("ideogram4d %s\n", id4_version_string());
        return EXIT_DONE;
    }
    if (argc > 1) {
        fprintf(stderr, "ideogram4d: '%s' is not understood; see ideogram4d --help\n", argv[1]);
        return EXIT_USAGE;
    }
    if (!i4_settings_read(&settings, &err)) {
        fprintf(stderr, "ideogram4d: %s\n", err.text);
        return EXIT_USAGE;
    }
    const int code = serve(&settings);
    i4_settings_free(&settings);
    return code;
}
