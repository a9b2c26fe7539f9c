import FleetModel
import Foundation

/// The file of `--config`: one JSON object of settings, each a string or a whole number.
enum SettingsFile {
    /// Looks for values of another kind. The reader of settings would take them for left out, and the default would apply
    /// in place of what somebody wrote.
    ///
    /// - Throws: `configuration_invalid`.
    static func check(_ path: String) throws(BerthError) {
        let object: Any
        do { object = try JSONSerialization.jsonObject(with: Data(contentsOf: URL(fileURLWithPath: path))) } catch {
            throw BerthError(.configurationInvalid, "The configuration file \(path) cannot be read: \(error)")
        }
        guard let settings = object as? [String: Any] else {
            throw BerthError(.configurationInvalid, "The configuration file \(path) must hold one JSON object.")
        }
        for (name, value) in settings.sorted(by: { $0.key < $1.key }) where !isPossible(value) {
            throw BerthError(
                .configurationInvalid, "“\(name)” in the configuration file \(path) must be a string or a whole number.")
        }
    }

    private static func isPossible(_ value: Any) -> Bool {
        switch value {
        case is String, is NSNull: true
        // A boolean is a number, too; only the type it was made of tells, and whether there is a fraction.
        case let number as NSNumber: !["c", "d", "f"].contains(String(cString: number.objCType))
        default: false
        }
    }
}
