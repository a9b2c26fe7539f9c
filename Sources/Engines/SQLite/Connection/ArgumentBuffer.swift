import CSQLite
import FleetModel

/// Memory for the arguments of the running statement.
///
/// SQLite keeps pointers into it (SQLITE_STATIC) instead of copying every value for itself, so it changes only while
/// nothing is bound.
struct ArgumentBuffer: ~Copyable {
    private static let keptBytes = 64 << 10
    private static let initialBytes = 256

    private var memory: UnsafeMutableRawBufferPointer?

    deinit { memory?.deallocate() }

    /// Binds as ``SQLArguments`` describes; every parameter must get exactly one value.
    ///
    /// - Throws: `ARGS_INVALID` for a wrong number or an unknown, missing or repeated name; `SQLITE_TOOBIG`.
    mutating func bind(_ arguments: SQLArguments, to statement: PreparedStatement) throws(SQLError) {
        switch arguments {
        case .none: try bind([], to: statement)
        case .positional(let values): try bind(values, to: statement)
        case .named(let named): try bind(Self.inOrder(named, of: statement), to: statement)
        }
    }

    /// Forgets the bound values. The statement must have been reset.
    mutating func release(_ statement: PreparedStatement) {
        guard statement.parameterCount > 0 else { return }
        sqlite3_clear_bindings(statement.handle)
        if let memory, memory.count > Self.keptBytes {
            memory.deallocate()
            self.memory = nil
        }
    }

    private mutating func bind(_ values: [SQLValue], to statement: PreparedStatement) throws(SQLError) {
        guard values.count == statement.parameterCount else {
            throw SQLError(
                code: "ARGS_INVALID",
                message: "the statement has \(statement.parameterCount) parameters, \(values.count) values were given")
        }
        guard !values.isEmpty else { return }
        var byteCount = 0
        for index in values.indices { byteCount += values[index].storedBytes }
        var free = reserve(byteCount)
        for index in values.indices {
            let code = Self.bind(values[index], at: Int32(index + 1), of: statement.handle, into: &free)
            guard code == SQLITE_OK else {
                throw SQLError(
                    code: SQLiteResultCode.name(code), message: "value \(index + 1) cannot be bound: it is too large")
            }
        }
    }

    /// At least `bytes` bytes, and never none: SQLite reads a null pointer as NULL, not as an empty value.
    private mutating func reserve(_ bytes: Int) -> UnsafeMutableRawBufferPointer {
        if let memory, memory.count > bytes { return memory }
        memory?.deallocate()
        let fresh = UnsafeMutableRawBufferPointer.allocate(byteCount: max(bytes + 1, Self.initialBytes), alignment: 8)
        memory = fresh
        return fresh
    }

    private static func bind(
        _ value: SQLValue, at index: Int32, of statement: OpaquePointer, into free: inout UnsafeMutableRawBufferPointer
    ) -> Int32 {
        switch value {
        case .null:
            return sqlite3_bind_null(statement, index)
        case .integer(let integer):
            return sqlite3_bind_int64(statement, index, integer)
        case .real(let real):
            return sqlite3_bind_double(statement, index, real)
        case .text(var text):
            let start = free.baseAddress
            let count = text.withUTF8 { utf8 in
                invariant(utf8.count <= free.count, "an argument does not fit into its memory")
                free.copyMemory(from: UnsafeRawBufferPointer(utf8))
                return utf8.count
            }
            free = UnsafeMutableRawBufferPointer(rebasing: free[count...])
            return sqlite3_bind_text64(
                statement, index, start?.assumingMemoryBound(to: CChar.self), UInt64(count), berth_sqlite_static(),
                UInt8(SQLITE_UTF8))
        case .blob(let bytes):
            let start = free.baseAddress
            invariant(bytes.count <= free.count, "an argument does not fit into its memory")
            bytes.withUnsafeBytes { free.copyMemory(from: $0) }
            free = UnsafeMutableRawBufferPointer(rebasing: free[bytes.count...])
            return sqlite3_bind_blob64(statement, index, start, UInt64(bytes.count), berth_sqlite_static())
        }
    }

    private static func inOrder(
        _ arguments: [NamedArgument], of statement: PreparedStatement
    ) throws(SQLError) -> [SQLValue] {
        var byName: [ExactText: SQLValue] = [:]
        for argument in arguments where byName.updateValue(argument.value, forKey: ExactText(argument.name)) != nil {
            throw SQLError(code: "ARGS_INVALID", message: "the value “\(argument.name)” was given twice")
        }
        var unused = Set(byName.keys)
        var values: [SQLValue] = []
        for name in statement.parameterNames {
            guard let name else {
                throw SQLError(code: "ARGS_INVALID", message: "a parameter “?” has no name: give positional values")
            }
            guard let (matched, value) = find(name, in: byName) else {
                throw SQLError(code: "ARGS_INVALID", message: "no value was given for the parameter “\(name)”")
            }
            unused.remove(matched)
            values.append(value)
        }
        if let argument = arguments.first(where: { unused.contains(ExactText($0.name)) }) {
            throw SQLError(code: "ARGS_INVALID", message: "the statement has no parameter “\(argument.name)”")
        }
        return values
    }

    /// As it is written, without its prefix character, or with another one.
    private static func find(_ name: String, in values: [ExactText: SQLValue]) -> (ExactText, SQLValue)? {
        if let value = values[ExactText(name)] { return (ExactText(name), value) }
        let bare = name.withoutFirstByte
        for spelling in [bare, ":" + bare, "@" + bare, "$" + bare].map({ ExactText($0) }) {
            if let value = values[spelling] { return (spelling, value) }
        }
        return nil
    }
}
