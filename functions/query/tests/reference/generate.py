"""Writes what DuckDB answers to a few hundred expressions and queries over random tables.

    pip install duckdb==2.0.1
    python functions/query/tests/reference/generate.py

The tables have missing values, NaN, infinities, empty texts, ties and dates. The answers go to `reference.json`, which the test
`reference` compares with this crate's. The same seed gives the same file.
"""

import datetime
import decimal
import itertools
import json
import math
import pathlib
import random

import duckdb

from cases import EXPRESSIONS, ORDERED, QUERIES

EPOCH = datetime.datetime(1970, 1, 1)
HERE = pathlib.Path(__file__).parent
rng = random.Random(18)


def maybe(share, value):
    return None if rng.random() < share else value


def table_t(rows):
    texts = ["", " ", "a", "b", "abc", "Abc", "a-b-c", "  pad ", "x1y22z", "héé", "100%", "a_c", "12", "1.5", "2024-02-29", "true"]
    for n in range(rows):
        x = rng.choice([math.nan, math.inf, -math.inf, 0.0, -0.0]) if rng.random() < 0.3 else round(rng.uniform(-100, 100), 6)
        yield (
            n,
            maybe(0.15, rng.randint(-1000, 1000)),
            maybe(0.15, rng.randint(0, 3)),
            maybe(0.15, x),
            maybe(0.15, round(rng.uniform(-5, 5), 1)),
            maybe(0.15, rng.choice(texts)),
            maybe(0.15, rng.choice(["red", "green", "blue"])),
            maybe(0.2, rng.random() < 0.5),
            maybe(0.15, datetime.date(2019, 12, 25) + datetime.timedelta(days=rng.randint(0, 1500))),
            maybe(0.15, datetime.datetime(2020, 2, 27) + datetime.timedelta(seconds=rng.randint(0, 10**8), microseconds=rng.choice([0, 0, 500000, 123456]))),
        )


def table_u(rows):
    for _ in range(rows):
        yield (
            maybe(0.15, rng.randint(0, 4)),
            maybe(0.2, rng.choice(["red", "green", "violet"])),
            maybe(0.2, round(rng.uniform(-5, 5), 1)),
        )


TABLES = {
    "t": (
        ["id", "i", "j", "x", "y", "s", "c", "b", "d", "ts"],
        ["BIGINT", "BIGINT", "BIGINT", "DOUBLE", "DOUBLE", "VARCHAR", "VARCHAR", "BOOLEAN", "DATE", "TIMESTAMP"],
        list(table_t(24)),
    ),
    "u": (["k", "c", "w"], ["BIGINT", "VARCHAR", "DOUBLE"], list(table_u(9))),
}


def kind(name):
    if name in ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UBIGINT"):
        return "BIGINT"
    if name.startswith("DECIMAL"):
        return "DOUBLE"
    if name == "TIMESTAMP WITH TIME ZONE":
        return "TIMESTAMPTZ"
    return "NULL" if "NULL" in name else name


def cell(value):
    if isinstance(value, datetime.datetime):
        return (value.replace(tzinfo=None) - EPOCH) // datetime.timedelta(microseconds=1)
    if isinstance(value, datetime.date):
        return (value - EPOCH.date()).days
    if isinstance(value, decimal.Decimal):
        value = float(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            return str(value)
        return float(f"{value:.15g}")
    return value


def answer(connection, text):
    try:
        result = connection.execute(text)
        rows = result.fetchall()
    except duckdb.Error as error:
        return {"error": str(error).splitlines()[0][:120]}
    kinds = [kind(str(column[1])) for column in result.description]
    columns = [[cell(row[i]) for row in rows] for i in range(len(kinds))]
    return {"kinds": kinds, "columns": columns}


def main():
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute("SET threads = 1")
    tables = {}
    for name, (columns, types, rows) in TABLES.items():
        connection.execute(f"CREATE TABLE {name} ({', '.join(map(' '.join, zip(columns, types)))})")
        connection.executemany(f"INSERT INTO {name} VALUES ({', '.join('?' * len(columns))})", rows)
        tables[name] = {
            "names": columns,
            "kinds": types,
            "columns": [[cell(row[i]) for row in rows] for i in range(len(columns))],
        }
    expressions = [{"text": text, **answer(connection, f"SELECT {text} FROM t")} for text in dict.fromkeys(EXPRESSIONS)]
    queries = [
        {"text": text, "ordered": ordered, **answer(connection, text)}
        for text, ordered in itertools.chain(((q, False) for q in QUERIES), ((q, True) for q in ORDERED))
    ]
    head = json.dumps({"duckdb": duckdb.__version__, "tables": tables})
    lines = [json.dumps(case, ensure_ascii=False, separators=(",", ":")) for case in expressions]
    more = [json.dumps(case, ensure_ascii=False, separators=(",", ":")) for case in queries]
    text = head[:-1] + ',\n"expressions":[\n' + ",\n".join(lines) + '\n],\n"queries":[\n' + ",\n".join(more) + "\n]}\n"
    (HERE / "reference.json").write_text(text)
    wrong = [case["text"] for case in expressions + queries if "error" in case]
    print(f"{len(expressions)} expressions, {len(queries)} queries, {len(wrong)} of them errors, {len(text)} bytes")


if __name__ == "__main__":
    main()
