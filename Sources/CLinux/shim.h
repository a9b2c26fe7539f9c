// What Swift cannot call by itself: variadic functions, calls the C library has no function for, and what it hides behind _GNU_SOURCE.
#pragma once
#include <errno.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <spawn.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static inline int berth_prctl(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d) {
    return prctl(option, a, b, c, d);
}

/// Memory that processes share, as a file without a name. 3 = MFD_CLOEXEC | MFD_ALLOW_SEALING.
static inline int berth_memfd(const char *name) { return (int)syscall(SYS_memfd_create, name, 3u); }

static inline int berth_landlock_ruleset(const void *attributes, size_t size, uint32_t flags) {
    return (int)syscall(SYS_landlock_create_ruleset, attributes, size, flags);
}

static inline int berth_landlock_allow(int ruleset, uint64_t access, int folder) {
    struct landlock_path_beneath_attr rule = {.allowed_access = access, .parent_fd = folder};
    return (int)syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0u);
}

static inline int berth_landlock_restrict(int ruleset) { return (int)syscall(SYS_landlock_restrict_self, ruleset, 0u); }

static inline int berth_seccomp(unsigned short count, struct sock_filter *filter) {
    struct sock_fprog program = {.len = count, .filter = filter};
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0);
}

/// Of <malloc.h>, which no module has.
extern int malloc_trim(size_t);

/// Declared by glibc for _GNU_SOURCE alone, since 2.34.
extern int posix_spawn_file_actions_addclosefrom_np(posix_spawn_file_actions_t *, int);
