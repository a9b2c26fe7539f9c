public import Foundation

/// How far a database is captured, in its engine's own form: what another process needs to go on where one died.
///
/// Kept beside the files. It proves itself: the engine compares it with what it finds, and what does not fit is not believed.
public struct CaptureMark: Sendable, Hashable, Codable {
    public let content: Data

    public init(_ content: Data) { self.content = content }

    init<Content: Encodable>(of content: Content) throws { self.init(try JSONEncoder().encode(content)) }

    /// - Returns: `nil` for a mark of another form.
    func decoded<Content: Decodable>(as type: Content.Type) -> Content? { try? JSONDecoder().decode(type, from: content) }
}
