import ArgumentParser
import Testing

@testable import berth

@Suite struct CommandLineTests {
    @Test(arguments: [
        ("90", Int64(90)), ("90s", 90), ("15m", 900), ("24h", 86_400), ("7d", 604_800),
    ])
    func readsLives(text: String, seconds: Int64) {
        #expect(TokenLife(argument: text)?.seconds == seconds)
    }

    @Test(arguments: ["", "0", "-1", "h", "1w", "1.5h", "9223372036854775807d"]) func refusesOtherLives(text: String) {
        #expect(TokenLife(argument: text) == nil)
    }

    @Test func escapesTargets() {
        #expect(AdminClient.target(["databases", "a/b"], []) == "/v1/databases/a%2Fb")
        #expect(AdminClient.target(["databases"], [("prefix", "a&b"), ("cursor", nil), ("limit", "5")])
            == "/v1/databases?prefix=a%26b&limit=5")
    }

    @Test func waitsUnlessToldNotTo() throws {
        let waiting = try DatabaseMove.parse(["shop", "--to", "node-2"])
        #expect(waiting.waiting.wait && waiting.options.output == .table)
        let leaving = try DatabaseMove.parse(["shop", "--to", "node-2", "--no-wait", "--output", "json"])
        #expect(!leaving.waiting.wait && leaving.options.output == .json)
    }

    @Test func everyCommandIsThere() {
        let names = ClientCommands.all.map { $0.configuration.commandName }
        #expect(names == ["db", "failover", "fleet", "node", "operation", "token"])
    }
}
