import FleetModel
import ObjectStores
import Testing

@Suite struct ObjectStoreURLTests {
    private static let keys = ["AWS_ACCESS_KEY_ID": "AK", "AWS_SECRET_ACCESS_KEY": "secret"]

    private func s3(_ text: String, _ environment: [String: String] = keys) throws -> S3Configuration {
        guard case .s3(let configuration) = try ObjectStoreURL(text, environment: environment) else {
            throw BerthError(.internalError, "\(text) is not S3")
        }
        return configuration
    }

    @Test func readsFolders() throws {
        #expect(try ObjectStoreURL("file:///var/lib/a%20b", environment: [:]) == .directory(path: "/var/lib/a b"))
        #expect(try ObjectStoreURL("/var/lib/x", environment: [:]) == .directory(path: "/var/lib/x"))
        #expect(try ObjectStoreURL("./bucket", environment: [:]) == .directory(path: "./bucket"))
    }

    @Test func readsAServerOfOnesOwn() throws {
        let configuration = try s3("s3://bkt/a/b%20c/?endpoint=http://127.0.0.1:9000&region=eu-west-1&style=virtual")
        #expect(configuration.endpoint.description == "http://127.0.0.1:9000")
        #expect(configuration.bucket == "bkt")
        #expect(configuration.prefix == "a/b c")
        #expect(configuration.region == "eu-west-1")
        #expect(configuration.style == .virtual)
        #expect(configuration.credentials == S3Credentials(accessKeyID: "AK", secretAccessKey: "secret"))
        #expect(try s3("s3://bkt?endpoint=https%3A%2F%2Fs3.local%2F").endpoint == S3Endpoint(isSecure: true, host: "s3.local"))
        #expect(try s3("s3://bkt?endpoint=http://[::1]:9000").endpoint == S3Endpoint(isSecure: false, host: "[::1]", port: 9000))
        #expect(try s3("s3://bkt?endpoint=https://h:443").endpoint.description == "https://h")
        #expect(try s3("s3://bkt?endpoint=http://h:9").style == .path)
    }

    @Test func readsAWS() throws {
        var environment = Self.keys
        #expect(try s3("s3://bkt").endpoint.description == "https://s3.us-east-1.amazonaws.com")
        environment["AWS_REGION"] = "eu-central-1"
        environment["AWS_SESSION_TOKEN"] = "tok"
        let configuration = try s3("s3://bkt/x", environment)
        #expect(configuration.endpoint.description == "https://s3.eu-central-1.amazonaws.com")
        #expect(configuration.style == .virtual)
        #expect(configuration.credentials == S3Credentials(accessKeyID: "AK", secretAccessKey: "secret", sessionToken: "tok"))
        #expect(try s3("s3://dotted.name", environment).style == .path)
    }

    @Test(arguments: [
        "", "gs://bucket", "s3://", "s3:///prefix", "s3://b?style=odd", "s3://b?colour=red", "s3://b?region=", "s3://b?region",
        "s3://b?endpoint=127.0.0.1", "s3://b?endpoint=ftp://h", "s3://b?endpoint=http://h:99999", "s3://b?endpoint=http://h/path",
        "s3://b?endpoint=http://:9", "s3://b/../x", "s3://b/%zz", "s3://b c", "file://host/dir", "file://dir",
    ])
    func refusesTheRest(_ text: String) {
        #expect { try ObjectStoreURL(text, environment: Self.keys) } throws: { error in
            (error as? BerthError)?.code == .configurationInvalid
        }
    }

    @Test func s3NeedsCredentials() {
        #expect { try ObjectStores.open(url: "s3://bkt", environment: ["AWS_ACCESS_KEY_ID": "AK"]) } throws: { error in
            (error as? BerthError)?.message.contains("AWS_SECRET_ACCESS_KEY") == true
        }
    }

    @Test func aFolderThatCannotBeIsUnavailable() {
        #expect { try ObjectStores.open(url: "/dev/null/bucket", environment: [:]) } throws: { error in
            (error as? BerthError)?.code == .bucketUnavailable
        }
    }
}
