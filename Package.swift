// swift-tools-version: 6.2
import PackageDescription

// One set of flags for every target:
//  - ExistentialAny: an existential costs, so it is written out where it is meant.
//  - MemberImportVisibility: a file names every module whose members it uses.
//  - InternalImportsByDefault: a dependency leaks into a module's API only on purpose.
let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
]  // In CI a warning is an error.
    + (Context.environment["CI"] == nil ? [] : [.treatAllWarnings(as: .error)])

let nio: [Target.Dependency] = [
    .product(name: "NIOCore", package: "swift-nio"),
    .product(name: "NIOPosix", package: "swift-nio"),
    .product(name: "NIOHTTP1", package: "swift-nio"),
    .product(name: "NIOFoundationCompat", package: "swift-nio"),
]
let log: Target.Dependency = .product(name: "Logging", package: "swift-log")
let metrics: Target.Dependency = .product(name: "Metrics", package: "swift-metrics")
let crypto: Target.Dependency = .product(name: "Crypto", package: "swift-crypto")
let httpClient: Target.Dependency = .product(name: "AsyncHTTPClient", package: "async-http-client")
let lifecycle: Target.Dependency = .product(name: "ServiceLifecycle", package: "swift-service-lifecycle")

// The floors. A target depends only on targets of the floors below its own.
let package = Package(
    name: "berth",
    platforms: [.macOS(.v15)],
    products: [
        .executable(name: "berth", targets: ["berth"]),
        // Loaded into the processes of a fleet that is broken on purpose; never part of a program.
        .library(name: "BerthFileFaults", type: .dynamic, targets: ["CFileFaults"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-configuration", from: "1.4.0"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1"),
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    ],
    targets: [
        // 0: C libraries and the schema, no logic
        .systemLibrary(name: "CSQLite", pkgConfig: "sqlite3", providers: [.apt(["libsqlite3-dev"])]),
        .systemLibrary(name: "CPostgres", pkgConfig: "libpq", providers: [.apt(["libpq-dev"])]),
        .systemLibrary(name: "CDuckDB"),
        .systemLibrary(name: "CLinux"),
        .systemLibrary(name: "CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"])]),
        .target(
            name: "Migrations", path: "migrations",
            resources: [.embedInCode("0001_fleet.sql"), .embedInCode("0002_generations_and_declines.sql"),
                        .embedInCode("0003_engines.sql"), .embedInCode("0004_fleet_settings.sql"),
                        .embedInCode("0005_openings.sql"), .embedInCode("0006_foreign_keys.sql"),
                        .embedInCode("0007_placed_by.sql"), .embedInCode("0008_bucket.sql"),
                        .embedInCode("0009_quarantine.sql")], swiftSettings: settings),

        // 1
        .target(name: "FleetModel", dependencies: ["CLinux"], swiftSettings: settings),

        // 2: pure formats and the observability back end
        .target(name: "Changesets", dependencies: ["FleetModel", "CZstd", crypto], swiftSettings: settings),
        .target(name: "Hrana", dependencies: ["FleetModel"], swiftSettings: settings),
        .target(name: "Telemetry", dependencies: ["FleetModel", log, metrics], swiftSettings: settings),

        // 3: engines, object stores, the lease contract and what a listener puts up with
        .target(
            name: "Engines",
            dependencies: ["FleetModel", "Changesets", "CSQLite", "CDuckDB", crypto, .product(name: "DequeModule", package: "swift-collections"),
                           .product(name: "HeapModule", package: "swift-collections")],
            swiftSettings: settings),
        .target(
            name: "ObjectStores",
            dependencies: ["FleetModel", crypto, httpClient, log, metrics] + nio, swiftSettings: settings),
        .target(name: "Leases", dependencies: ["FleetModel", "Changesets", log], swiftSettings: settings),
        .target(name: "Door", dependencies: ["FleetModel", metrics] + nio, swiftSettings: settings),

        // 4
        // Where the SQL of strangers is run: in this process or in its children
        .target(
            name: "EngineHost", dependencies: ["FleetModel", "Changesets", "Hrana", "Engines", "CLinux", log, metrics, crypto], swiftSettings: settings),
        .target(
            name: "FleetStore", dependencies: ["FleetModel", "Changesets", "Leases", "Migrations", "CPostgres", crypto, log, metrics],
            swiftSettings: settings),
        .target(name: "Placement", dependencies: ["FleetModel"], swiftSettings: settings),

        // What `berth dev` adds to a machine: a Postgres of its own
        .target(name: "LocalFleet", dependencies: ["FleetModel", log], swiftSettings: settings),

        // 5
        .target(
            name: "Routing",
            dependencies: ["FleetModel", "Hrana", "Leases", "FleetStore", log, metrics,
                           .product(name: "DequeModule", package: "swift-collections")],
            swiftSettings: settings),

        // 6
        .target(
            name: "Replication",
            dependencies: ["FleetModel", "Changesets", "Engines", "ObjectStores", "Leases", "FleetStore", log, metrics, crypto,
                           .product(name: "DequeModule", package: "swift-collections")],
            swiftSettings: settings),
        .target(
            name: "AdminAPI",
            dependencies: ["FleetModel", "Door", "FleetStore", "Telemetry", log, metrics, crypto, lifecycle,
                           .product(name: "NIOCore", package: "swift-nio"),
                           .product(name: "NIOHTTP1", package: "swift-nio"),
                           .product(name: "HTTPTypes", package: "swift-http-types"),
                           .product(name: "Hummingbird", package: "hummingbird"),
                           .product(name: "HummingbirdCore", package: "hummingbird")],
            swiftSettings: settings),

        // 7: the three server roles
        .target(
            name: "WorkerNode",
            dependencies: ["FleetModel", "Changesets", "Engines", "EngineHost", "Hrana", "Leases", "FleetStore", "ObjectStores",
                           "Replication", "Routing", "Telemetry", log, metrics, lifecycle],
            swiftSettings: settings),
        .target(
            name: "FleetManager",
            dependencies: ["FleetModel", "Changesets", "Leases", "FleetStore", "ObjectStores", "Placement",
                           log, metrics, lifecycle],
            swiftSettings: settings),
        .target(
            name: "Gateway",
            dependencies: ["FleetModel", "Door", "Hrana", "Routing", "Leases", "FleetStore", "Telemetry", log, metrics, crypto, httpClient,
                           lifecycle] + nio,
            swiftSettings: settings),

        // 8
        .executableTarget(
            name: "berth",
            dependencies: ["FleetModel", "Hrana", "Telemetry", "Leases", "FleetStore", "ObjectStores", "Engines", "EngineHost", "Replication",
                           "WorkerNode", "FleetManager", "Door", "Gateway", "AdminAPI", "Routing", "LocalFleet", "Migrations", log, metrics, lifecycle,
                           httpClient, .product(name: "SystemPackage", package: "swift-system"),
                           .product(name: "UnixSignals", package: "swift-service-lifecycle"),
                           .product(name: "Configuration", package: "swift-configuration"),
                           .product(name: "ArgumentParser", package: "swift-argument-parser")] + nio,
            swiftSettings: settings),

        // Proof: what checks a fleet's history, and the simulation of a whole fleet in one thread
        .target(name: "Chaos", dependencies: ["FleetModel"], swiftSettings: settings),
        .target(name: "CFileFaults", publicHeadersPath: "."),
        .target(
            name: "Simulation",
            dependencies: ["Chaos", "FleetModel", "Changesets", "Engines", "EngineHost", "Hrana", "Leases", "FleetStore", "ObjectStores", "Replication",
                           "Routing", "WorkerNode", "FleetManager", "Gateway", log, lifecycle,
                           .product(name: "NIOHTTP1", package: "swift-nio")],
            swiftSettings: settings),
        .executableTarget(
            name: "berth-chaos",
            dependencies: ["Chaos", "FleetStore", "ObjectStores", "Engines", "Replication", "LocalFleet", "FleetModel", log, httpClient,
                           .product(name: "UnixSignals", package: "swift-service-lifecycle"),
                           .product(name: "ArgumentParser", package: "swift-argument-parser")] + nio,
            swiftSettings: settings),
        .executableTarget(
            name: "berth-simulate",
            dependencies: ["Simulation", "Chaos", "Engines", "FleetModel", .product(name: "ArgumentParser", package: "swift-argument-parser")],
            swiftSettings: settings),

        // What performance.md asks for, each against its baseline
        .executableTarget(
            name: "berth-bench",
            dependencies: ["FleetModel", "Hrana", "Changesets", "Engines", "EngineHost", "CSQLite", "CDuckDB", "ObjectStores", "Leases", "FleetStore", "Migrations",
                           "Replication", "Routing", "WorkerNode", "LocalFleet", log, lifecycle,
                           .product(name: "ArgumentParser", package: "swift-argument-parser")] + nio,
            swiftSettings: settings),

        // Tests: what several suites share, then one suite per module, then the real processes
        .target(
            name: "BerthTestKit",
            dependencies: ["FleetModel", "Changesets", "Leases", "ObjectStores", "FleetStore", "LocalFleet", "Migrations", log] + nio,
            path: "Tests/BerthTestKit", swiftSettings: settings),
        .testTarget(name: "FleetModelTests", dependencies: ["FleetModel", "BerthTestKit"], swiftSettings: settings),
        .testTarget(name: "ChangesetsTests", dependencies: ["Changesets", "FleetModel", "BerthTestKit", crypto], swiftSettings: settings),
        .testTarget(name: "HranaTests", dependencies: ["Hrana", "FleetModel", "BerthTestKit"], swiftSettings: settings),
        .testTarget(name: "TelemetryTests", dependencies: ["Telemetry", log, metrics], swiftSettings: settings),
        .testTarget(
            name: "EnginesTests", dependencies: ["Engines", "Changesets", "FleetModel", "CSQLite", "BerthTestKit"],
            swiftSettings: settings),
        .testTarget(
            name: "EngineHostTests", dependencies: ["EngineHost", "Engines", "Changesets", "Hrana", "Chaos", "FleetModel", "BerthTestKit", log],
            swiftSettings: settings),
        .testTarget(
            name: "ObjectStoresTests", dependencies: ["ObjectStores", "FleetModel", "Telemetry", "BerthTestKit", log, metrics] + nio,
            swiftSettings: settings),
        .testTarget(
            name: "LeasesTests",
            dependencies: ["Leases", "Changesets", "FleetModel", "FleetStore", "BerthTestKit", log], swiftSettings: settings),
        .testTarget(
            name: "FleetStoreTests",
            dependencies: ["FleetStore", "Changesets", "Leases", "FleetModel", "LocalFleet", "Migrations", "BerthTestKit", log],
            swiftSettings: settings),
        .testTarget(name: "PlacementTests", dependencies: ["Placement", "FleetModel", "BerthTestKit"], swiftSettings: settings),
        .testTarget(
            name: "RoutingTests",
            dependencies: ["Routing", "Hrana", "FleetModel", "FleetStore", "BerthTestKit"], swiftSettings: settings),
        .testTarget(
            name: "ReplicationTests",
            dependencies: ["Replication", "Changesets", "Engines", "ObjectStores", "Leases", "FleetStore", "FleetModel",
                           "BerthTestKit", log],
            swiftSettings: settings),
        .testTarget(
            name: "WorkerNodeTests",
            dependencies: ["WorkerNode", "EngineHost", "Replication", "Changesets", "Engines", "ObjectStores", "Leases", "FleetStore", "Hrana",
                           "Routing", "FleetModel", "BerthTestKit", log, lifecycle],
            swiftSettings: settings),
        .testTarget(
            name: "FleetManagerTests",
            dependencies: ["FleetManager", "ObjectStores", "Changesets", "Leases", "FleetStore", "FleetModel", "BerthTestKit", log, lifecycle],
            swiftSettings: settings),
        .testTarget(
            name: "AdminAPITests",
            dependencies: ["AdminAPI", "Door", "FleetStore", "FleetModel", "Telemetry", "Migrations", "BerthTestKit", log, metrics, lifecycle,
                           .product(name: "NIOCore", package: "swift-nio"),
                           .product(name: "HTTPTypes", package: "swift-http-types"),
                           .product(name: "Hummingbird", package: "hummingbird"),
                           .product(name: "HummingbirdTesting", package: "hummingbird")],
            swiftSettings: settings),
        .testTarget(
            name: "DoorTests",
            dependencies: ["Door", "FleetModel", .product(name: "NIOEmbedded", package: "swift-nio")] + nio, swiftSettings: settings),
        .testTarget(
            name: "GatewayTests",
            dependencies: ["Gateway", "Door", .product(name: "NIOEmbedded", package: "swift-nio"), "Routing", "Hrana", "FleetStore", "Leases", "FleetModel", "Telemetry", "BerthTestKit", log,
                           .product(name: "InMemoryLogging", package: "swift-log"), metrics, crypto, httpClient, lifecycle] + nio,
            swiftSettings: settings),
        .testTarget(
            name: "BerthCLITests", dependencies: ["berth", "BerthTestKit", "AdminAPI", "Door", "Gateway", "FleetModel", "FleetStore", "Leases", "ObjectStores", .product(name: "ArgumentParser", package: "swift-argument-parser")],
            swiftSettings: settings),
        .testTarget(
            name: "ChaosTests", dependencies: ["Chaos", "berth-chaos", "LocalFleet", "FleetModel"], swiftSettings: settings),
        .testTarget(name: "BerthBenchTests", dependencies: ["berth-bench", "Hrana", "FleetModel"], swiftSettings: settings),
        .testTarget(name: "SimulationTests", dependencies: ["BerthTestKit", "Chaos"], swiftSettings: settings),
        .testTarget(
            name: "EndToEndTests", dependencies: ["BerthTestKit", "FleetModel", "LocalFleet", httpClient, log] + nio,
            exclude: ["Clients"], swiftSettings: settings),
    ]
)

