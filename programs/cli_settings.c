/* cli_settings.c: see cli_settings.h. */
#include "cli_settings.h"

#include "cli_say.h"

const i4_settings *cli_settings(void) {
    static i4_settings settings; /* large; lives as long as the program */
    static bool is_read;
    i4_err err = {0};
    if (!is_read && !i4_settings_read(&settings, &err)) {
        say_error("%s", err.text);
        return NULL;
    }
    is_read = true;
    return &settings;
}
