import Engines
import FleetModel
import Testing

/// Whatever compares a client's text compares its bytes, for every engine.
///
/// To Swift two strings are equal when their characters are, and a quote or a separator with a mark behind it is another character.
@Suite(.timeLimit(.minutes(2))) struct EngineTextTests {
    /// The same characters, composed in two ways.
    static let (composed, decomposed) = ("\u{E9}", "e\u{301}")
    static let mark = "\u{301}"

    private func bytes(_ value: SQLValue?) -> [UInt8]? {
        guard case .text(let text)? = value else { return nil }
        return Array(text.utf8)
    }

    private func with(_ tested: EngineUnderTest, _ body: (any EngineConnection) throws -> Void) throws {
        let bench = try EngineBench(tested)
        let database = try bench.newDatabase()
        defer { database.close() }
        try bench.use(database, body)
    }

    @Test(arguments: EngineUnderTest.all)
    func statementsOfTheSameCharactersAreTwo(_ tested: EngineUnderTest) throws {
        try with(tested) { connection in
            for text in [Self.composed, Self.decomposed, Self.composed, Self.decomposed] {
                let answer = try connection.run("SELECT '\(text)'").rows.first?.first
                #expect(bytes(answer) == Array(text.utf8))
            }
        }
    }

    @Test(arguments: EngineUnderTest.all)
    func parametersAreFoundByTheirBytes(_ tested: EngineUnderTest) throws {
        try with(tested) { connection in
            let (a, b) = (Self.composed, Self.decomposed)
            for names in [(a, b), ("$" + a, ":" + b)] {
                let both = SQLArguments.named([NamedArgument(name: names.0, value: .integer(1)), NamedArgument(name: names.1, value: .integer(2))])
                let rows = try connection.execute(SQLStatement("SELECT $\(a), $\(b)", arguments: both), limits: .unlimited).rows
                #expect(rows == [[.integer(1), .integer(2)]])
            }
            let wrong = SQLStatement("SELECT $\(a)", arguments: .named([NamedArgument(name: b, value: .integer(1))]))
            #expect(throws: SQLError(code: "ARGS_INVALID", message: "no value was given for the parameter")) { try connection.refused(wrong) }
            // The prefix is one byte, whatever follows it.
            for name in [Self.mark + "x", "$" + Self.mark + "x", ":" + Self.mark + "x"] {
                let marked = SQLStatement("SELECT $\(Self.mark)x", arguments: .named([NamedArgument(name: name, value: .integer(7))]))
                #expect(try connection.execute(marked, limits: .unlimited).rows == [[.integer(7)]])
            }
            // C ends a name at its NUL.
            let cut = SQLStatement("SELECT $a", arguments: .named([NamedArgument(name: "a\0b", value: .integer(1))]))
            #expect(throws: SQLError(code: "ARGS_INVALID", message: "no value was given for the parameter")) { try connection.refused(cut) }
        }
    }

    @Test(arguments: EngineUnderTest.all)
    func columnsOfTheSameCharactersAreTwo(_ tested: EngineUnderTest) throws {
        try with(tested) { connection in
            let names = [Self.composed, Self.decomposed]
            try connection.run("CREATE TABLE c (\"\(names[0])\" INTEGER, \"\(names[1])\" INTEGER)")
            for given in [names, names.reversed()] {
                let loader = try connection.load(into: "c", columns: given)
                try loader.append([[.integer(1), .integer(2)]], deadline: nil)
                #expect(try loader.finish(deadline: nil) == 1)
            }
            let result = try connection.run("SELECT * FROM c")
            #expect(result.columns.map { Array($0.name.utf8) } == names.map { Array($0.utf8) })
            #expect(result.rows == [[.integer(1), .integer(2)], [.integer(2), .integer(1)]])
            for twice in names {
                #expect(throws: SQLError(code: "LOAD_TARGET_UNKNOWN", message: "")) { try connection.refusedLoad(into: "c", [twice, twice]) }
            }
        }
    }

    /// Names that end a quoted one, or are separated, if a mark hides the sign.
    @Test(arguments: EngineUnderTest.all)
    func namesMayHaveAnyBytes(_ tested: EngineUnderTest) throws {
        try with(tested) { connection in
            func quoted(_ name: String) -> String { "\"" + String(decoding: name.utf8.flatMap { $0 == 0x22 ? [0x22, 0x22] : [$0] }, as: UTF8.self) + "\"" }
            let (table, column) = ("x\"\(Self.mark)y", "c\"\(Self.mark), d")
            try connection.run("CREATE TABLE \(quoted(table)) (\(quoted(column)) INTEGER)")
            let loader = try connection.load(into: table, columns: [column])
            try loader.append([[.integer(1)]], deadline: nil)
            #expect(try loader.finish(deadline: nil) == 1)
            #expect(try connection.run("SELECT * FROM \(quoted(table))").rows == [[.integer(1)]])

            let marked = Self.mark + "z"
            try connection.run("CREATE TABLE \(quoted(marked)) (a INTEGER)")
            let other = try connection.load(into: "main." + marked, columns: nil)
            try other.append([[.integer(2)]], deadline: nil)
            #expect(try other.finish(deadline: nil) == 1)
            #expect(try connection.run("SELECT * FROM \(quoted(marked))").rows == [[.integer(2)]])
        }
    }

    /// Names are compared without case in ASCII alone.
    @Test(arguments: EngineUnderTest.all)
    func otherLettersHaveOneCase(_ tested: EngineUnderTest) throws {
        try with(tested) { connection in
            let names = ["\u{C9}", "\u{E9}"]
            for (number, name) in names.enumerated() {
                try connection.run("CREATE TABLE \"T\(name)\" (\"C\(names[0])\" INTEGER, \"C\(names[1])\" INTEGER)")
                let loader = try connection.load(into: "t\(name)", columns: names.map { "c" + $0 })
                try loader.append([[.integer(Int64(number)), .integer(7)]], deadline: nil)
                #expect(try loader.finish(deadline: nil) == 1)
                #expect(try connection.run("SELECT * FROM \"T\(name)\"").rows == [[.integer(Int64(number)), .integer(7)]])
            }
        }
    }

    @Test(arguments: EngineUnderTest.all)
    func aNULIsAByteOfAValueAndOfNothingElse(_ tested: EngineUnderTest) throws {
        try with(tested) { connection in
            let texts = ["\0", "a\0b", "a\0c", "a"]
            let values = SQLArguments.positional(texts.map(SQLValue.text))
            let rows = try connection.execute(SQLStatement("SELECT ?, ?, ?, ?", arguments: values), limits: .unlimited).rows
            #expect(rows == [texts.map(SQLValue.text)])
            let loader = try connection.load(into: "t", columns: ["a", "b"])
            try loader.append(texts.enumerated().map { [.integer(Int64($0)), .text($1)] }, deadline: nil)
            #expect(try loader.finish(deadline: nil) == 4)
            #expect(try connection.run("SELECT b FROM t ORDER BY a").rows == texts.map { [.text($0)] })
            #expect(throws: SQLError(code: "SQL_PARSE_ERROR", message: "")) { try connection.refused(SQLStatement("SELECT 1\0")) }
            for (table, columns) in [("t\0", nil), ("t", ["a\0"])] {
                #expect(throws: SQLError(code: "LOAD_TARGET_UNKNOWN", message: "")) { try connection.refusedLoad(into: table, columns) }
            }
        }
    }
}

extension EngineConnection {
    /// Throws the code of the error, with its message only as far as the caller may compare it.
    fileprivate func refused(_ statement: SQLStatement) throws {
        do { _ = try execute(statement, limits: .unlimited) } catch {
            let known = "no value was given for the parameter"
            throw SQLError(code: error.code, message: error.message.hasPrefix(known) ? known : "")
        }
    }

    fileprivate func refusedLoad(into table: String, _ columns: [String]?) throws {
        do { try load(into: table, columns: columns).abandon() } catch { throw SQLError(code: error.code, message: "") }
    }
}
