// The part of DuckDB's C API that is used, as function pointers: the library is opened at run time, so nothing is linked.
// Source: `duckdb.h` of DuckDB 2.0, <https://duckdb.org/docs/stable/clients/c/api>. Names, layouts and numbers are DuckDB's.
#pragma once
#include <dlfcn.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint64_t idx_t;
typedef int32_t duckdb_state;  // 0 is success

typedef struct berth_duckdb_database_s *duckdb_database;
typedef struct berth_duckdb_connection_s *duckdb_connection;
typedef struct berth_duckdb_config_s *duckdb_config;
typedef struct berth_duckdb_extracted_s *duckdb_extracted_statements;
typedef struct berth_duckdb_prepared_s *duckdb_prepared_statement;
typedef struct berth_duckdb_pending_s *duckdb_pending_result;
typedef struct berth_duckdb_chunk_s *duckdb_data_chunk;
typedef struct berth_duckdb_vector_s *duckdb_vector;
typedef struct berth_duckdb_type_s *duckdb_logical_type;
typedef struct berth_duckdb_appender_s *duckdb_appender;
typedef struct berth_duckdb_error_s *duckdb_error_data;

typedef struct {
    idx_t unused_column_count;
    idx_t unused_row_count;
    idx_t unused_rows_changed;
    void *unused_columns;
    char *unused_error_message;
    void *internal_data;
} duckdb_result;

/// Text and blobs of up to 12 bytes lie in the value itself, longer ones behind a pointer.
typedef struct {
    uint32_t length;
    char prefix[4];
    const char *pointer;
} duckdb_string_t;

typedef struct { uint64_t offset, length; } duckdb_list_entry;
typedef struct { int32_t months, days; int64_t micros; } duckdb_interval;

