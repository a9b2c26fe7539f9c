@testable import AdminAPI
import FleetModel
import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Testing

/// `api-spec/openapi.yaml` and the server name the same routes.
@Suite struct ContractTests {
    private var document: [Substring] {
        get throws {
            let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
                .deletingLastPathComponent()
            return try String(contentsOf: root.appendingPathComponent("api-spec/openapi.yaml"), encoding: .utf8)
                .split(separator: "\n")
        }
    }

    @Test func describesEveryRouteAndNoOther() async throws {
        var described: Set<String> = []
        var path = ""
        for line in try document.drop(while: { $0 != "paths:" }).prefix(while: { $0 != "components:" }) {
            if line.hasPrefix("  /") { path = line.trimmingCharacters(in: [" ", ":"]) }
            if let method = line.wholeMatch(of: /\ {4}(get|post|put|patch|delete):/) {
                described.insert("\(method.1.uppercased()) \(path)")
            }
        }
        try await AdminFleet.run { [described] fleet in
            let served = Set(fleet.api.allEndpoints.map { "\($0.method.rawValue) \($0.path.description)" })
            #expect(described == served)
        }
    }

    @Test func namesEveryCodeOfAnAdministrator() throws {
        let text = try document.joined(separator: "\n")
        let codes: [BerthError.Code] = [
            .malformedRequest, .bodyTooLarge, .invalidDatabaseName, .invalidNodeName, .invalidArgument, .routeNotFound,
            .methodNotAllowed, .unsupportedMediaType, .idempotencyKeyReused, .tokenMissing, .tokenInvalid, .tokenExpired,
            .scopeInsufficient, .databaseNotFound, .databaseExists, .nodeNotFound, .operationNotFound, .tokenNotFound,
            .operationConflict, .operationFinished, .nodeCordoned, .nodeDead, .lastNode, .noNodeAvailable,
            .storeUnavailable, .schemaMismatch, .outcomeUnknown, .internalError,
        ]
        for code in codes { #expect(text.contains("`\(code.rawValue)`"), "\(code.rawValue)") }
    }
}
