/* cli_files.c: paths, whole files, and where the program lives. */
#define _XOPEN_SOURCE 700 /* realpath */
#include "cli_files.h"

#include "cli_say.h"
#include "cli_text.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* --- paths ------------------------------------------------------------------------------- */

char *path_join(const char *folder, const char *name) {
    size_t length = strlen(folder);
    int has_slash = length > 0 && folder[length - 1] == '/';
    return cli_format("%s%s%s", folder, has_slash ? "" : "/", name);
}

const char *path_name(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

char *path_folder(const char *path) {
    const char *slash = strrchr(path, '/');
    if (!slash) {
        return cli_copy(".");
    }
    return slash == path ? cli_copy("/") : cli_format("%.*s", (int)(slash - path), path);
}

char *path_with_suffix(const char *path, const char *suffix) {
    size_t length = strlen(path);
    while (length > 1 && path[length - 1] == '/') {
        length--;
    }
    char *trimmed = cli_format("%.*s", (int)length, path);
    const char *name = path_name(trimmed);
    if (!*name || strcmp(name, ".") == 0 || strcmp(name, "..") == 0) {
        free(trimmed);
        return NULL;
    }
    const char *dot = strrchr(name, '.');
    int has_suffix = dot && dot != name && dot[1];
    int kept = has_suffix ? (int)(dot - trimmed) : (int)length;
    char *result = cli_format("%.*s.%s", kept, trimmed, suffix);
    free(trimmed);
    return result;
}

/* --- the file system --------------------------------------------------------------------- */

int is_folder(const char *path) {
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

int is_file(const char *path) {
    struct stat info;
    return stat(path, &info) == 0 && S_ISREG(info.st_mode);
}

static int make_folder(const char *path) {
    if (mkdir(path, 0777) == 0 || is_folder(path)) {
        return 1;
    }
    errno = errno == EEXIST ? ENOTDIR : errno;
    return 0;
}

int make_folders(const char *path) {
    char *copy = cli_copy(path);
    int made = 1;
    for (char *c = copy + 1; made && *c; c++) {
        if (*c == '/') {
            *c = '\0';
            made = make_folder(copy);
            *c = '/';
        }
    }
    made = made && make_folder(copy);
    int reason = errno;
    free(copy);
    errno = reason;
    return made;
}

int can_write_in(const char *folder) {
    char *path = cli_format("%s/.ideogram4-%ld", folder, (long)getpid());
    int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    int reason = errno;
    if (file >= 0) {
        (void)close(file);
        (void)unlink(path);
    }
    free(path);
    errno = reason;
    return file >= 0;
}

static int read_stream(FILE *file, size_t most, char **data, size_t *size) {
    size_t room = 0, length = 0;
    char *bytes = NULL;
    do {
        if (room - length < 4096) {
            room = room ? room * 2 : 65536;
            bytes = cli_resize(bytes, room, 1);
        }
        length += fread(bytes + length, 1, room - length - 1, file);
    } while (!feof(file) && !ferror(file) && length <= most);
    bytes[length] = '\0';
    *data = bytes;
    *size = length;
    return !ferror(file);
}

int read_whole(const char *path, const char *what, size_t most, char **data, size_t *size) {
    int is_input = strcmp(path, "-") == 0;
    const char *name = is_input ? "standard input" : path;
    FILE *file = is_input ? stdin : fopen(path, "rb");
    *data = NULL;
    if (!file) {
        say_error("cannot open the %s %s: %s", what, name, strerror(errno));
        return 0;
    }
    int is_read = read_stream(file, most, data, size);
    int reason = errno;
    if (!is_input) {
        (void)fclose(file);
    }
    if (!is_read) {
        say_error("cannot read the %s %s: %s", what, name, strerror(reason));
    } else if (*size > most) {
        say_error("the %s %s is larger than %zu bytes", what, name, most);
        is_read = 0;
    }
    if (!is_read) {
        free(*data);
        *data = NULL;
    }
    return is_read;
}

static int write_beside(const char *path, const void *data, size_t size) {
    FILE *file = fopen(path, "we");
    if (!file) {
        return 0;
    }
    int is_written =
        fwrite(data, 1, size, file) == size && fflush(file) == 0 && fsync(fileno(file)) == 0;
    int reason = errno;
    int is_closed = fclose(file) == 0;
    errno = is_written ? errno : reason;
    return is_written && is_closed;
}

int write_bytes(const char *path, const void *data, size_t size) {
    char *beside = cli_format("%s.%ld.part", path, (long)getpid());
    int is_done = write_beside(beside, data, size) && rename(beside, path) == 0;
    if (!is_done) {
        say_error("cannot write %s: %s", path, strerror(errno));
        (void)unlink(beside);
    }
    free(beside);
    return is_done;
}

int write_whole(const char *path, const char *text) {
    return write_bytes(path, text, strlen(text));
}

/* --- where the program lives ------------------------------------------------------------- */

const char *env_text(const char *name) {
    const char *text = getenv(name);
    return text && *text ? text : NULL;
}

static char *real_folder(const char *program) {
    char *real = realpath(program, NULL);
    char *folder = real ? path_folder(real) : NULL;
    free(real);
    return folder;
}

/* Portable in place of /proc/self/exe and its likes: argv[0] is a path, or was found in PATH. */
static char *program_folder(const char *program) {
    if (strchr(program, '/')) {
        return real_folder(program);
    }
    const char *path = env_text("PATH");
    while (path && *path) {
        size_t length = strcspn(path, ":");
        char *candidate = cli_format("%.*s/%s", (int)length, path, program);
        char *folder = access(candidate, X_OK) == 0 ? real_folder(candidate) : NULL;
        free(candidate);
        if (folder) {
            return folder;
        }
        path += length + (path[length] == ':');
    }
    return NULL;
}

char *find_root(const char *program) {
    const char *named = env_text("IDEOGRAM4_ROOT");
    char *chosen = named ? realpath(named, NULL) : NULL;
    if (chosen) {
        return chosen;
    }
    /* Beside the program in a package, installed, and in a build folder. */
    static const char *const places[] = {".",     "..",       "../share/ideogram4",
                                         "../..", "../../..", "../../../.."};
    char *folder = program_folder(program ? program : "ideogram4");
    char *root = NULL;
    for (size_t i = 0; folder && !root && i < sizeof places / sizeof *places; i++) {
        char *place = path_join(folder, places[i]);
        char *demo = path_join(place, "models/demo");
        root = is_folder(demo) ? realpath(place, NULL) : NULL;
        free(demo);
        free(place);
    }
    free(folder);
    return root ? root : cli_copy(".");
}

char *resolve_path(const char *root, const char *path) {
    const char *home = env_text("HOME");
    if (cli_starts_with(path, "~/") && home) {
        return path_join(home, path + 2);
    }
    if (path[0] == '/') {
        return cli_copy(path);
    }
    char *of_root = path_join(root, path);
    if (access(of_root, F_OK) != 0 && access(path, F_OK) == 0) {
        free(of_root);
        return cli_copy(path);
    }
    return of_root;
}
