/// The schema of the fleet's Postgres, embedded in the program so that program and schema cannot drift apart.
public enum Migrations {
    /// In the order they are applied. Never change one that was released: its checksum is recorded.
    public static var all: [(number: Int, name: String, sql: String)] {
        [
            (1, "fleet", String(decoding: PackageResources._001_fleet_sql, as: UTF8.self)),
            (
                2, "generations_and_declines",
                String(decoding: PackageResources._002_generations_and_declines_sql, as: UTF8.self)
            ),
            (3, "engines", String(decoding: PackageResources._003_engines_sql, as: UTF8.self)),
            (4, "fleet_settings", String(decoding: PackageResources._004_fleet_settings_sql, as: UTF8.self)),
            (5, "openings", String(decoding: PackageResources._005_openings_sql, as: UTF8.self)),
            (6, "foreign_keys", String(decoding: PackageResources._006_foreign_keys_sql, as: UTF8.self)),
            (7, "placed_by", String(decoding: PackageResources._007_placed_by_sql, as: UTF8.self)),
            (8, "bucket", String(decoding: PackageResources._008_bucket_sql, as: UTF8.self)),
            (9, "quarantine", String(decoding: PackageResources._009_quarantine_sql, as: UTF8.self)),
        ]
    }
}
