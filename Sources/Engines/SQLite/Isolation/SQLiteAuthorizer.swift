import CSQLite
import FleetModel
import Foundation

/// Decides, while SQL is compiled, what it may touch; and notes what kind of statement it is.
enum SQLiteAuthorizer {
    private static let refusedFunctions: Set<String> = ["load_extension", "fts3_tokenizer"]

    /// - Parameter context: must outlive the connection.
    static func install(on handle: OpaquePointer, context: ConnectionContext) {
        sqlite3_set_authorizer(
            handle,
            { pointer, action, first, second, schema, trigger in
                guard let pointer else { return SQLITE_DENY }
                let context = Unmanaged<ConnectionContext>.fromOpaque(pointer).takeUnretainedValue()
                if context.isTrusted { return SQLITE_OK }
                if context.isPreparing { SQLiteAuthorizer.noteTarget(action, schema: schema, context) }
                return SQLiteAuthorizer.authorize(action, first, second, schema: schema, trigger: trigger, context)
            },
            Unmanaged.passUnretained(context).toOpaque())
    }

    /// Whether the database file is changed or only what is temporary, triggers included. Every change of a schema comes here as a
    /// change of its table of objects as well.
    private static func noteTarget(_ action: Int32, schema: UnsafePointer<CChar>?, _ context: ConnectionContext) {
        switch action {
        case SQLITE_INSERT, SQLITE_UPDATE, SQLITE_DELETE:
            if schema.map({ strcmp($0, "temp") == 0 }) ?? false { context.changesTemporary = true } else { context.changesMain = true }
        case SQLITE_READ, SQLITE_SELECT, SQLITE_FUNCTION, SQLITE_RECURSIVE, SQLITE_CREATE_TEMP_TABLE, SQLITE_CREATE_TEMP_VIEW,
            SQLITE_CREATE_TEMP_TRIGGER, SQLITE_CREATE_TEMP_INDEX, SQLITE_DROP_TEMP_TABLE, SQLITE_DROP_TEMP_VIEW,
            SQLITE_DROP_TEMP_TRIGGER, SQLITE_DROP_TEMP_INDEX:
            break
        default: context.changesMain = true
        }
    }

    private static func authorize(
        _ action: Int32, _ first: UnsafePointer<CChar>?, _ second: UnsafePointer<CChar>?, schema: UnsafePointer<CChar>?,
        trigger: UnsafePointer<CChar>?, _ context: ConnectionContext
    ) -> Int32 {
        switch action {
        case SQLITE_INSERT:
            if context.isPreparing && trigger == nil { context.insertsRows = true }
        case SQLITE_CREATE_TEMP_TABLE, SQLITE_CREATE_TEMP_VIEW, SQLITE_CREATE_TEMP_TRIGGER:
            context.createsTemporaryTables = true
        case SQLITE_PRAGMA:
            return authorizePragma(first, second, schema: schema, context)
        case SQLITE_READ:
            // The path of the file on the node reads as NULL.
            if let first, strcmp(first, "pragma_database_list") == 0, let second, strcmp(second, "file") == 0 { return SQLITE_IGNORE }
        case SQLITE_ATTACH:
            return authorizeAttach(first, context)
        case SQLITE_DETACH:
            return refuse("DETACH is not allowed: a connection sees one database", context)
        case SQLITE_FUNCTION:
            let name = second.map { SQLName.folded(String(cString: $0)).text } ?? ""
            if refusedFunctions.contains(name) {
                return refuse("the function \(name) is not allowed: it loads or configures native code", context)
            }
        default: break
        }
        return SQLITE_OK
    }

    private static func authorizePragma(
        _ name: UnsafePointer<CChar>?, _ argument: UnsafePointer<CChar>?, schema: UnsafePointer<CChar>?,
        _ context: ConnectionContext
    ) -> Int32 {
        let name = name.map { SQLName.folded(String(cString: $0)).text } ?? ""
        if context.isPreparing { context.pragma = (name, argument != nil) }
        switch PragmaRules.verdict(name, hasArgument: argument != nil) {
        case .allowed:
            // Told of this connection: another one counts otherwise.
            if context.isPreparing && name == "data_version" { context.isBoundToConnection = true }
            return SQLITE_OK
        case .changesSession:
            context.mayHaveChangedSettings = true
            if SessionSettings.cannotBeRead.contains(name) { context.isBoundToConnection = true }
            return SQLITE_OK
        case .leftAlone(let setting):
            // SQLite compiles it into nothing; what is answered instead, ``SQLiteConnection/finish(_:)`` decides.
            context.leftAlone = (setting, name, schema.map { String(cString: $0) }, argument.map { String(cString: $0) } ?? "")
            return SQLITE_IGNORE
        case .refused(let reason): return refuse(reason, context)
        }
    }

    /// VACUUM attaches a nameless temporary database from inside its execution. A client's own ATTACH is seen while its
    /// statement is compiled, and VACUUM INTO has a name.
    private static func authorizeAttach(_ file: UnsafePointer<CChar>?, _ context: ConnectionContext) -> Int32 {
        if !context.isPreparing, let file, file.pointee == 0 { return SQLITE_OK }
        return refuse(
            context.isPreparing
                ? "ATTACH is not allowed: a connection sees one database" : "VACUUM INTO is not allowed: it writes a file",
            context)
    }

    private static func refuse(_ reason: String, _ context: ConnectionContext) -> Int32 {
        context.refusal = reason
        return SQLITE_DENY
    }
}
