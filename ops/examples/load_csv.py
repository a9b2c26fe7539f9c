"""Loads the CSV files that PyPI's vega_datasets ships into one Berth database each, through the libSQL client.

    python3 -m venv venv && venv/bin/pip install libsql-client vega_datasets
    venv/bin/python ops/examples/load_csv.py load          # create the databases and load them
    venv/bin/python ops/examples/load_csv.py ask           # ask each a question

The fleet is found through dev.json in $BERTH_DIR, ./berth-dev or ~/.berth/dev.
"""

import asyncio
import csv
import json
import os
import pathlib
import sys
import urllib.error
import urllib.request

import libsql_client
import vega_datasets

DATA = pathlib.Path(vega_datasets.__file__).parent / "_data"
ROWS_PER_BATCH = 200
# A question to each data set whose answer is easy to compare before and after a failover.
QUESTIONS = {
    "airports": "select state, count(*) as airports from airports group by state order by airports desc limit 3",
    "seattle-weather": "select weather, count(*) as days, round(avg(temp_max), 1) as mean_high "
                       "from seattle_weather group by weather order by days desc",
    "stocks": "select symbol, count(*) as months, max(price) as highest from stocks group by symbol order by symbol",
}


def fleet():
    places = [os.environ["BERTH_DIR"]] if "BERTH_DIR" in os.environ else ["berth-dev", os.path.expanduser("~/.berth/dev")]
    for place in places:
        path = pathlib.Path(place) / "dev.json"
        if path.exists():
            return json.loads(path.read_text())
    sys.exit(f"no fleet found in {', '.join(places)}: start one with ./ops/run")


def create(fleet, name):
    request = urllib.request.Request(
        f"{fleet['manager']}/v1/databases", method="POST",
        data=json.dumps({"name": name, "durability": "bucket"}).encode(),
        headers={"Authorization": f"Bearer {fleet['token']}", "Content-Type": "application/json"})
    try:
        urllib.request.urlopen(request)
    except urllib.error.HTTPError as error:
        if json.load(error)["code"] != "database_exists":
            raise


def client(fleet, name):
    # Any node takes any database: ask the last one for all of them.
    return libsql_client.create_client(f"{fleet['nodes'][-1]['url']}/db/{name}/", auth_token=fleet["token"])


def typed(text):
    """CSV knows only text; SQLite keeps numbers as numbers."""
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            pass
    return text if text != "" else None


async def load(fleet, name):
    table = name.replace("-", "_")
    with open(DATA / f"{name}.csv", newline="") as file:
        rows = list(csv.reader(file))
    header, rows = rows[0], [[typed(cell) for cell in row] for row in rows[1:]]
    create(fleet, name)
    async with client(fleet, name) as database:
        columns = ", ".join(f'"{column}"' for column in header)
        await database.batch([f"drop table if exists {table}", f"create table {table} ({columns})"])
        insert = f"insert into {table} values ({', '.join('?' for _ in header)})"
        for start in range(0, len(rows), ROWS_PER_BATCH):
            await database.batch([(insert, row) for row in rows[start:start + ROWS_PER_BATCH]])
    print(f"{name}: {len(rows)} rows")


async def ask(fleet, name):
    async with client(fleet, name) as database:
        result = await database.execute(QUESTIONS[name])
        print(f"{name}: {', '.join(result.columns)}")
        for row in result.rows:
            print("  ", *row)


async def main(what):
    address = fleet()
    for name in QUESTIONS:
        await {"load": load, "ask": ask}[what](address, name)


if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1] not in ("load", "ask"):
        sys.exit(__doc__)
    asyncio.run(main(sys.argv[1]))
