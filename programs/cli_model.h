/* cli_model.h: which model a command uses, and opening it. */
#ifndef CLI_MODEL_H
#define CLI_MODEL_H

#include "cli_args.h"
#include "ideogram4.h"

/* The model folder of this command line and environment: --model-path, --model-repo,
 * IDEOGRAM4_MODEL_PATH, IDEOGRAM4_MODEL_REPO, else the demo model. Owned; NULL after saying why.
 * *is_demo: none was asked for. root: of find_root. */
char *model_choose(const cli_args *args, const char *root, int *is_demo);

/* Opens it with the options of the command line; 0 after saying why. */
int model_open(const cli_args *args, const char *folder, const id4_observer *observer,
               id4_model **model);

/* Says which model draws, and for the demo model how to get the real one. */
void model_introduce(const id4_model *model, int is_demo);

#endif
