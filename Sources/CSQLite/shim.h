// What Swift cannot import by itself: variadic functions and function-like macros.
#pragma once
#include <sqlite3.h>

static inline sqlite3_destructor_type berth_sqlite_transient(void) { return SQLITE_TRANSIENT; }
static inline sqlite3_destructor_type berth_sqlite_static(void) { return SQLITE_STATIC; }

/// SQLITE_CONFIG_PAGECACHE with no buffer: no pre-allocated page slots per connection.
static inline int berth_sqlite_config_no_pagecache(void) {
    return sqlite3_config(SQLITE_CONFIG_PAGECACHE, (void *)0, 0, 0);
}

static inline int berth_sqlite_config_single_use_memstatus(int on) {
    return sqlite3_config(SQLITE_CONFIG_MEMSTATUS, on);
}

static inline int berth_sqlite_db_config_flag(sqlite3 *db, int option, int value) {
    int unused = 0;
    return sqlite3_db_config(db, option, value, &unused);
}

/// Reads through SQLite's own descriptor of the main file. Opening and closing a second descriptor
/// in the same process would drop SQLite's POSIX locks.
static inline int berth_sqlite_file_read(sqlite3 *db, void *buffer, int amount, sqlite3_int64 offset) {
    sqlite3_file *file = 0;
    int rc = sqlite3_file_control(db, "main", SQLITE_FCNTL_FILE_POINTER, &file);
    if (rc != SQLITE_OK) return rc;
    if (!file || !file->pMethods) return SQLITE_MISUSE;
    return file->pMethods->xRead(file, buffer, amount, offset);
}

static inline int berth_sqlite_file_size(sqlite3 *db, sqlite3_int64 *size) {
    sqlite3_file *file = 0;
    int rc = sqlite3_file_control(db, "main", SQLITE_FCNTL_FILE_POINTER, &file);
    if (rc != SQLITE_OK) return rc;
    if (!file || !file->pMethods) return SQLITE_MISUSE;
    return file->pMethods->xFileSize(file, size);
}

/// The first region of the WAL index (`-shm`), which begins with what SQLite counts as committed; null when
/// there is none yet. Mapped for as long as a connection to the database is open.
static inline int berth_sqlite_wal_index(sqlite3 *db, const void **region) {
    enum { region_size = 32768 };
    sqlite3_file *file = 0;
    void volatile *mapped = 0;
    int rc = sqlite3_file_control(db, "main", SQLITE_FCNTL_FILE_POINTER, &file);
    if (rc != SQLITE_OK) return rc;
    if (!file || !file->pMethods || file->pMethods->iVersion < 2) return SQLITE_MISUSE;
    rc = file->pMethods->xShmMap(file, 0, region_size, 0, &mapped);
    *region = (const void *)mapped;
    return rc;
}
