import Foundation
import Testing

@testable import ObjectStores

@Suite struct S3FormatTests {
    @Test func readsAndWritesDates() {
        let moment = Date(timeIntervalSince1970: 1_369_353_600)
        #expect(S3Dates.amzDate(moment) == "20130524T000000Z")
        #expect(S3Dates.headerDate("Fri, 24 May 2013 00:00:00 GMT") == moment)
        #expect(S3Dates.listingDate("2013-05-24T00:00:00.000Z") == moment)
        #expect(S3Dates.listingDate("2013-05-24T00:00:00Z") == moment)
        #expect(S3Dates.listingDate("2013-05-24T00:00:00.5Z") == moment.addingTimeInterval(0.5))
        for bad in [
            "", "yesterday", "2013-05-24", "2013-13-24T00:00:00Z", "2013-02-29T00:00:00Z", "2013-05-24T24:00:00Z", "x2013-05-24T00:00:00Z",
            "2013-05-24T00:00:00.Z", "99999999999-05-24T00:00:00Z",
        ] { #expect(S3Dates.listingDate(bad) == nil) }
        for bad in [
            "", "Fri, 24 Mai 2013 00:00:00 GMT", "Friday, 24-May-13 00:00:00 GMT", "Fri, 31 Feb 2013 00:00:00 GMT",
            "Fri, 24 May -2147483648 00:00:00 GMT", "Fri, +4 May 2013 00:00:00 GMT",
        ] {
            #expect(S3Dates.headerDate(bad) == nil)
        }
    }

    @Test func readsDocuments() throws {
        let document = try XMLElement.parse(Array("""
            \u{feff}<?xml version="1.0" encoding="UTF-8"?>
            <!-- a comment with <tags> -->
            <s3:List xmlns:s3='urn:x' note="a > b">
              <Key>a &amp; b &#233;&#x1F6A2; <![CDATA[<raw&amp;>]]></Key><Empty/><Empty attribute="/" /><In><Key>x</Key></In>
            </s3:List>
            """.utf8))
        #expect(document.name == "List")
        #expect(document["Key"]?.text == "a & b é🚢 <raw&amp;>")
        #expect(document.children.map(\.name) == ["Key", "Empty", "Empty", "In"])
        #expect(document["In"]?["Key"]?.text == "x")
        #expect(try XMLElement.parse(Array("<a>1\r\n2\r3\n<![CDATA[\r\n]]>&#13;</a>".utf8)).text == "1\n2\n3\n\n\r")
    }

    @Test(arguments: [
        "", "text", "<a>", "<a></b>", "<a", "<a><b></a>", "</a>", "<a>&unknown;</a>", "<a>&#x110000;</a>", "<a>&#+65;</a>", "<a>&#-0;</a>", "<a>&#0;</a>", "<a>&#;</a>", "<a>&amp</a>",
        "<!DOCTYPE a><a/>", "<a><!-- </a>", "<a \"></a>", "< ></>",
        String(repeating: "<a>", count: 100_000),
    ])
    func refusesWhatIsNotADocument(_ text: String) {
        #expect(throws: XMLElement.SyntaxError.self) { try XMLElement.parse(Array(text.utf8)) }
    }

    @Test func survivesAnyCutAndAnyDamage() throws {
        let whole = Array("<?xml version='1.0'?><A x=\"1\"><B>t&lt;</B><!--c--><C/><![CDATA[d]]></A>".utf8)
        _ = try XMLElement.parse(whole)
        for end in 0..<whole.count {
            #expect(throws: XMLElement.SyntaxError.self) { try XMLElement.parse(Array(whole[..<end])) }
        }
        for position in whole.indices {
            for byte in [UInt8(ascii: "<"), UInt8(ascii: ">"), UInt8(ascii: "&"), 0, 0xff] {
                var damaged = whole
                damaged[position] = byte
                // Either reads or throws; it must not trap or loop.
                _ = try? XMLElement.parse(damaged)
            }
        }
    }

    @Test(arguments: ["a b+c%", "é日🚢", "~-._", "a/b"]) func encodingRoundTrips(_ text: String) {
        #expect(URIEncoding.decode(URIEncoding.encode(text)) == text)
    }

    @Test func doesNotDecodeWhatIsNotEncoded() {
        for bad in ["%", "%4", "%zz", "%ff"] { #expect(URIEncoding.decode(bad) == nil) }
    }
}
