/* Calls of the C library that fail, or that end or stop the process, at planted points. Preloaded into the program under test.
 *
 *   EDAS_TEST_CALL  open (for writing), read, write, fsync (fdatasync too), rename, unlink, mkdir, truncate; several with commas
 *   EDAS_TEST_PATH  part of the path that is opened, written, or renamed to; with a final $ its end
 *   EDAS_TEST_NTH   which of these calls, from 1; with a final + all later ones too
 *   EDAS_TEST_DO    ENOSPC, EIO or EROFS: the call does nothing and fails so
 *                   half: a write writes half of its bytes and then fails with ENOSPC
 *                   kill-before, kill-after: the process ends as by SIGKILL, without or with what the call does
 *                   kill-half: a write writes half of its bytes, then the process ends
 *                   SIGINT, SIGTERM, SIGHUP, SIGSTOP: the process gets the signal, then the call goes on; several with commas
 *
 * With EDAS_TEST_CALL=memory, EDAS_TEST_BYTES says from how many bytes on a request for memory counts, and EDAS_TEST_NTH which of
 * these are refused; they count from the first time on that a file is opened whose path has EDAS_TEST_PATH.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))
/* The next function of this name: the C library's own. */
#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

enum outcome { GO_ON, FAIL, HALF, KILL_BEFORE, KILL_AFTER, KILL_HALF };

static atomic_long calls;
/* Whether requests for memory count yet. */
static atomic_bool counting;

static bool matches(const char *path) {
    const char *part = getenv("EDAS_TEST_PATH");
    if (part == NULL || path == NULL) {
        return false;
    }
    size_t length = strlen(part), whole = strlen(path);
    if (length > 0 && part[length - 1] == '$') {
        return whole >= length - 1 && strncmp(path + whole - (length - 1), part, length - 1) == 0;
    }
    return strstr(path, part) != NULL;
}

static void signals(const char *list) {
    static const struct { const char *name; int number; } known[] = {
        {"SIGINT", SIGINT}, {"SIGTERM", SIGTERM}, {"SIGHUP", SIGHUP}, {"SIGSTOP", SIGSTOP}};
    while (list != NULL) {
        for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
            if (strncmp(list, known[i].name, strlen(known[i].name)) == 0) {
                kill(getpid(), known[i].number);
            }
        }
        list = strchr(list, ',');
        list = list == NULL ? NULL : list + 1;
    }
}

/* Whether a call is one of a list. */
static bool listed(const char *call, const char *list) {
    size_t length = strlen(call);
    while (list != NULL) {
        if (strncmp(list, call, length) == 0 && (list[length] == ',' || list[length] == 0)) {
            return true;
        }
        list = strchr(list, ',');
        list = list == NULL ? NULL : list + 1;
    }
    return false;
}

/* What is to happen in this call; errno is set where it fails. */
static enum outcome planted(const char *call, const char *path) {
    const char *wanted = getenv("EDAS_TEST_CALL"), *nth = getenv("EDAS_TEST_NTH"), *act = getenv("EDAS_TEST_DO");
    if (wanted == NULL || nth == NULL || act == NULL || !listed(call, wanted) || !matches(path)) {
        return GO_ON;
    }
    long number = atomic_fetch_add(&calls, 1) + 1, first = strtol(nth, NULL, 10);
    bool later = strchr(nth, '+') != NULL;
    if (number < first || (number > first && !later)) {
        return GO_ON;
    }
    static const struct { const char *name; enum outcome outcome; int error; } acts[] = {
        {"ENOSPC", FAIL, ENOSPC}, {"EIO", FAIL, EIO},         {"EROFS", FAIL, EROFS},          {"half", HALF, ENOSPC},
        {"kill-before", KILL_BEFORE, 0}, {"kill-after", KILL_AFTER, 0}, {"kill-half", KILL_HALF, 0}};
    for (size_t i = 0; i < sizeof acts / sizeof *acts; i++) {
        if (strcmp(act, acts[i].name) == 0) {
            errno = acts[i].error;
            return acts[i].outcome;
        }
    }
    signals(act);
    return GO_ON;
}

static enum outcome planted_file(const char *call, int file) {
    char name[64], path[4096];
    snprintf(name, sizeof name, "/proc/self/fd/%d", file);
    int before = errno;
    ssize_t length = readlink(name, path, sizeof path - 1);
    errno = before;
    if (length < 0) {
        return GO_ON;
    }
    path[length] = 0;
    return planted(call, path);
}

static void end(void) {
    kill(getpid(), SIGKILL);
    for (;;) {
        pause();
    }
}

