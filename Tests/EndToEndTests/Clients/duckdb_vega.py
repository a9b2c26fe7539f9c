"""Loads real data sets into a DuckDB database of Berth and compares every answer with DuckDB's own Python module.

Called as: duckdb_vega.py <url of the database, with its trailing slash> <token>
"""

import json
import math
import os
import pathlib
import sys
import urllib.error
import urllib.request

import duckdb
import vega_datasets

URL, TOKEN = sys.argv[1], sys.argv[2]
DATA = pathlib.Path(vega_datasets.__file__).parent / "_data"

TABLES = {
    "airports": ("airports.csv", "iata VARCHAR, name VARCHAR, city VARCHAR, state VARCHAR, country VARCHAR, latitude DOUBLE, longitude DOUBLE"),
    "weather": ("seattle-weather.csv", "date DATE, precipitation DECIMAL(8,2), temp_max DECIMAL(8,2), temp_min DECIMAL(8,2), wind DOUBLE, weather VARCHAR"),
    "temps": ("seattle-temps.csv", "date TIMESTAMP, temp DOUBLE"),
    "electricity": ("iowa-electricity.csv", "year DATE, source VARCHAR, net_generation BIGINT"),
    "riots": ("la-riots.csv", "first_name VARCHAR, last_name VARCHAR, age INTEGER, gender VARCHAR, race VARCHAR, death_date DATE, address VARCHAR, "
              "neighborhood VARCHAR, type VARCHAR, longitude DOUBLE, latitude DOUBLE"),
    "cars": ("cars.json", '"Name" VARCHAR, "Miles_per_Gallon" DOUBLE, "Cylinders" INTEGER, "Displacement" DOUBLE, "Horsepower" DOUBLE, '
             '"Weight_in_lbs" INTEGER, "Acceleration" DOUBLE, "Year" DATE, "Origin" VARCHAR'),
    "barley": ("barley.json", "yield DOUBLE, variety VARCHAR, year INTEGER, site VARCHAR"),
}

# Every one has an order of its own, so that the answers can be compared row by row.
QUERIES = [
    "SELECT state, count(*) AS n, min(latitude), max(longitude) FROM airports GROUP BY state ORDER BY n DESC, state LIMIT 20",
    "SELECT weather, count(*), sum(precipitation), avg(temp_max)::DECIMAL(10,3), min(date), max(date) FROM weather GROUP BY weather ORDER BY weather",
    "SELECT date_trunc('month', date) AS month, sum(precipitation), quantile_cont(wind, 0.5), quantile_cont(wind, 0.9) FROM weather "
    "GROUP BY month ORDER BY month",
    "SELECT date, temp_max, temp_max - lag(temp_max) OVER (ORDER BY date), avg(temp_max) OVER (ORDER BY date ROWS 6 PRECEDING)::DOUBLE "
    "FROM weather ORDER BY date LIMIT 100",
    "SELECT hour(date) AS h, min(temp), max(temp), count(DISTINCT temp), median(temp) FROM temps GROUP BY h ORDER BY h",
    "SELECT w.date, w.temp_max, max(t.temp), list(t.temp ORDER BY t.date) FROM weather w JOIN temps t ON t.date::DATE = w.date - INTERVAL 2 YEAR "
    "GROUP BY w.date, w.temp_max ORDER BY w.date LIMIT 30",
    "SELECT source, year, net_generation, sum(net_generation::HUGEINT * 1000000000000) OVER (PARTITION BY source ORDER BY year) FROM electricity "
    "ORDER BY source, year",
    'SELECT "Origin", "Cylinders", count(*), avg("Miles_per_Gallon"), stddev("Horsepower"), regr_slope("Miles_per_Gallon", "Weight_in_lbs") '
    'FROM cars GROUP BY ALL ORDER BY ALL',
    'SELECT "Name", "Year", "Horsepower" FROM cars WHERE "Horsepower" IS NULL OR "Name" LIKE \'%citro%\' ORDER BY "Name", "Year"',
    "SELECT site, year, {'sum': sum(yield), 'n': count(*)} AS s, histogram(variety) AS m FROM barley GROUP BY ALL ORDER BY ALL",
    "SELECT gender, race, count(*), avg(age), mode(type), max(death_date) - min(death_date) FROM riots GROUP BY ALL ORDER BY ALL",
    "PIVOT (SELECT year, site, yield FROM barley) ON year USING round(sum(yield), 6) ORDER BY site",
    "WITH RECURSIVE d(day) AS (SELECT DATE '2012-01-01' UNION ALL SELECT day + 1 FROM d WHERE day < DATE '2012-02-01') "
    "SELECT day, weather FROM d LEFT JOIN weather ON date = day::DATE ORDER BY day",
    "SUMMARIZE SELECT precipitation, wind FROM weather",
]


