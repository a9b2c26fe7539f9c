/// An error a person or a program outside can act on.
///
/// The code is stable and the same in REST, the data protocols, the CLI, logs and metrics; the message says what to do
/// next and may change.
public struct BerthError: Error, Sendable, CustomStringConvertible {
    public let code: Code
    public let message: String
    /// Seconds after which trying again makes sense; `nil` when it does not by itself.
    public let retryAfter: Int?

    public init(_ code: Code, _ message: String, retryAfter: Int? = nil) {
        self.code = code
        self.message = message
        self.retryAfter = retryAfter ?? code.defaultRetryAfter
    }

    public var description: String { "\(code.rawValue): \(message)" }
}

extension BerthError {
    /// Every code there is, with its HTTP status. Add here, document in `api-spec/openapi.yaml`.
    public enum Code: String, Sendable, CaseIterable {
        // The request
        case malformedRequest = "malformed_request"
        case bodyTooLarge = "body_too_large"
        case invalidDatabaseName = "invalid_database_name"
        case invalidNodeName = "invalid_node_name"
        case invalidArgument = "invalid_argument"
        case databaseNotNamed = "database_not_named"
        case routeNotFound = "route_not_found"
        case methodNotAllowed = "method_not_allowed"
        case unsupportedMediaType = "unsupported_media_type"
        case idempotencyKeyReused = "idempotency_key_reused"

        // Who asks
        case tokenMissing = "token_missing"
        case tokenInvalid = "token_invalid"
        case tokenExpired = "token_expired"
        case scopeInsufficient = "scope_insufficient"

        // What is asked for
        case databaseNotFound = "database_not_found"
        case databaseExists = "database_exists"
        case nodeNotFound = "node_not_found"
        case operationNotFound = "operation_not_found"
        case tokenNotFound = "token_not_found"
        case operationConflict = "operation_conflict"
        case operationFinished = "operation_finished"
        case nodeCordoned = "node_cordoned"
        case nodeDead = "node_dead"
        case lastNode = "last_node"
        case noNodeAvailable = "no_node_available"

        // Leading and routing
        case notLeader = "not_leader"
        case leaderUnavailable = "leader_unavailable"
        case outcomeUnknown = "outcome_unknown"
        case shipLagExceeded = "ship_lag_exceeded"
        case tooManyRequests = "too_many_requests"
        case databaseBusy = "database_busy"
        case nodeBusy = "node_busy"
        case tooManyOpenDatabases = "too_many_open_databases"
        case shuttingDown = "shutting_down"

        // What Berth stands on
        case storeUnavailable = "store_unavailable"
        case storeGenerationChanged = "store_generation_changed"
        case schemaMismatch = "schema_mismatch"
        case bucketUnavailable = "bucket_unavailable"
        case bucketUnsafe = "bucket_unsafe"
        case dataCorrupt = "data_corrupt"
        case databaseUnopenable = "database_unopenable"
        case quarantined = "quarantined"
        case engineUnavailable = "engine_unavailable"
        case diskUnavailable = "disk_unavailable"
        case nodeDiskFull = "node_disk_full"
        case unpublishedCommits = "unpublished_commits"
        case dataDirectoryLocked = "data_directory_locked"
        case configurationInvalid = "configuration_invalid"
        case fleetSettingDiffers = "fleet_setting_differs"
        case writeFormatRefused = "write_format_refused"
        case programTooOld = "program_too_old"
        case storeNotDurable = "store_not_durable"
        case workerNotStarted = "worker_not_started"
        case sessionEnded = "session_ended"
        case timedOut = "timed_out"
        case internalError = "internal_error"

        public var httpStatus: Int {
            switch self {
            case .malformedRequest, .invalidDatabaseName, .invalidNodeName, .invalidArgument, .databaseNotNamed: 400
            case .tokenMissing, .tokenInvalid, .tokenExpired: 401
            case .scopeInsufficient: 403
            case .databaseNotFound, .nodeNotFound, .operationNotFound, .tokenNotFound, .routeNotFound: 404
            case .methodNotAllowed: 405
            case .databaseExists, .operationConflict, .operationFinished, .nodeCordoned, .nodeDead, .lastNode, .fleetSettingDiffers,
                .writeFormatRefused, .programTooOld: 409
            case .bodyTooLarge: 413
            case .unsupportedMediaType: 415
            case .notLeader: 421
            case .idempotencyKeyReused: 422
            case .tooManyRequests, .databaseBusy: 429
            case .internalError, .dataCorrupt, .databaseUnopenable, .configurationInvalid, .dataDirectoryLocked, .bucketUnsafe,
                .schemaMismatch, .workerNotStarted: 500
            case .outcomeUnknown: 502
            case .noNodeAvailable, .leaderUnavailable, .shipLagExceeded, .tooManyOpenDatabases, .nodeBusy, .shuttingDown, .storeUnavailable,
                .storeGenerationChanged, .storeNotDurable, .bucketUnavailable, .diskUnavailable, .engineUnavailable, .sessionEnded,
                .unpublishedCommits, .quarantined: 503
            case .timedOut: 504
            case .nodeDiskFull: 507
            }
        }

        var defaultRetryAfter: Int? {
            switch self {
            case .tooManyRequests, .databaseBusy, .nodeBusy, .leaderUnavailable, .shipLagExceeded, .tooManyOpenDatabases, .shuttingDown, .storeUnavailable,
                .bucketUnavailable, .noNodeAvailable, .sessionEnded: 1
            // Room comes by somebody's doing, seldom at once.
            case .nodeDiskFull: 10
            default: nil
            }
        }
    }
}
