"""PyPI's libsql, a DB-API driver over HTTP: /v3/pipeline and /v3/cursor."""

import libsql
from checks import BLOBS, FLOATS, INTEGERS, TEXTS, raises, run, same


def connect(url, token):
    return libsql.connect(url.rstrip("/"), auth_token=token)


def creates_and_queries(url, token):
    connection = connect(url, token)
    connection.execute("CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, price REAL)")
    cursor = connection.execute("INSERT INTO items (name, price) VALUES (?, ?)", ("tea", 3.5))
    same(cursor.lastrowid, 1)
    connection.executemany("INSERT INTO items (name, price) VALUES (?, ?)", [("milk", 1.25), ("rice", 2.0)])
    connection.commit()
    cursor = connection.execute("SELECT id, name, price FROM items ORDER BY id")
    same([column[0] for column in cursor.description], ["id", "name", "price"])
    same(cursor.fetchone(), (1, "tea", 3.5))
    same(cursor.fetchall(), [(2, "milk", 1.25), (3, "rice", 2.0)])
    same(connection.execute("SELECT * FROM items WHERE id > 99").fetchall(), [])
    connection.executescript("CREATE TABLE script (a); INSERT INTO script VALUES (1); INSERT INTO script VALUES (2);")
    same(connection.execute("SELECT count(*) FROM script").fetchone(), (2,))


def keeps_types(url, token):
    connection = connect(url, token)
    connection.execute("CREATE TABLE typed (id INTEGER PRIMARY KEY, value)")
    # The driver itself sends integers beyond 32 bits as floats, so they come from literals here.
    wanted = [None, *FLOATS, *TEXTS, *BLOBS]
    for value in wanted:
        connection.execute("INSERT INTO typed (value) VALUES (?)", (value,))
    for value in INTEGERS:
        literal = "-9223372036854775807 - 1" if value == -(2**63) else str(value)
        connection.execute(f"INSERT INTO typed (value) VALUES ({literal})")
    connection.commit()
    wanted += INTEGERS
    rows = connection.execute("SELECT value, typeof(value) FROM typed ORDER BY id").fetchall()
    same(len(rows), len(wanted))
    names = {type(None): "null", int: "integer", float: "real", str: "text", bytes: "blob"}
    for row, value in zip(rows, wanted):
        same(row[0], value)
        same(row[1], names[type(value)])


def transactions_commit_and_roll_back(url, token):
    connection, other = connect(url, token), connect(url, token)
    connection.execute("CREATE TABLE accounts (name TEXT PRIMARY KEY, balance INTEGER)")
    connection.commit()
    connection.execute("INSERT INTO accounts VALUES ('a', 100)")
    assert connection.in_transaction
    same(connection.execute("SELECT count(*) FROM accounts").fetchone(), (1,))
    same(other.execute("SELECT count(*) FROM accounts").fetchone(), (0,))
    connection.commit()
    assert not connection.in_transaction
    same(other.execute("SELECT balance FROM accounts").fetchall(), [(100,)])
    connection.execute("UPDATE accounts SET balance = 0")
    connection.execute("INSERT INTO accounts VALUES ('b', 1)")
    connection.rollback()
    assert not connection.in_transaction
    same(connection.execute("SELECT name, balance FROM accounts").fetchall(), [("a", 100)])


def errors_say_what_is_wrong(url, token):
    connection = connect(url, token)
    connection.execute("CREATE TABLE uniques (id INTEGER PRIMARY KEY, name TEXT NOT NULL)")
    connection.execute("INSERT INTO uniques VALUES (1, 'one')")
    connection.commit()
    with raises(ValueError, "SQL_PARSE_ERROR", "syntax error"):
        connection.execute("SELEC 1")
    with raises(ValueError, "no such table: nowhere"):
        connection.execute("SELECT * FROM nowhere").fetchall()
    with raises(ValueError, "SQLITE_CONSTRAINT"):
        connection.execute("INSERT INTO uniques VALUES (1, 'again')")
    connection.rollback()
    with raises(ValueError, "SQLITE_CONSTRAINT"):
        connection.execute("INSERT INTO uniques VALUES (2, NULL)")
    connection.rollback()
    same(connection.execute("SELECT count(*) FROM uniques").fetchone(), (1,))


def refuses_strangers(url, token):
    with raises(ValueError, "401", "token_invalid"):
        connect(url, "berth_wrong").execute("SELECT 1").fetchall()
    with raises(ValueError, "401", "token_missing"):
        connect(url, "").execute("SELECT 1").fetchall()
    with raises(ValueError, "404", "database_not_found"):
        connect(url.rsplit("/", 2)[0] + "/no-such-database/", token).execute("SELECT 1").fetchall()


if __name__ == "__main__":
    run([
        creates_and_queries, keeps_types, transactions_commit_and_roll_back, errors_say_what_is_wrong,
        refuses_strangers,
    ])
