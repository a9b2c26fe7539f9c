import FleetModel

/// What a statement is, as DuckDB's own parser sees it.
///
/// Source: `duckdb_statement_type` in `duckdb.h`; what newer versions of DuckDB add there is `other`.
enum DuckDBStatementType: Int32 {
    case other = 0
    case select, insert, update, explain, delete, prepare, create, execute, alter, transaction, copy, analyze, variableSet
    case createFunction, drop, export, pragma, vacuum, call, set, load, relation, `extension`, logicalPlan, attach, detach, multi
    /// Not in `duckdb.h`; of DuckDB's `StatementType`.
    case mergeInto = 30

    init(_ number: Int32) { self = DuckDBStatementType(rawValue: number) ?? .other }

    /// Whether it answers rows by its nature.
    var isQuery: Bool { self == .select || self == .explain }

    /// Whether it can do without changing anything but its own connection. A query may change something all the same.
    var canRead: Bool {
        switch self {
        case .select, .explain, .transaction, .set, .variableSet, .pragma, .relation, .logicalPlan: true
        default: false
        }
    }

    /// May change the schema. What is not known here may, too.
    var changesSchema: Bool {
        switch self {
        case .create, .createFunction, .alter, .drop, .multi, .other: true
        default: false
        }
    }

    /// May change what other statements are compiled against. Everything does that is not known to leave it alone.
    var mayChangeCatalogue: Bool {
        switch self {
        case .select, .insert, .update, .delete, .mergeInto, .transaction: false
        default: true
        }
    }

    /// Why clients may not use it, if they may not. Access to files is refused by DuckDB itself, which is locked.
    var refusal: String? {
        switch self {
        case .attach, .detach: "ATTACH and DETACH are not allowed: a connection sees one database"
        case .load, .extension: "extensions cannot be installed or loaded here"
        case .export, .copy: "COPY and EXPORT are not allowed: they read and write files of the node"
        case .prepare, .execute: "PREPARE and EXECUTE are not allowed: give the statement's arguments beside its text"
        case .vacuum, .call: "CALL, CHECKPOINT, VACUUM and ANALYZE are not allowed: the node decides when files are written"
        default: nil
        }
    }

    /// Can leave something behind on its connection (a setting, a variable, a temporary table): the connection is not given to
    /// another client.
    var changesSession: Bool {
        switch self {
        case .set, .variableSet, .pragma, .multi, .create, .createFunction, .other: true
        default: false
        }
    }
}
