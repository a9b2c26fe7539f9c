import HTTPTypes
import Hummingbird

extension Request {
    /// The path of the request target as it was sent, percent-encoded.
    var targetPath: Substring { target.prefix { $0 != "?" && $0 != "#" } }

    /// What follows the first “?”, percent-encoded; empty when there is none.
    var targetQuery: Substring {
        let rest = target.dropFirst(targetPath.count)
        return rest.first == "?" ? rest.dropFirst().prefix { $0 != "#" } : ""
    }

    private var target: String { head.path ?? "/" }
}
