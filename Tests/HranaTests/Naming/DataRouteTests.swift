import Hrana
import Testing

@Suite struct DataRouteTests {
    @Test(arguments: [
        ("POST", "/v1/execute", DataRoute.v1Execute), ("POST", "/v1/batch", .v1Batch),
        ("POST", "/v2/pipeline", .pipeline(.two)), ("POST", "/v3/pipeline", .pipeline(.three)),
        ("POST", "/v3/pipeline/", .pipeline(.three)), ("POST", "/v3/cursor", .cursor),
        ("POST", "/v3/cursor?x=1", .cursor), ("GET", "/v2", .versionCheck(.two)), ("GET", "/v2/", .versionCheck(.two)),
        ("GET", "/v3", .versionCheck(.three)),
    ])
    func knowsItsRoutes(_ method: String, _ path: String, _ expected: DataRoute) {
        #expect(DataRoute(method: method, path: path) == expected)
        #expect(DataRoute(method: method, path: path[...]) == expected)
    }

    @Test(arguments: [
        ("GET", "/"), ("GET", "/v1"), ("GET", "/v3-protobuf"), ("GET", "/v2/pipeline"), ("POST", "/v2"),
        ("POST", "/v2/cursor"), ("POST", "/v1/pipeline"), ("POST", "/v4/pipeline"), ("post", "/v2/pipeline"),
        ("POST", "v2/pipeline"), ("POST", "/v2/pipeline//"), ("POST", ""), ("POST", "?"),
    ])
    func knowsNoOthers(_ method: String, _ path: String) {
        #expect(DataRoute(method: method, path: path) == nil)
    }
}
