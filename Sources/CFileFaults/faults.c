// Makes system calls on the files of databases fail, on demand. Loaded into a node's processes with LD_PRELOAD by berth-chaos.
//
// BERTH_FILE_FAULTS names a file of one page, which this library maps and berth-chaos writes to at any time:
//
//     0    magic, four bytes
//     8    rules, one for each kind of file and operation, kinds first: `errno` and the share of calls, in 1/1000; two bytes each
//     256  calls that failed so far, eight bytes each, in the same order
//
// Without the variable every call goes through untouched.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

// The order of both is that of FileFaults.swift.
enum kind { kind_main, kind_sqlite_log, kind_sqlite_index, kind_duckdb_log, kind_mark, kinds, kind_none = kinds };
enum operation { operation_open, operation_read, operation_write, operation_sync, operation_map, operations };

struct rule {
    _Atomic uint16_t error;
    _Atomic uint16_t share;
};

struct page {
    uint32_t magic;
    uint32_t unused;
    struct rule rules[kinds][operations];
    char padding[256 - 8 - sizeof(struct rule) * kinds * operations];
    _Atomic uint64_t failed[kinds][operations];
};

_Static_assert(sizeof(struct rule) == 4, "a rule has four bytes");
_Static_assert(offsetof(struct page, failed) == 256, "counters begin behind the rules");

static const uint32_t magic = 0x42464c54;
static struct page *page;

// What each descriptor is, plus one; 0 is nothing of ours.
enum { known_descriptors = 1 << 16 };
static _Atomic unsigned char descriptors[known_descriptors];

static int (*real_open)(const char *, int, ...);
static int (*real_openat)(int, const char *, int, ...);
static int (*real_close)(int);
static int (*real_dup2)(int, int);
static ssize_t (*real_read)(int, void *, size_t);
static ssize_t (*real_pread)(int, void *, size_t, off_t);
static ssize_t (*real_write)(int, const void *, size_t);
static ssize_t (*real_pwrite)(int, const void *, size_t, off_t);
static int (*real_fsync)(int);
static int (*real_fdatasync)(int);
static int (*real_ftruncate)(int, off_t);
static void *(*real_mmap)(void *, size_t, int, int, int, off_t);

static void find(void *function, const char *name) { *(void **)function = dlsym(RTLD_NEXT, name); }

static void resolve(void) {
    if (real_mmap) return;
    find(&real_open, "open64");
    find(&real_openat, "openat64");
    find(&real_close, "close");
    find(&real_dup2, "dup2");
    find(&real_read, "read");
    find(&real_pread, "pread64");
    find(&real_write, "write");
    find(&real_pwrite, "pwrite64");
    find(&real_fsync, "fsync");
    find(&real_fdatasync, "fdatasync");
    find(&real_ftruncate, "ftruncate64");
    find(&real_mmap, "mmap64");
}

