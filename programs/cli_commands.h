/* cli_commands.h: the commands of the program. Each returns the exit code. root: of find_root. */
#ifndef CLI_COMMANDS_H
#define CLI_COMMANDS_H

#include "cli_args.h"

/* argc, argv: for the metadata file, which keeps the command as it was typed. */
int run_generate(const cli_args *args, const char *root, int argc, char *const *argv);
int run_inspect(const cli_args *args, const char *root);
int run_verify(const cli_args *args);
int run_recipe(const cli_args *args);
int run_tokens(const cli_args *args, const char *root);
/* Those that talk to the model daemon. */
int run_status(const cli_args *args);
int run_load(const cli_args *args);
int run_unload(const cli_args *args);
int run_lora(const cli_args *args);
int run_cancel(const cli_args *args);
int run_doctor(const cli_args *args);

#endif