/* A call that is done or not, with nothing in between. */
#define PLANT(what, call)                                                                                                         \
    do {                                                                                                                           \
        enum outcome happens = (what);                                                                                             \
        if (happens == FAIL || happens == HALF) {                                                                                  \
            return -1;                                                                                                             \
        }                                                                                                                          \
        if (happens == KILL_BEFORE || happens == KILL_HALF) {                                                                      \
            end();                                                                                                                 \
        }                                                                                                                          \
        __typeof__(call) result = call;                                                                                            \
        if (happens == KILL_AFTER) {                                                                                               \
            end();                                                                                                                 \
        }                                                                                                                          \
        return result;                                                                                                             \
    } while (0)

/* Whether a request for so much memory is refused. Nothing here may ask for memory. */
static bool refused(size_t bytes) {
    /* 0: not looked up yet. */
    static atomic_long least, first, later;
    if (atomic_load(&least) == 0) {
        const char *call = getenv("EDAS_TEST_CALL"), *size = getenv("EDAS_TEST_BYTES"), *nth = getenv("EDAS_TEST_NTH");
        bool wanted = call != NULL && size != NULL && nth != NULL && strcmp(call, "memory") == 0;
        atomic_store(&first, wanted ? strtol(nth, NULL, 10) : 0);
        atomic_store(&later, wanted && strchr(nth, '+') != NULL);
        atomic_store(&least, wanted ? strtol(size, NULL, 10) : -1);
    }
    long from = atomic_load(&least);
    if (from < 0 || bytes < (size_t)from || !atomic_load(&counting)) {
        return false;
    }
    long number = atomic_fetch_add(&calls, 1) + 1;
    return number == atomic_load(&first) || (number > atomic_load(&first) && atomic_load(&later) != 0);
}

extern void *__libc_malloc(size_t bytes);
extern void *__libc_calloc(size_t count, size_t bytes);
extern void *__libc_realloc(void *old, size_t bytes);

/* Where memory is refused, errno says so, as the C library's does. */
#define MEMORY(bytes, call)                                                                                                        \
    do {                                                                                                                           \
        if (refused(bytes)) {                                                                                                      \
            errno = ENOMEM;                                                                                                        \
            return NULL;                                                                                                           \
        }                                                                                                                          \
        return call;                                                                                                               \
    } while (0)

EXPORT void *malloc(size_t bytes) { MEMORY(bytes, __libc_malloc(bytes)); }

EXPORT void *calloc(size_t count, size_t bytes) { MEMORY(count * bytes, __libc_calloc(count, bytes)); }

EXPORT void *realloc(void *old, size_t bytes) { MEMORY(bytes, __libc_realloc(old, bytes)); }

EXPORT int posix_memalign(void **memory, size_t alignment, size_t bytes) {
    return refused(bytes) ? ENOMEM : NEXT(posix_memalign)(memory, alignment, bytes);
}

EXPORT int open64(const char *path, int flags, ...) {
    va_list list;
    va_start(list, flags);
    mode_t mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(list, mode_t) : 0;
    va_end(list);
    if (!atomic_load(&counting) && matches(path)) {
        atomic_store(&counting, true);
    }
    bool writes = (flags & (O_WRONLY | O_RDWR | O_CREAT)) != 0;
    PLANT(writes ? planted("open", path) : GO_ON, NEXT(open64)(path, flags, mode));
}

EXPORT ssize_t read(int file, void *buffer, size_t count) {
    PLANT(planted_file("read", file), NEXT(read)(file, buffer, count));
}

EXPORT ssize_t write(int file, const void *buffer, size_t count) {
    enum outcome outcome = planted_file("write", file);
    if (outcome == HALF || outcome == KILL_HALF) {
        ssize_t written = NEXT(write)(file, buffer, count / 2);
        if (outcome == KILL_HALF) {
            end();
        }
        (void)written;
        errno = ENOSPC;
        return -1;
    }
    PLANT(outcome, NEXT(write)(file, buffer, count));
}

EXPORT int fsync(int file) { PLANT(planted_file("fsync", file), NEXT(fsync)(file)); }

EXPORT int fdatasync(int file) { PLANT(planted_file("fsync", file), NEXT(fdatasync)(file)); }

EXPORT int ftruncate64(int file, off64_t length) { PLANT(planted_file("truncate", file), NEXT(ftruncate64)(file, length)); }

EXPORT int rename(const char *from, const char *to) { PLANT(planted("rename", to), NEXT(rename)(from, to)); }

EXPORT int unlink(const char *path) { PLANT(planted("unlink", path), NEXT(unlink)(path)); }

EXPORT int mkdir(const char *path, mode_t mode) { PLANT(planted("mkdir", path), NEXT(mkdir)(path, mode)); }
