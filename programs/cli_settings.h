/* cli_settings.h: the environment, as all programs read it. */
#ifndef CLI_SETTINGS_H
#define CLI_SETTINGS_H

#include "settings/settings.h"

/* Read at the first call. NULL after saying which variable is wrong; that is a usage error. */
const i4_settings *cli_settings(void);

#endif