/// Every function: its result, its name without `duckdb_`, its parameters.
#define BERTH_DUCKDB_FUNCTIONS(F) \
    F(const char *, library_version, (void)) \
    F(void, free, (void *)) \
    F(duckdb_state, create_config, (duckdb_config *)) \
    F(duckdb_state, set_config, (duckdb_config, const char *, const char *)) \
    F(void, destroy_config, (duckdb_config *)) \
    F(duckdb_state, open_ext, (const char *, duckdb_database *, duckdb_config, char **)) \
    F(void, close, (duckdb_database *)) \
    F(duckdb_state, connect, (duckdb_database, duckdb_connection *)) \
    F(void, disconnect, (duckdb_connection *)) \
    F(void, interrupt, (duckdb_connection)) \
    F(idx_t, extract_statements, (duckdb_connection, const char *, duckdb_extracted_statements *)) \
    F(const char *, extract_statements_error, (duckdb_extracted_statements)) \
    F(duckdb_state, prepare_extracted_statement, \
      (duckdb_connection, duckdb_extracted_statements, idx_t, duckdb_prepared_statement *)) \
    F(void, destroy_extracted, (duckdb_extracted_statements *)) \
    F(const char *, prepare_error, (duckdb_prepared_statement)) \
    F(void, destroy_prepare, (duckdb_prepared_statement *)) \
    F(int32_t, prepared_statement_type, (duckdb_prepared_statement)) \
    F(idx_t, prepared_statement_column_count, (duckdb_prepared_statement)) \
    F(const char *, prepared_statement_column_name, (duckdb_prepared_statement, idx_t)) \
    F(duckdb_logical_type, prepared_statement_column_logical_type, (duckdb_prepared_statement, idx_t)) \
    F(idx_t, nparams, (duckdb_prepared_statement)) \
    F(const char *, parameter_name, (duckdb_prepared_statement, idx_t)) \
    F(duckdb_state, clear_bindings, (duckdb_prepared_statement)) \
    F(duckdb_state, bind_null, (duckdb_prepared_statement, idx_t)) \
    F(duckdb_state, bind_int64, (duckdb_prepared_statement, idx_t, int64_t)) \
    F(duckdb_state, bind_double, (duckdb_prepared_statement, idx_t, double)) \
    F(duckdb_state, bind_varchar_length, (duckdb_prepared_statement, idx_t, const char *, idx_t)) \
    F(duckdb_state, bind_blob, (duckdb_prepared_statement, idx_t, const void *, idx_t)) \
    F(duckdb_state, pending_prepared, (duckdb_prepared_statement, duckdb_pending_result *)) \
    F(duckdb_state, pending_prepared_streaming, (duckdb_prepared_statement, duckdb_pending_result *)) \
    F(int32_t, pending_execute_task, (duckdb_pending_result)) \
    F(bool, pending_execution_is_finished, (int32_t)) \
    F(const char *, pending_error, (duckdb_pending_result)) \
    F(duckdb_state, execute_pending, (duckdb_pending_result, duckdb_result *)) \
    F(void, destroy_pending, (duckdb_pending_result *)) \
    F(const char *, result_error, (duckdb_result *)) \
    F(int32_t, result_return_type, (duckdb_result)) \
    F(void, destroy_result, (duckdb_result *)) \
    F(idx_t, column_count, (duckdb_result *)) \
    F(const char *, column_name, (duckdb_result *, idx_t)) \
    F(duckdb_logical_type, column_logical_type, (duckdb_result *, idx_t)) \
    F(duckdb_data_chunk, fetch_chunk, (duckdb_result)) \
    F(void, destroy_data_chunk, (duckdb_data_chunk *)) \
    F(idx_t, data_chunk_get_size, (duckdb_data_chunk)) \
    F(duckdb_vector, data_chunk_get_vector, (duckdb_data_chunk, idx_t)) \
    F(void *, vector_get_data, (duckdb_vector)) \
    F(uint64_t *, vector_get_validity, (duckdb_vector)) \
    F(duckdb_vector, list_vector_get_child, (duckdb_vector)) \
    F(duckdb_vector, array_vector_get_child, (duckdb_vector)) \
    F(duckdb_vector, struct_vector_get_child, (duckdb_vector, idx_t)) \
    F(idx_t, vector_size, (void)) \
    F(duckdb_data_chunk, create_data_chunk, (duckdb_logical_type *, idx_t)) \
    F(void, data_chunk_reset, (duckdb_data_chunk)) \
    F(void, data_chunk_set_size, (duckdb_data_chunk, idx_t)) \
    F(void, vector_ensure_validity_writable, (duckdb_vector)) \
    F(void, vector_assign_string_element_len, (duckdb_vector, idx_t, const char *, idx_t)) \
    F(duckdb_state, appender_create_query, \
      (duckdb_connection, const char *, idx_t, duckdb_logical_type *, const char *, const char **, duckdb_appender *)) \
    F(duckdb_error_data, appender_error_data, (duckdb_appender)) \
    F(int32_t, error_data_error_type, (duckdb_error_data)) \
    F(const char *, error_data_message, (duckdb_error_data)) \
    F(void, destroy_error_data, (duckdb_error_data *)) \
    F(duckdb_state, append_data_chunk, (duckdb_appender, duckdb_data_chunk)) \
    F(duckdb_state, appender_flush, (duckdb_appender)) \
    F(duckdb_state, appender_clear, (duckdb_appender)) \
    F(duckdb_state, appender_destroy, (duckdb_appender *)) \
    F(duckdb_logical_type, create_logical_type, (int32_t)) \
    F(int32_t, get_type_id, (duckdb_logical_type)) \
    F(void, destroy_logical_type, (duckdb_logical_type *)) \
    F(char *, logical_type_get_alias, (duckdb_logical_type)) \
    F(char *, geometry_type_get_crs, (duckdb_logical_type)) \
    F(uint8_t, decimal_width, (duckdb_logical_type)) \
    F(uint8_t, decimal_scale, (duckdb_logical_type)) \
    F(uint32_t, enum_dictionary_size, (duckdb_logical_type)) \
    F(int32_t, enum_internal_type, (duckdb_logical_type)) \
    F(char *, enum_dictionary_value, (duckdb_logical_type, idx_t)) \
    F(duckdb_logical_type, list_type_child_type, (duckdb_logical_type)) \
    F(duckdb_logical_type, array_type_child_type, (duckdb_logical_type)) \
    F(idx_t, array_type_array_size, (duckdb_logical_type)) \
    F(duckdb_logical_type, map_type_key_type, (duckdb_logical_type)) \
    F(duckdb_logical_type, map_type_value_type, (duckdb_logical_type)) \
    F(idx_t, struct_type_child_count, (duckdb_logical_type)) \
    F(char *, struct_type_child_name, (duckdb_logical_type, idx_t)) \
    F(duckdb_logical_type, struct_type_child_type, (duckdb_logical_type, idx_t)) \
    F(idx_t, union_type_member_count, (duckdb_logical_type)) \
    F(char *, union_type_member_name, (duckdb_logical_type, idx_t)) \
    F(duckdb_logical_type, union_type_member_type, (duckdb_logical_type, idx_t))

#define BERTH_DUCKDB_FIELD(result, name, parameters) result (*name) parameters;
typedef struct { BERTH_DUCKDB_FUNCTIONS(BERTH_DUCKDB_FIELD) } berth_duckdb_api;
#undef BERTH_DUCKDB_FIELD

/// Fills `api` from a library opened with dlopen. Returns the name of the first function it lacks, or null.
static inline const char *berth_duckdb_resolve(void *library, berth_duckdb_api *api) {
#define BERTH_DUCKDB_RESOLVE(result, name, parameters) \
    if (!(*(void **)&api->name = dlsym(library, "duckdb_" #name))) return "duckdb_" #name;
    BERTH_DUCKDB_FUNCTIONS(BERTH_DUCKDB_RESOLVE)
#undef BERTH_DUCKDB_RESOLVE
    return NULL;
}
