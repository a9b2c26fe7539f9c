import CSQLite
import Testing

@testable import Engines

@Suite struct SQLiteFaultTests {
    @Test(arguments: [
        (3_040_001, 3), (3_041_000, 2), (3_044_006, 1), (3_050_001, 2), (3_050_002, 1), (3_050_007, 0), (3_051_002, 1), (3_051_003, 0), (3_060_000, 0),
    ] as [(Int32, Int)])
    func areThoseOfAVersion(_ version: Int32, _ count: Int) { #expect(SQLiteFaults.of(version).count == count) }

    @Test func theLibraryInUseIsLookedAt() {
        #expect(SQLiteFaults.version.split(separator: ".").count == 3)
        #expect(SQLiteFaults.ofThisVersion == SQLiteFaults.of(sqlite3_libversion_number()))
    }
}
