import Hummingbird
import NIOCore
import Telemetry

/// What Hummingbird carries along with a request.
struct AdminContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    /// Replaced by the client's own when it sent a fit one.
    var requestID: Telemetry.RequestID
    /// The connection it came over.
    let channel: any Channel

    init(source: ApplicationRequestContextSource) {
        coreContext = .init(source: source)
        requestID = .random()
        channel = source.channel
    }
}
