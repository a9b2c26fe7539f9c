import BerthTestKit
import NIOHTTP1
import Testing

extension EndToEnd.OneFleet {
    /// A process that cannot work says why and ends, instead of running on half.
    @Suite struct StartFailures {
        private func run(_ arguments: [String], environment: [String: String] = [:]) async throws -> ProgramRun {
            try await ProgramRun.of(
                [try BerthBinary.path()] + arguments + ["--listen", "127.0.0.1:0"], environment: environment)
        }

        private func expect(_ run: ProgramRun, _ exitCode: Int32, _ code: String) {
            #expect(run.exitCode == exitCode, "\(run)")
            #expect(run.standardError.contains("(\(code))"), "\(run)")
        }

        private static let nowhere = "host=127.0.0.1 port=1 user=berth dbname=postgres"

        @Test func postgresCannotBeReached() async throws {
            let fleet = try TestFleet.ofThisSuite()
            let bucket = ["--bucket", fleet.bucket, "--postgres", Self.nowhere]
            expect(try await run(["manager"] + bucket), 5, "store_unavailable")
            let data = "\(fleet.directory)/never"
            expect(try await run(["node", "run", "--name", "never", "--data", data] + bucket), 5, "store_unavailable")
            expect(try await run(["gateway", "--postgres", Self.nowhere]), 5, "store_unavailable")
            let migrate = try await ProgramRun.of([try BerthBinary.path(), "migrate", "--postgres", Self.nowhere])
            expect(migrate, 5, "store_unavailable")
            #expect(try await fleet.admin().send(.GET, "/v1/nodes/never").status == 404)
        }

        @Test(arguments: ["/proc/no/such/place", "s3://berth/x?endpoint=http://127.0.0.1:1&region=us-east-1&style=path"])
        func theBucketCannotBeReached(bucket: String) async throws {
            let fleet = try TestFleet.ofThisSuite()
            let options = ["--postgres", fleet.postgres, "--bucket", bucket]
            let keys = MotoServer.environment
            expect(try await run(["manager"] + options, environment: keys), 5, "bucket_unavailable")
            expect(
                try await run(["node", "run", "--name", "never", "--data", "\(fleet.directory)/never"] + options, environment: keys),
                5, "bucket_unavailable")
            #expect(try await fleet.admin().send(.GET, "/v1/nodes/never").status == 404)
        }

        /// Nobody would find there what it publishes.
        @Test func anotherBucketThanTheFleets() async throws {
            let fleet = try TestFleet.ofThisSuite(), other = "\(fleet.directory)/another-bucket"
            let options = ["--postgres", fleet.postgres, "--bucket", other]
            for words in [["manager"], ["node", "run", "--name", "never", "--data", "\(fleet.directory)/never"]] {
                let run = try await run(words + options)
                expect(run, 3, "fleet_setting_differs")
                #expect(run.standardError.contains("another “bucket” than its fleet has"), "\(run)")
            }
            #expect(try await fleet.admin().send(.GET, "/v1/nodes/never").status == 404)
        }

        @Test func aDataDirectoryHasOneNode() async throws {
            let fleet = try TestFleet.ofThisSuite()
            let run = try await run([
                "node", "run", "--name", "intruder", "--data", "\(fleet.directory)/node-1", "--postgres", fleet.postgres,
                "--bucket", fleet.bucket,
            ])
            #expect(run.exitCode != 0)
            #expect(run.standardError.contains("(data_directory_locked)"), "\(run)")
            #expect(try await fleet.admin().send(.GET, "/v1/nodes/intruder").status == 404)
            let second = try await ProgramRun.of([try BerthBinary.path(), "dev", "--dir", fleet.directory, "--port", "0"])
            #expect(second.exitCode != 0)
            #expect(second.standardError.contains("(data_directory_locked)"), "\(second)")
            #expect(try await fleet.berth("node", "list").exitCode == 0)
        }

        @Test(arguments: [
            (["manager"], "postgres"), (["gateway", "--postgres", "postgres://%%%"], "Postgres"),
            (["node", "run", "--data", "/tmp/x"], "name"), (["gateway", "--log-level", "loud"], "loud"),
            (["manager", "--lease-ttl-ms", "1", "--postgres", "host=/x"], "lease-ttl-ms"),
            (["gateway", "--config", "/no/such/file.json"], "/no/such/file.json"),
        ])
        func settingsAreChecked(arguments: [String], word: String) async throws {
            let run = try await run(arguments)
            expect(run, 2, "configuration_invalid")
            #expect(run.standardError.contains(word), "\(run)")
        }
    }
}
