import CDuckDB
import FleetModel

/// The values of a statement's parameters, in order.
enum DuckDBArguments {
    /// - Throws: `ARGS_INVALID` for a wrong number or an unknown, missing or repeated name.
    static func values(_ arguments: SQLArguments, for statement: DuckDBStatement) throws(SQLError) -> [SQLValue] {
        let names = statement.parameterNames
        let values: [SQLValue]
        switch arguments {
        case .none: values = []
        case .positional(let given): values = given
        case .named(let named): return try inOrder(named, names)
        }
        guard values.count == names.count else {
            throw SQLError(
                code: "ARGS_INVALID", message: "the statement has \(names.count) parameters, \(values.count) values were given")
        }
        return values
    }

    /// A name may come with the prefix character that some clients use.
    private static func inOrder(_ arguments: [NamedArgument], _ names: [String]) throws(SQLError) -> [SQLValue] {
        var byName: [ExactText: SQLValue] = [:]
        for argument in arguments {
            let name = ExactText(withoutPrefix(argument.name))
            guard byName.updateValue(argument.value, forKey: name) == nil else {
                throw SQLError(code: "ARGS_INVALID", message: "the value “\(name.text)” was given twice")
            }
        }
        var unused = Set(byName.keys)
        var values: [SQLValue] = []
        for name in names {
            if name.utf8.allSatisfy({ $0 &- UInt8(ascii: "0") < 10 }) {
                throw SQLError(code: "ARGS_INVALID", message: "a parameter “?” has no name: give positional values")
            }
            guard let value = byName[ExactText(name)] else {
                throw SQLError(code: "ARGS_INVALID", message: "no value was given for the parameter “\(name)”")
            }
            unused.remove(ExactText(name))
            values.append(value)
        }
        if let name = arguments.lazy.map({ withoutPrefix($0.name) }).first(where: { unused.contains(ExactText($0)) }) {
            throw SQLError(code: "ARGS_INVALID", message: "the statement has no parameter “\(name)”")
        }
        return values
    }

    private static func withoutPrefix(_ name: String) -> String {
        guard let first = name.utf8.first, [UInt8(ascii: ":"), UInt8(ascii: "@"), UInt8(ascii: "$")].contains(first) else { return name }
        return name.withoutFirstByte
    }
}

extension DuckDBConnection {
    /// Binds one value to every parameter. DuckDB copies them.
    ///
    /// - Throws: `DUCKDB_OBJECT_SIZE`.
    func bind(_ values: [SQLValue], to statement: DuckDBStatement) throws(SQLError) {
        guard !values.isEmpty else { return }
        let api = library.api
        _ = api.clear_bindings(statement.handle)
        for (index, value) in values.enumerated() {
            let position = idx_t(index + 1)
            let state: duckdb_state
            switch value {
            case .null: state = api.bind_null(statement.handle, position)
            case .integer(let integer): state = api.bind_int64(statement.handle, position, integer)
            case .real(let real): state = api.bind_double(statement.handle, position, real)
            case .text(var text):
                try checkSize(text.utf8.count, of: index)
                state = text.withUTF8 { bytes in
                    bytes.withMemoryRebound(to: CChar.self) {
                        api.bind_varchar_length(statement.handle, position, $0.baseAddress, idx_t($0.count))
                    }
                }
            case .blob(let bytes):
                try checkSize(bytes.count, of: index)
                state = bytes.withUnsafeBytes { api.bind_blob(statement.handle, position, $0.baseAddress, idx_t($0.count)) }
            }
            guard state == 0 else {
                throw SQLError(code: "ARGS_INVALID", message: "value \(index + 1) cannot be bound")
            }
        }
    }

    private func checkSize(_ bytes: Int, of index: Int) throws(SQLError) {
        guard bytes > options.maximumValueBytes else { return }
        throw SQLError(
            code: "DUCKDB_OBJECT_SIZE",
            message: "value \(index + 1) has \(bytes) bytes; at most \(options.maximumValueBytes) are allowed")
    }
}
