/// Whether DuckDB still serves an open database: after a fatal error, such as a checkpoint on a full disk, it refuses
/// everything until the files are opened anew.
///
/// Shared by a database and its connections, confined to their lane.
final class DuckDBHealth {
    var isInvalid = false
}
