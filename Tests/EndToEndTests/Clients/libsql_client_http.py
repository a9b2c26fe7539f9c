"""PyPI's libsql-client over HTTP: /v1/execute and /v1/batch."""

from checks import BLOBS, FLOATS, INTEGERS, TEXTS, raises, run, same
from libsql_client import LibsqlError, Statement, create_client_sync


def creates_and_queries(url, token):
    with create_client_sync(url=url, auth_token=token) as client:
        client.execute("CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, price REAL)")
        inserted = client.execute("INSERT INTO items (name, price) VALUES (?, ?)", ["tea", 3.5])
        same(inserted.rows_affected, 1)
        same(inserted.last_insert_rowid, 1)
        client.execute("INSERT INTO items (name, price) VALUES (:name, @price)", {"name": "milk", "price": 1.25})
        found = client.execute("SELECT id, name, price FROM items ORDER BY id")
        same(tuple(found.columns), ("id", "name", "price"))
        same([tuple(row) for row in found.rows], [(1, "tea", 3.5), (2, "milk", 1.25)])
        same(client.execute("UPDATE items SET price = price * 2").rows_affected, 2)
        same(client.execute("SELECT sum(price) FROM items").rows[0][0], 9.5)
        same(client.execute("DELETE FROM items WHERE name = ?", ["tea"]).rows_affected, 1)
        same(len(client.execute("SELECT * FROM items WHERE id > 99").rows), 0)


def keeps_types(url, token):
    with create_client_sync(url=url, auth_token=token) as client:
        client.execute("CREATE TABLE typed (id INTEGER PRIMARY KEY, value)")
        wanted = [None, *INTEGERS, *FLOATS, *TEXTS, *BLOBS]
        for value in wanted:
            same(client.execute("SELECT ?", [value]).rows[0][0], value)
            client.execute("INSERT INTO typed (value) VALUES (?)", [value])
        rows = client.execute("SELECT value, typeof(value) FROM typed ORDER BY id").rows
        same(len(rows), len(wanted))
        names = {type(None): "null", int: "integer", float: "real", str: "text", bytes: "blob"}
        for row, value in zip(rows, wanted):
            same(row[0], value)
            same(row[1], names[type(value)])


def batches_are_transactions(url, token):
    with create_client_sync(url=url, auth_token=token) as client:
        client.execute("CREATE TABLE accounts (name TEXT PRIMARY KEY, balance INTEGER CHECK (balance >= 0))")
        results = client.batch([
            "INSERT INTO accounts VALUES ('a', 100), ('b', 0)",
            Statement("UPDATE accounts SET balance = balance - ? WHERE name = 'a'", [30]),
            Statement("UPDATE accounts SET balance = balance + ? WHERE name = 'b'", [30]),
            "SELECT balance FROM accounts ORDER BY name",
        ])
        same([row[0] for row in results[3].rows], [70, 30])
        with raises(LibsqlError, "SQLITE_CONSTRAINT"):
            client.batch([
                "UPDATE accounts SET balance = balance + 500 WHERE name = 'b'",
                "UPDATE accounts SET balance = balance - 500 WHERE name = 'a'",
            ])
        rows = client.execute("SELECT balance FROM accounts ORDER BY name").rows
        same([row[0] for row in rows], [70, 30])


def errors_say_what_is_wrong(url, token):
    with create_client_sync(url=url, auth_token=token) as client:
        client.execute("CREATE TABLE strict_ones (id INTEGER PRIMARY KEY, name TEXT NOT NULL) STRICT")
        client.execute("INSERT INTO strict_ones VALUES (1, 'one')")
        with raises(LibsqlError, "SQL_PARSE_ERROR", "syntax error"):
            client.execute("SELEC 1")
        with raises(LibsqlError, "SQLITE_CONSTRAINT"):
            client.execute("INSERT INTO strict_ones VALUES (1, 'again')")
        with raises(LibsqlError, "SQLITE_CONSTRAINT"):
            client.execute("INSERT INTO strict_ones VALUES (2, NULL)")
        with raises(LibsqlError, "SQLITE_CONSTRAINT"):
            client.execute("INSERT INTO strict_ones VALUES (3, x'00')")
        with raises(LibsqlError, "no such table"):
            client.execute("SELECT * FROM nowhere")
        with raises(LibsqlError, "SQL_MANY_STATEMENTS"):
            client.execute("SELECT 1; SELECT 2")
        same(client.execute("SELECT count(*) FROM strict_ones").rows[0][0], 1)


def refuses_strangers(url, token):
    with create_client_sync(url=url, auth_token="berth_wrong") as client:
        with raises(LibsqlError, "token_invalid"):
            client.execute("SELECT 1")
    with create_client_sync(url=url) as client:
        with raises(LibsqlError, "token_missing"):
            client.execute("SELECT 1")
    with create_client_sync(url=url.rsplit("/", 2)[0] + "/no-such-database/", auth_token=token) as client:
        with raises(LibsqlError, "database_not_found"):
            client.execute("SELECT 1")


if __name__ == "__main__":
    run([creates_and_queries, keeps_types, batches_are_transactions, errors_say_what_is_wrong, refuses_strangers])
