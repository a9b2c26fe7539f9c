import AdminAPI

extension AdminClient {
    /// Databases in the order of their names, over as many pages as it takes.
    func databases(leader: String?, prefix: String?, limit: Int?) async throws -> [DatabaseResource] {
        try await pages(limit: limit) { cursor, size in
            let page: DatabasePage = try await get(
                ["databases"],
                query: [("leader", leader), ("prefix", prefix), ("cursor", cursor), ("limit", String(size))])
            return (page.databases, page.nextCursor)
        }
    }

    /// Operations, the newest first.
    func operations(openOnly: Bool, limit: Int?) async throws -> [OperationResource] {
        try await pages(limit: limit) { cursor, size in
            let page: OperationPage = try await get(
                ["operations"],
                query: [("open", openOnly ? "true" : nil), ("cursor", cursor), ("limit", String(size))])
            return (page.operations, page.nextCursor)
        }
    }

    func nodes() async throws -> [NodeResource] {
        let list: NodeList = try await get(["nodes"])
        return list.nodes
    }

    private func pages<Resource>(
        limit: Int?, _ page: (_ cursor: String?, _ size: Int) async throws -> ([Resource], String?)
    ) async throws -> [Resource] {
        var found: [Resource] = []
        var cursor: String?
        repeat {
            let missing = limit.map { $0 - found.count } ?? 1000
            let (resources, next) = try await page(cursor, min(missing, 1000))
            found += resources
            cursor = next
        } while cursor != nil && found.count < limit ?? .max
        return found
    }
}
