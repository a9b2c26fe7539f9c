import AsyncHTTPClient
import NIOCore
import NIOHTTP1

/// Turns an answer that is not a success into an error.
///
/// Source of the codes: <https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>.
enum S3Failure {
    private static let longestBody = 64 * 1024

    /// Reads the answer's body for the code in it.
    static func from(_ response: HTTPClientResponse, name: String) async throws -> ObjectStoreError {
        var body: [UInt8] = []
        do {
            body = Array(try await response.body.collect(upTo: longestBody).readableBytesView)
        } catch {
            // The status alone must do, unless nobody waits for it any more.
            try Task.checkCancellation()
        }
        let document = try? XMLElement.parse(body)
        let element = document?.name == "Error" ? document : document?["Error"]
        return error(
            status: response.status.code, code: element?["Code"]?.text, message: element?["Message"]?.text, name: name)
    }

    static func error(status: UInt, code: String?, message: String?, name: String) -> ObjectStoreError {
        let reason = ["HTTP \(status)", code, message].compactMap { $0 }.joined(separator: ", ")
        switch (status, code) {
        case (_, "NoSuchBucket"):
            return .unavailable(reason: "\(reason). Create the bucket or correct its name.", retryable: false)
        case (404, "NoSuchKey"):
            return .notFound(name: name)
        case (404, _):
            // Some proxy's, or a server's that does not know: not a definite absence.
            return .unavailable(reason: reason, retryable: true)
        case (412, _):
            return .preconditionFailed(name: name)
        case (409, _), (408, _), (425, _), (429, _), (_, "RequestTimeout"), (_, "SlowDown"):
            return .unavailable(reason: reason, retryable: true)
        case (401, _), (403, _), (_, "ExpiredToken"), (_, "InvalidToken"), (_, "AuthorizationHeaderMalformed"):
            return .denied(reason: reason)
        case (300..<400, _):
            return .invalid(
                reason: "The bucket is elsewhere (\(reason)). Set the region and endpoint that belong to it.")
        case (501, _), (400..<500, _):
            return .invalid(reason: "The bucket's server refuses a request Berth needs (\(reason)).")
        default:
            return .unavailable(reason: reason, retryable: true)
        }
    }
}
