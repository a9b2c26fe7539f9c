/// Request bodies as real clients send them.
enum RequestSamples {
    /// `libsql-client` 0.3.1 for Python: both kinds of arguments are always there, one of them empty.
    static let v1Execute = #"""
        {"stmt": {"sql": "INSERT INTO t VALUES (?, ?, ?, ?, ?)", "args": [{"type": "integer", "value": "-9223372036854775808"}, {"type": "float", "value": 1.5}, {"type": "text", "value": "Z\u00fcrich \ud83d\ude80"}, {"type": "blob", "base64": "AAEC/w=="}, {"type": "null"}], "named_args": [], "want_rows": true}}
        """#

    /// The same client: a batch is a transaction spelled out in conditions.
    static let v1Batch = #"""
        {"batch": {"steps": [{"stmt": {"sql": "BEGIN", "want_rows": false}}, {"condition": {"type": "ok", "step": 0}, "stmt": {"sql": "INSERT INTO t VALUES (:a)", "args": [], "named_args": [{"name": "a", "value": {"type": "integer", "value": "1"}}], "want_rows": true}}, {"condition": {"type": "ok", "step": 1}, "stmt": {"sql": "COMMIT", "want_rows": false}}, {"condition": {"type": "not", "cond": {"type": "ok", "step": 2}}, "stmt": {"sql": "ROLLBACK", "want_rows": false}}]}}
        """#

    /// `@libsql/client` for JavaScript: SQL is stored and the stream is closed in the same request.
    static let v2Pipeline = #"""
        {"baton":null,"requests":[{"type":"store_sql","sql_id":0,"sql":"select ?"},{"type":"execute","stmt":{"sql_id":0,"args":[{"type":"float","value":1}],"named_args":[],"want_rows":true}},{"type":"close_sql","sql_id":0},{"type":"close"}]}
        """#

    /// `libsql` 0.1.11: describe first, then a batch and `get_autocommit`.
    static let v3Pipeline = #"""
        {"baton":"YmF0b24","requests":[{"type":"describe","sql":"SELECT 1"},{"type":"sequence","sql":"BEGIN; COMMIT"},{"type":"batch","batch":{"steps":[{"stmt":{"sql":"SELECT 1","want_rows":true,"replication_index":null},"condition":null}],"replication_index":null}},{"type":"get_autocommit"}]}
        """#

    static let v3Cursor = #"""
        {"baton":null,"batch":{"steps":[{"stmt":{"sql":"SELECT * FROM t","args":[],"named_args":[],"want_rows":true}},{"condition":{"type":"and","conds":[{"type":"error","step":0},{"type":"or","conds":[{"type":"is_autocommit"}]}]},"stmt":{"sql":"SELECT 2"}}]}}
        """#

    static let all = [v1Execute, v1Batch, v2Pipeline, v3Pipeline, v3Cursor]
}
