"""Filter, derive and group by on a million rows: pandas, polars and DuckDB, one thread each.

Reads the CSV file that it is given; prints JSON: the seconds of each round by tool. Fails if a tool's result is not that of the step, which lies in the Arrow file.
Run by `cargo xtask bench stages`, which sets the threads by environment variables.
"""

import json
import math
import sys
import time

import duckdb
import pandas
import polars
import pyarrow.csv
import pyarrow.ipc

path, made, rounds = sys.argv[1], sys.argv[2], int(sys.argv[3])
# An empty text is a missing one, as `extract` reads it.
table = pyarrow.csv.read_csv(path, convert_options=pyarrow.csv.ConvertOptions(strings_can_be_null=True))
frames = {"pandas": table.to_pandas(), "polars": polars.from_arrow(table)}
database = duckdb.connect()
database.execute("SET threads = 1")
database.register("arrow", table)
database.execute("CREATE TABLE rows AS SELECT * FROM arrow")

QUERY = """
SELECT city, count(*) AS n, sum(total) AS total, avg(code) AS code, max(total) AS largest
FROM (SELECT city, code, price * 1.2 + code AS total FROM rows WHERE price > 500 AND code <> 7)
GROUP BY city ORDER BY city
"""


def by_pandas():
    rows = frames["pandas"]
    rows = rows[(rows.price > 500) & (rows.code != 7)].assign(total=lambda r: r.price * 1.2 + r.code)
    groups = rows.groupby("city", dropna=False, sort=False)
    out = groups.agg(n=("total", "size"), total=("total", "sum"), code=("code", "mean"), largest=("total", "max"))
    return out.reset_index().sort_values("city").values.tolist()


def by_polars():
    rows = frames["polars"].lazy().filter((polars.col("price") > 500) & (polars.col("code") != 7))
    rows = rows.with_columns(total=polars.col("price") * 1.2 + polars.col("code"))
    out = rows.group_by("city").agg(
        n=polars.len(), total=polars.col("total").sum(), code=polars.col("code").mean(), largest=polars.col("total").max()
    )
    return [list(row) for row in out.sort("city", nulls_last=True).collect().rows()]


def by_duckdb():
    return [list(row) for row in database.execute(QUERY).fetchall()]


def alike(one, other):
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=1e-9) or (math.isnan(one) and math.isnan(other))
    return one == other


def key(row):
    city = row[0]
    return "~" if city is None or city != city else city


ours = [list(row.values()) for row in pyarrow.ipc.open_stream(made).read_all().to_pylist()]
figures = {}
for name, work in {"pandas": by_pandas, "polars": by_polars, "DuckDB": by_duckdb}.items():
    result = work()
    assert len(result) == len(ours), (name, len(result), len(ours))
    for row, own in zip(sorted(result, key=key), sorted(ours, key=key)):
        city = None if row[0] != row[0] else row[0]
        assert all(map(alike, [city, *map(float, row[1:])], [own[0], *map(float, own[1:])])), (name, row, own)
    figures[name] = []
    for _ in range(rounds):
        began = time.perf_counter()
        work()
        figures[name].append(time.perf_counter() - began)
versions = {"pandas": pandas.__version__, "polars": polars.__version__, "DuckDB": duckdb.__version__}
print(json.dumps({"figures": figures, "versions": versions}))
