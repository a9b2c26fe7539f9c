import Testing

@testable import ObjectStores

/// The examples of <https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html>.
@Suite struct SigV4Tests {
    private let signer = SigV4(
        credentials: S3Credentials(
            accessKeyID: "AKIAIOSFODNN7EXAMPLE", secretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
        region: "us-east-1")
    private static let emptyHash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

    private func authorization(
        _ method: String, _ path: String, query: [(String, String)] = [], headers: [(String, String)] = [],
        payloadHash: String = emptyHash
    ) -> String {
        signer.authorization(
            method: method, path: path, query: query,
            headers: headers + [
                ("Host", "examplebucket.s3.amazonaws.com"), ("x-amz-content-sha256", payloadHash),
                ("x-amz-date", "20130524T000000Z"),
            ],
            payloadHash: payloadHash, timestamp: "20130524T000000Z")
    }

    @Test func getObject() {
        #expect(authorization("GET", "/test.txt", headers: [("Range", "bytes=0-9")])
            == "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,"
            + "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date,"
            + "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41")
    }

    @Test func putObject() {
        let hash = SigV4.sha256(Array("Welcome to Amazon S3.".utf8))
        #expect(hash == "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072")
        #expect(authorization(
            "PUT", "/test$file.text",
            headers: [("Date", "Fri, 24 May 2013 00:00:00 GMT"), ("x-amz-storage-class", "REDUCED_REDUNDANCY")],
            payloadHash: hash
        ).hasSuffix(
            "SignedHeaders=date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class,"
                + "Signature=98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"))
    }

    @Test func getBucketLifecycle() {
        #expect(authorization("GET", "/", query: [("lifecycle", "")]).hasSuffix(
            "Signature=fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"))
    }

    @Test func listObjects() {
        #expect(authorization("GET", "/", query: [("prefix", "J"), ("max-keys", "2")]).hasSuffix(
            "Signature=34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"))
    }

    @Test func canonicalFormSortsEncodesAndTrims() {
        #expect(SigV4.canonicalRequest(
            method: "GET", path: "/b/ä +/~", query: [("b", "2 3"), ("a", "x/y"), ("a", "B")],
            headers: [("X-Amz-Meta", "  two   words "), ("HOST", "h")], payloadHash: "e") == """
            GET
            /b/%C3%A4%20%2B/~
            a=B&a=x%2Fy&b=2%203
            host:h
            x-amz-meta:two words

            host;x-amz-meta
            e
            """)
    }
}