__attribute__((constructor)) static void begin(void) {
    resolve();
    const char *path = getenv("BERTH_FILE_FAULTS");
    if (!path) return;
    int descriptor = real_open(path, O_RDWR | O_CLOEXEC);
    if (descriptor < 0) return;
    struct page *mapped = real_mmap(NULL, sizeof(struct page), PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
    real_close(descriptor);
    if (mapped != MAP_FAILED && mapped->magic == magic) page = mapped;
}

static int ends(const char *text, const char *end) {
    size_t length = strlen(text), tail = strlen(end);
    return length >= tail && strcmp(text + length - tail, end) == 0;
}

// A copy's files are .../databases/xyz/<id>/db and what is beside it.
static enum kind kind_of_path(const char *path) {
    const char *folder = strstr(path, "/databases/"), *name = strrchr(path, '/');
    if (!folder || !name) return kind_none;
    name++;
    if (ends(name, ".json") || ends(name, ".json.new")) return kind_mark;
    if (strncmp(name, "db", 2) != 0) return kind_none;
    if (ends(name, "-shm")) return kind_sqlite_index;
    if (ends(name, "-wal") || ends(name, "-journal")) return kind_sqlite_log;
    if (strstr(name, ".wal")) return kind_duckdb_log;
    return kind_main;
}

static enum kind kind_of(int descriptor) {
    if (descriptor < 0 || descriptor >= known_descriptors) return kind_none;
    unsigned char known = atomic_load_explicit(&descriptors[descriptor], memory_order_relaxed);
    return known ? known - 1 : kind_none;
}

static void remember(int descriptor, enum kind kind) {
    if (descriptor < 0 || descriptor >= known_descriptors) return;
    atomic_store_explicit(&descriptors[descriptor], kind == kind_none ? 0 : kind + 1, memory_order_relaxed);
}

static uint64_t chance(void) {
    static _Atomic uint64_t count;
    uint64_t mixed = atomic_fetch_add_explicit(&count, 0x9E3779B97F4A7C15, memory_order_relaxed);
    mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9;
    mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EB;
    return mixed ^ (mixed >> 31);
}

// The `errno` of a call that is to fail, or 0.
static int fault(enum kind kind, enum operation operation) {
    if (!page || kind == kind_none) return 0;
    struct rule *rule = &page->rules[kind][operation];
    uint16_t share = atomic_load_explicit(&rule->share, memory_order_relaxed);
    if (!share || chance() % 1000 >= share) return 0;
    int error = atomic_load_explicit(&rule->error, memory_order_relaxed);
    if (error) atomic_fetch_add_explicit(&page->failed[kind][operation], 1, memory_order_relaxed);
    return error;
}

static int opened(int descriptor, const char *path) {
    int error = errno;
    remember(descriptor, kind_of_path(path));
    errno = error;
    return descriptor;
}

static int open_at(int directory, const char *path, int flags, mode_t mode) {
    resolve();
    int error = fault(kind_of_path(path), operation_open);
    if (error) {
        errno = error;
        return -1;
    }
    return opened(directory == AT_FDCWD ? real_open(path, flags, mode) : real_openat(directory, path, flags, mode), path);
}

#define MODE(flags, mode)                              \
    mode_t mode = 0;                                   \
    if ((flags) & (O_CREAT | O_TMPFILE)) {             \
        va_list more;                                  \
        va_start(more, flags);                         \
        mode = va_arg(more, mode_t);                   \
        va_end(more);                                  \
    }

int open(const char *path, int flags, ...) {
    MODE(flags, mode)
    return open_at(AT_FDCWD, path, flags, mode);
}

int open64(const char *path, int flags, ...) {
    MODE(flags, mode)
    return open_at(AT_FDCWD, path, flags, mode);
}

int openat(int directory, const char *path, int flags, ...) {
    MODE(flags, mode)
    return open_at(directory, path, flags, mode);
}

int openat64(int directory, const char *path, int flags, ...) {
    MODE(flags, mode)
    return open_at(directory, path, flags, mode);
}

int close(int descriptor) {
    resolve();
    // Before it is given to another file.
    remember(descriptor, kind_none);
    return real_close(descriptor);
}

int dup2(int old, int new) {
    resolve();
    int descriptor = real_dup2(old, new);
    if (descriptor >= 0 && old != new) remember(new, kind_of(old));
    return descriptor;
}

#define FAIL(descriptor, operation)                          \
    do {                                                     \
        resolve();                                           \
        int error = fault(kind_of(descriptor), (operation)); \
        if (error) {                                         \
            errno = error;                                   \
            return -1;                                       \
        }                                                    \
    } while (0)

ssize_t read(int descriptor, void *buffer, size_t count) {
    FAIL(descriptor, operation_read);
    return real_read(descriptor, buffer, count);
}

ssize_t pread(int descriptor, void *buffer, size_t count, off_t offset) {
    FAIL(descriptor, operation_read);
    return real_pread(descriptor, buffer, count, offset);
}

ssize_t pread64(int descriptor, void *buffer, size_t count, off_t offset) {
    FAIL(descriptor, operation_read);
    return real_pread(descriptor, buffer, count, offset);
}

// A disk that fills up takes a part of what it is given, now and then.
static size_t taken(size_t count) { return errno == ENOSPC && count > 1 && (chance() & 1) ? count / 2 : 0; }

ssize_t write(int descriptor, const void *buffer, size_t count) {
    resolve();
    int error = fault(kind_of(descriptor), operation_write);
    if (!error) return real_write(descriptor, buffer, count);
    errno = error;
    size_t part = taken(count);
    return part ? real_write(descriptor, buffer, part) : -1;
}

static ssize_t write_at(int descriptor, const void *buffer, size_t count, off_t offset) {
    resolve();
    int error = fault(kind_of(descriptor), operation_write);
    if (!error) return real_pwrite(descriptor, buffer, count, offset);
    errno = error;
    size_t part = taken(count);
    return part ? real_pwrite(descriptor, buffer, part, offset) : -1;
}

ssize_t pwrite(int descriptor, const void *buffer, size_t count, off_t offset) {
    return write_at(descriptor, buffer, count, offset);
}

ssize_t pwrite64(int descriptor, const void *buffer, size_t count, off_t offset) {
    return write_at(descriptor, buffer, count, offset);
}

int fsync(int descriptor) {
    FAIL(descriptor, operation_sync);
    return real_fsync(descriptor);
}

int fdatasync(int descriptor) {
    FAIL(descriptor, operation_sync);
    return real_fdatasync(descriptor);
}

// A disk that is full can still make a file smaller.
static int truncate_to(int descriptor, off_t length) {
    resolve();
    enum kind kind = kind_of(descriptor);
    struct stat status;
    int grows = kind != kind_none && fstat(descriptor, &status) == 0 && length > status.st_size;
    int error = grows ? fault(kind, operation_write) : 0;
    if (!error) return real_ftruncate(descriptor, length);
    errno = error;
    return -1;
}

int ftruncate(int descriptor, off_t length) { return truncate_to(descriptor, length); }
int ftruncate64(int descriptor, off_t length) { return truncate_to(descriptor, length); }

static void *map(void *address, size_t length, int protection, int flags, int descriptor, off_t offset) {
    resolve();
    int error = descriptor < 0 ? 0 : fault(kind_of(descriptor), operation_map);
    if (!error) return real_mmap(address, length, protection, flags, descriptor, offset);
    errno = error;
    return MAP_FAILED;
}

void *mmap(void *address, size_t length, int protection, int flags, int descriptor, off_t offset) {
    return map(address, length, protection, flags, descriptor, offset);
}

void *mmap64(void *address, size_t length, int protection, int flags, int descriptor, off_t offset) {
    return map(address, length, protection, flags, descriptor, offset);
}
