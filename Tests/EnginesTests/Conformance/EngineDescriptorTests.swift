import Engines
import FleetModel
import Foundation
import Testing

/// A node counts what it may open by what engines say they take.
@Suite(.timeLimit(.minutes(1))) struct EngineDescriptorTests {
    /// Descriptors of this process on files in the bench's folder, those it has removed included.
    private func descriptors(_ bench: EngineBench) -> Int {
        let folder = bench.directory.file("")
        return (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd"))?.count { number in
            (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\(number)"))?.hasPrefix(folder) ?? false
        } ?? 0
    }

    @Test(arguments: EngineUnderTest.all)
    func noMoreIsOpenThanIsSaid(_ tested: EngineUnderTest) throws {
        let bench = try EngineBench(tested)
        #expect(descriptors(bench) == 0)
        let database = try bench.newDatabase()
        #expect(database.descriptors == bench.engine.openingDescriptors)
        _ = try database.capture()
        #expect((1...database.descriptors).contains(descriptors(bench)), "\(descriptors(bench))")
        var connections: [any EngineConnection] = []
        for number in 0..<6 {
            let expected = database.descriptors + database.descriptorsOfNextConnection
            let connection = try database.takeConnection()
            connections.append(connection)
            _ = try connection.run(number == 0 ? "INSERT INTO t VALUES (\(number), 'row')" : "SELECT count(*) FROM t")
            #expect(database.descriptors == expected)
            #expect(descriptors(bench) <= expected, "connection \(number): \(descriptors(bench))")
        }
        // Readers are counted apart.
        let engineReaders = try #require(database.readers)
        var readers: [EngineReader] = []
        for number in 0..<4 {
            let expected = engineReaders.descriptors + engineReaders.descriptorsOfNext
            let reader = try #require(try engineReaders.take())
            readers.append(reader)
            _ = try reader.run { connection throws(SQLError) in
                try connection.execute(SQLStatement("SELECT count(*) FROM t"), limits: StatementLimits(isReadOnly: true))
            }
            #expect(engineReaders.descriptors == expected)
            #expect(descriptors(bench) <= database.descriptors + expected, "reader \(number): \(descriptors(bench))")
        }
        for reader in readers { reader.giveBack() }
        #expect(descriptors(bench) <= database.descriptors + engineReaders.descriptors)
        #expect(engineReaders.descriptorsOfNext == 0, "some are kept")
        for connection in connections { database.giveBack(connection) }
        #expect(descriptors(bench) <= database.descriptors + engineReaders.descriptors)
        #expect(database.descriptorsOfNextConnection == 0, "some are kept")
        database.close()
    }
}