def post(path, body, kind="application/json"):
    request = urllib.request.Request(URL + path, data=body, headers={"Authorization": f"Bearer {TOKEN}", "Content-Type": kind})
    try:
        with urllib.request.urlopen(request, timeout=60) as reply:
            return json.load(reply)
    except urllib.error.HTTPError as error:
        sys.exit(f"{path}: {error.code} {error.read().decode()}")


def execute(sql):
    reply = post("v2/pipeline", json.dumps({"requests": [{"type": "execute", "stmt": {"sql": sql}}, {"type": "close"}]}).encode())
    result = reply["results"][0]
    assert result["type"] == "ok", f"{sql}: {result}"
    return result["response"]["result"]


def load(table, file, columns):
    execute(f"CREATE TABLE {table} ({columns})")
    duckdb.sql(f"CREATE TABLE {table} ({columns})")
    path = DATA / file
    if file.endswith(".csv"):
        loaded = post(f"v1/load?table={table}", path.read_bytes(), "text/csv")["rows_loaded"]
        duckdb.sql(f"COPY {table} FROM '{path}' (HEADER)")
    else:
        rows = json.loads(path.read_text())
        lines = "\n".join(json.dumps(row) for row in rows)
        loaded = post(f"v1/load?table={table}&format=ndjson", lines.encode())["rows_loaded"]
        duckdb.sql(f"INSERT INTO {table} BY NAME SELECT * FROM read_json('{path}')")
    wanted = duckdb.sql(f"SELECT count(*) FROM {table}").fetchall()[0][0]
    assert loaded == wanted > 0, f"{table}: {loaded} rows were loaded, not {wanted}"


def value(cell):
    kind = cell["type"]
    return None if kind == "null" else int(cell["value"]) if kind == "integer" else cell["value"]


def agrees(found, wanted, text, kind):
    """Numbers and texts are themselves, nested values are JSON, and everything else is DuckDB's own text of it."""
    if wanted is None or isinstance(wanted, str):
        return found == wanted
    if isinstance(wanted, bool):
        return found == int(wanted)
    if isinstance(wanted, int):
        return found == (str(wanted) if "HUGEINT" in kind else wanted)
    if isinstance(wanted, float):
        return isinstance(found, (int, float)) and math.isclose(found, wanted, rel_tol=1e-12, abs_tol=1e-12)
    if isinstance(wanted, (list, dict)):
        return json.loads(found) == wanted
    return found == text


def compare(sql):
    found = execute(sql)
    relation = duckdb.sql(sql)
    names, wanted = relation.columns, relation.fetchall()
    quoted = ", ".join('CAST("%s" AS VARCHAR)' % name.replace('"', '""') for name in names)
    # As texts, for what Python has objects for. The same order: the statement decides it.
    texts = duckdb.sql(f"SELECT {quoted} FROM ({sql})").fetchall() if not sql.startswith(("SUMMARIZE", "PIVOT")) else wanted
    assert [column["name"] for column in found["cols"]] == names, f"{sql}: {found['cols']}"
    assert len(found["rows"]) == len(wanted) > 0, f"{sql}: {len(found['rows'])} rows, not {len(wanted)}"
    for number, (row, expected, text) in enumerate(zip(found["rows"], wanted, texts)):
        for cell, one, its_text, column in zip(row, expected, text, found["cols"]):
            its_text = its_text if isinstance(its_text, str) else str(its_text)
            assert agrees(value(cell), one, its_text, column["decltype"]), f"{sql}\nrow {number}: {cell} is not {one!r}"


for table, (file, columns) in TABLES.items():
    load(table, file, columns)
for sql in QUERIES:
    compare(sql)
print(json.dumps(QUERIES))
