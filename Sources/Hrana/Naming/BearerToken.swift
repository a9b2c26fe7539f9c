public import FleetModel

/// The token in the header `Authorization`.
public enum BearerToken {
    /// The token, or `nil` when the client has none.
    ///
    /// Some clients send `Bearer None` or `Bearer` alone when they were given no token.
    ///
    /// - Throws: `BerthError` with code `token_invalid` for another scheme or text that cannot be a token.
    public static func parse(authorization: String?) throws(BerthError) -> String? {
        guard let authorization else { return nil }
        let words = authorization.split { $0 == " " || $0 == "\t" }
        guard let scheme = words.first else { return nil }
        guard scheme.lowercased() == "bearer", words.count <= 2 else {
            throw BerthError(.tokenInvalid, "The header Authorization is not “Bearer <token>”.")
        }
        guard words.count == 2, words[1] != "None" else { return nil }
        return String(words[1])
    }
}
