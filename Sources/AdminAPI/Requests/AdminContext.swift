import Hummingbird
import Telemetry

/// What Hummingbird carries along with a request.
struct AdminContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    /// Replaced by the client's own when it sent a fit one.
    var requestID: Telemetry.RequestID

    init(source: ApplicationRequestContextSource) {
        coreContext = .init(source: source)
        requestID = .random()
    }
}