// The fuzzer, for `ops/fuzz` alone: the fuzz targets of all suites in one program, our own code instrumented for libFuzzer.
if let runtime = Context.environment["BERTH_FUZZ_RUNTIME"] {
    let instrumented: SwiftSetting = .unsafeFlags(["-sanitize=fuzzer", "-enable-testing"])
    package.products = [.executable(name: "berth-fuzz", targets: ["berth-fuzz"])]
    // A file belongs to one target: here to the fuzzer, not to its suite.
    package.targets.removeAll { [.test, .executable].contains($0.type) }
    for target in package.targets where target.type == .regular {
        target.swiftSettings = (target.swiftSettings ?? []) + [instrumented]
    }
    package.targets.append(
        .executableTarget(
            name: "berth-fuzz",
            dependencies: ["FleetModel", "Changesets", "Hrana", "Engines", "EngineHost", "ObjectStores", "FleetStore", "Replication", "AdminAPI",
                           "Routing", "Gateway", "BerthTestKit", crypto] + nio,
            path: "Tests", exclude: ["EndToEndTests"],
            sources: ["BerthFuzz", "ChangesetsTests/Fixtures.swift", "ChangesetsTests/BundleFixtures.swift",
                      "HranaTests/Support/RequestSamples.swift"]
                + ["AdminAPITests", "ChangesetsTests", "EnginesTests/SQLite", "EngineHostTests", "FleetStoreTests", "GatewayTests", "HranaTests",
                   "ObjectStoresTests", "ReplicationTests"].map { "\($0)/Fuzz/Targets" },
            swiftSettings: settings + [instrumented], linkerSettings: [.unsafeFlags([runtime, "-lstdc++", "-lm"])]))
}
