import Chaos
import FleetModel
import Testing

@Suite struct HostileGeneratorTests {
    @Test(arguments: EngineKind.allCases) func theSameSeedGivesTheSameStatements(_ engine: EngineKind) {
        var first = HostileGenerator(engine, seed: 7), second = HostileGenerator(engine, seed: 7), other = HostileGenerator(engine, seed: 8)
        let statements = (0..<50).map { _ in first.next() }
        #expect(statements == (0..<50).map { _ in second.next() })
        #expect(statements != (0..<50).map { _ in other.next() })
        #expect(statements.allSatisfy { $0.engine == engine && $0.sql.utf8.count <= first.maximumBytes && !$0.name.isEmpty })
    }

    /// Many kinds come soon: none crowds out the others.
    @Test(arguments: EngineKind.allCases) func manyShapesComeSoon(_ engine: EngineKind) {
        var generator = HostileGenerator(engine, seed: 1)
        #expect(Set((0..<200).map { _ in generator.next().name }).count > 40)
    }
}
