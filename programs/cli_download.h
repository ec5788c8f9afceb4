/* cli_download.h: `ideogram4 download`. */
#ifndef CLI_DOWNLOAD_H
#define CLI_DOWNLOAD_H

/* argv[0] is the command's name, the options follow. Returns the exit code. Prints the folder of
 * the model on standard output. */
int cli_download(int argc, char **argv);

#endif
