"""Expressions over the table `t`, and queries over `t` and `u`."""

import itertools
import random

# What DuckDB refuses or answers with an error, this crate does too.
EXPRESSIONS = []

NUMBERS = ["i", "j", "x", "y", "0", "-3", "2.5"]
for a, op, b in itertools.product(["i", "x"], ["+", "-", "*", "/"], ["j", "y", "i", "x", "-3", "2.5", "NULL"]):
    EXPRESSIONS.append(f"{a} {op} {b}")
EXPRESSIONS += ["i // (j + 1)", "i // 7", "i % 7", "i % -7", "i // j", "i % j", "y // 2", "y % 2", "x % 3", "-i", "-x", "- 5 - i", "i // -1"]
EXPRESSIONS += ["9223372036854775807 + i", "i * 9223372036854775807", "2 ^ 10", "y ^ 2", "i & 6", "i | 6", "j << 3", "i >> 1", "xor(i, j)", "~i"]
for a, op, b in itertools.product(["x", "s", "d", "b", "i"], ["=", "<>", "<", "<=", ">", ">="], ["same", "other"]):
    pair = {"x": ("x", "y"), "s": ("s", "c"), "d": ("d", "ts"), "b": ("b", "true"), "i": ("i", "y")}[a]
    EXPRESSIONS.append(f"{a} {op} {pair[0] if b == 'same' else pair[1]}")
for op in ["=", "<", ">="]:
    EXPRESSIONS += [f"x {op} 'nan'::DOUBLE", f"x {op} 'inf'::DOUBLE", f"d {op} '2021-06-01'", f"s {op} 'abc'", f"i {op} NULL", f"x {op} 0"]
EXPRESSIONS += ["i IS DISTINCT FROM j", "x IS NOT DISTINCT FROM x", "x IS DISTINCT FROM 'nan'::DOUBLE", "i IS NULL", "x IS NOT NULL", "b IS TRUE", "b IS NOT TRUE", "b IS FALSE", "b IS NOT FALSE"]
for a, b in itertools.product(["b", "i > 0", "NULL", "true", "false"], ["y > 0", "NULL", "false"]):
    EXPRESSIONS += [f"{a} AND {b}", f"{a} OR {b}"]
EXPRESSIONS += ["NOT b", "NOT (i > 0 AND b)", "i", "b AND NOT b OR y < 0", "i BETWEEN -100 AND 100", "y NOT BETWEEN j AND 3", "i BETWEEN 0 AND NULL", "x BETWEEN 0 AND 'inf'::DOUBLE"]
EXPRESSIONS += ["c IN ('red', 'blue')", "c NOT IN ('red', NULL)", "j IN (0, 1.5, 2)", "x IN ('nan'::DOUBLE, 0)", "j IN (1, i, y)", "NULL IN (1, 2)", "j NOT IN (1, 2)", "j IN (1,2,3,4,5,6,7,8,9,10,NULL)", "d IN ('2020-01-01', '2021-01-01')"]
EXPRESSIONS += ["CASE WHEN i > 0 THEN 'pos' WHEN i < 0 THEN 'neg' END", "CASE c WHEN 'red' THEN 1 WHEN 'green' THEN 2 ELSE 3 END", "CASE WHEN b THEN i ELSE y END", "CASE WHEN j <> 0 THEN i // j END", "CASE WHEN b THEN NULL ELSE d END", "if(b, s, c)", "ifnull(i, -1)", "coalesce(i, j, 0)", "coalesce(x, y)", "coalesce(NULL, s, 'none')", "nullif(j, 1)", "nullif(c, 'red')", "greatest(i, j, 5)", "least(x, y)", "greatest(x, y, NULL)", "least(s, c)", "greatest(d, ts)"]
for f in ["abs", "ceil", "floor", "round", "trunc", "sign", "sqrt", "cbrt", "exp", "ln", "log", "log2", "log10", "sin", "cos", "tan", "atan", "degrees", "radians", "isnan", "isinf", "isfinite"]:
    EXPRESSIONS += [f"{f}(y)"]
for f in ["abs", "ceil", "floor", "round", "sign", "sqrt", "isnan", "isinf", "exp", "ln", "sin"]:
    EXPRESSIONS += [f"{f}(x)"]
for f in ["abs", "ceil", "floor", "round", "sign", "sqrt", "ln"]:
    EXPRESSIONS += [f"{f}(i)"]
EXPRESSIONS += ["asin(y / 5)", "acos(y / 5)", "sinh(y)", "cosh(y)", "tanh(y)", "round(x, 1)", "round(y * 1.23456, 3)", "round(x, -1)", "round(i, -2)", "round(i, 1)", "pow(y, 2)", "power(j, 0.5)", "pow(x, 0)", "atan2(y, x)", "mod(i, 7)", "log(2, abs(y) + 1)", "pi()", "gcd(i, 12)", "fmod(y, 2)"]
for f in ["upper", "lower", "length", "strlen", "reverse", "trim", "ltrim", "rtrim", "ascii", "len"]:
    EXPRESSIONS += [f"{f}(s)"]
EXPRESSIONS += ["s || c", "s || '!'", "concat(s, i, c)", "concat_ws('-', s, c, j)", "i || s", "trim(s, 'a ')", "ltrim(s, 'xa')", "rtrim(s, 'c-')", "trim(both 'a' from s)", "trim(leading ' ' from s)"]
for args in ["s, 2", "s, 1, 2", "s, -2", "s, -2, 1", "s, 0, 2", "s, 2, -1", "s, 99", "s, 2, 0", "s, j, 2"]:
    EXPRESSIONS.append(f"substring({args})")
EXPRESSIONS += ["substring(s from 2 for 2)", "left(s, 2)", "left(s, -1)", "right(s, 2)", "right(s, -1)", "right(s, 0)", "replace(s, 'a', 'xy')", "replace(s, '', 'x')", "translate(s, 'abc', 'xy')", "repeat(s, 2)", "repeat(s, -1)", "lpad(s, 4, '*')", "rpad(s, 4, '*-')", "lpad(s, 2, 'x')", "lpad(s, 9, '')", "chr((65 + j)::INTEGER)"]
EXPRESSIONS += [f"split_part(s, '-', {n})" for n in (1, 2, 3, 4, 0, -1, -4)] + ["split_part(s, '', 1)", "contains(s, 'b')", "starts_with(s, 'a')", "ends_with(s, 'c')", "instr(s, 'b')", "strpos(s, 'é')", "position('a' IN s)", "prefix(s, 'A')", "suffix(s, 'c')"]
for p in ["a%", "%c", "%b%", "a_c", "_", "%", "", "A%", "a-%-c", "100%", "%é%", "__"]:
    EXPRESSIONS += [f"s LIKE '{p}'", f"s ILIKE '{p}'"]
EXPRESSIONS += ["s NOT LIKE 'a%'", "s LIKE NULL", "s LIKE 'a\\_c' ESCAPE '\\'", "s LIKE '100!%' ESCAPE '!'", "s LIKE s", "s SIMILAR TO 'a.*'", "s NOT SIMILAR TO 'a.c'", "s SIMILAR TO '[a-c-]+'", "s ~ 'b'", "s !~ 'b'"]
EXPRESSIONS += ["regexp_matches(s, '[0-9]+')", "regexp_matches(s, 'ABC', 'i')", "regexp_matches(s, '^a')", "regexp_full_match(s, '[a-z]+')", "regexp_replace(s, '[aeiou]', '_')", "regexp_replace(s, '[a-z]', 'X', 'g')", "regexp_replace(s, '(\\d+)', '<\\1>', 'g')", "regexp_replace(s, 'B', 'x', 'gi')", "regexp_extract(s, '[0-9]+')", "regexp_extract(s, '([a-z])([0-9])', 2)", "regexp_extract(s, 'zzz')", "regexp_matches(s, '(')", "regexp_replace(s, 'b', '\\0\\0')"]
for t in ["BIGINT", "DOUBLE", "VARCHAR", "BOOLEAN", "DATE", "TIMESTAMP"]:
    EXPRESSIONS += [f"TRY_CAST(s AS {t})"]
for c, t in [("i", "VARCHAR"), ("i", "DOUBLE"), ("j", "BOOLEAN"), ("x", "VARCHAR"), ("y", "VARCHAR"), ("y", "BIGINT"), ("x", "BOOLEAN"), ("b", "VARCHAR"), ("b", "BIGINT"), ("b", "DOUBLE"), ("d", "VARCHAR"), ("d", "TIMESTAMP"), ("ts", "DATE"), ("ts", "VARCHAR"), ("x", "BIGINT"), ("s", "BIGINT"), ("s", "DATE"), ("i", "TINYINT"), ("d", "BIGINT"), ("ts", "TIMESTAMPTZ"), ("d", "TIMESTAMPTZ"), ("i", "DATE")]:
    EXPRESSIONS += [f"CAST({c} AS {t})"]
EXPRESSIONS += ["TRY_CAST(x AS BIGINT)", "TRY_CAST(i AS TINYINT)", "y::BIGINT::VARCHAR", "(x * 1e17)::VARCHAR", "(y / 1e6)::VARCHAR", "(y + 0.5)::BIGINT", "'2.5'::BIGINT", "TRY(s::BIGINT)", "TRY_CAST(' 12 ' AS BIGINT)", "'t'::BOOLEAN", "'nan'::DOUBLE", "i::VARCHAR || '%'"]
PARTS = ["year", "quarter", "month", "week", "day", "dow", "isodow", "doy", "isoyear", "decade", "century", "millennium", "hour", "minute", "second", "millisecond", "microsecond", "epoch"]
EXPRESSIONS += [f"date_part('{p}', ts)" for p in PARTS] + [f"date_part('{p}', d)" for p in PARTS]
EXPRESSIONS += [f"date_trunc('{p}', ts)" for p in PARTS if p not in ("dow", "isodow", "doy", "epoch")] + ["date_trunc('month', d)", "date_trunc('week', d)", "date_trunc('fortnight', d)"]
for p in ["year", "quarter", "month", "week", "day", "hour", "minute", "second", "decade"]:
    EXPRESSIONS += [f"date_diff('{p}', d, ts)", f"date_sub('{p}', d, ts)", f"date_diff('{p}', ts, TIMESTAMP '2021-01-31 12:00:00')", f"date_sub('{p}', ts, TIMESTAMP '2021-01-31 12:00:00')"]
EXPRESSIONS += ["extract(year from d)", "extract('month' from ts)", "year(d)", "month(ts)", "day(d)", "hour(ts)", "minute(ts)", "second(ts)", "dayofweek(d)", "dayofyear(d)", "week(d)", "quarter(d)", "dayname(d)", "monthname(ts)", "last_day(d)", "epoch(ts)", "epoch_ms(ts)", "epoch_us(ts)"]
EXPRESSIONS += ["d + 1", "d - j::INTEGER", "d - DATE '2020-01-01'", "d + INTERVAL 1 MONTH", "d - INTERVAL '1 year 2 days'", "ts + INTERVAL 90 MINUTE", "ts - INTERVAL '1.5 days'", "(ts - TIMESTAMP '2020-01-01')::VARCHAR", "d + INTERVAL (j) DAY", "d + to_months(j)", "date_add(d, INTERVAL 1 DAY)", "(INTERVAL '14 months 3 days 04:05:06.5')::VARCHAR", "d + INTERVAL 1 DAY > ts", "INTERVAL '1 month' > INTERVAL '29 days'", "(INTERVAL 1 DAY * 3)::VARCHAR", "ts - INTERVAL (i) HOUR"]
for f in ["%Y-%m-%d %H:%M:%S", "%d/%m/%y %I:%M %p", "%A %a %B %b %j", "%-d.%-m.%Y", "%H:%M:%S.%f", "%G-W%V-%u %w", "%U %W %%", "%x %X", "%q"]:
    EXPRESSIONS += [f"strftime(ts, '{f}')"]
EXPRESSIONS += ["strftime(d, '%d %b %Y')", "strptime(strftime(ts, '%d/%m/%Y %H:%M:%S'), '%d/%m/%Y %H:%M:%S')", "strptime(strftime(d, '%B %d, %Y'), '%B %d, %Y')", "strptime('7/1/2024 3:04 PM', '%d/%m/%Y %I:%M %p')", "strptime('2024-02-30', '%Y-%m-%d')", "try_strptime(s, '%Y-%m-%d')", "strptime(s, '%Y-%m-%d')", "strptime('99', '%y')", "try_strptime('24 x', '%d')", "strptime('2024-060', '%Y-%j')"]
EXPRESSIONS += ["make_date(2020 + j, 1 + j, 5)", "make_date(2023, 2, 29)", "make_timestamp(2020, 1, 2, 3, 4, 5.25)", "make_timestamp(2020, 1, 2, 25, 4, 5)", "ts AT TIME ZONE 'Europe/Berlin'", "(ts::TIMESTAMPTZ) AT TIME ZONE 'America/New_York'", "timezone('Asia/Kolkata', ts)", "TIMESTAMP '2024-03-31 02:30:00' AT TIME ZONE 'Europe/Berlin'", "TIMESTAMP '2024-10-27 02:30:00' AT TIME ZONE 'Europe/Berlin'", "ts AT TIME ZONE 'Mars/Base'", "to_timestamp(i)", "epoch_ms(i)"]
EXPRESSIONS += ["nowhere", "i + s", "upper(i)", "b + 1", "length(d)", "no_such(i)", "sum(i) + i", "CASE WHEN s THEN 1 END", "date_part('nix', d)", "'abc'::BIGINT", "round(s)", "typeof(i)", "typeof(x + i)", "typeof(d + INTERVAL 1 DAY)"]

QUERIES = []
for f in ["count", "sum", "avg", "min", "max", "median", "stddev_samp", "stddev_pop", "var_samp", "var_pop", "any_value", "product"]:
    QUERIES += [f"SELECT c, {f}(y) AS v FROM t GROUP BY c", f"SELECT {f}(y) FROM t WHERE false"]
for f in ["count", "sum", "avg", "min", "max", "median", "any_value"]:
    QUERIES += [f"SELECT c, {f}(i) FROM t GROUP BY c", f"SELECT j, {f}(DISTINCT j) FILTER (WHERE b) FROM t GROUP BY ALL"]
for f in ["count", "min", "max", "sum", "avg"]:
    QUERIES += [f"SELECT c, {f}(x) FROM t GROUP BY c"]
QUERIES += ["SELECT mode(c), mode(b) FROM t WHERE id < 20", "SELECT c, mode(b) FROM t WHERE c = 'red' GROUP BY c"]
for f in ["count", "min", "max", "any_value", "first", "last"]:
    for c in ["s", "d", "b", "ts", "x"]:
        QUERIES += [f"SELECT {f}({c}) FROM t WHERE id < 9"]
for q in ["0", "0.25", "0.9", "1"]:
    QUERIES += [f"SELECT c, quantile_cont(y, {q}), quantile_disc(i, {q}) FROM t GROUP BY c"]
QUERIES += [
    "SELECT count(*), count(i), count(DISTINCT c) FROM t",
    "SELECT c, string_agg(s, '|' ORDER BY id) FROM t GROUP BY c",
    "SELECT string_agg(s) FROM t",
    "SELECT c, bool_and(b), bool_or(b) FROM t GROUP BY c",
    "SELECT c, arg_min(id, y), arg_max(id, y), min_by(s, i), max_by(s, i) FROM t GROUP BY c",
    "SELECT corr(i, y), covar_samp(i, y), covar_pop(i, y) FROM t",
    "SELECT c, first(id ORDER BY y DESC, id), last(id ORDER BY y, id) FROM t GROUP BY c",
    "SELECT sum(b::BIGINT), avg(i) FILTER (WHERE i > 0) FROM t",
    "SELECT quantile_cont(y, 2) FROM t",
    "SELECT c, b, count(*) AS n FROM t GROUP BY 1, 2",
    "SELECT c, sum(i) AS total FROM t GROUP BY c HAVING sum(i) > 0",
    "SELECT c AS colour, count(*) FROM t GROUP BY colour HAVING count(*) > 3",
    "SELECT upper(c), max(i) - min(i) FROM t GROUP BY upper(c)",
    "SELECT j % 2 AS odd, sum(i) / count(*) FROM t GROUP BY odd",
    "SELECT i FROM t GROUP BY c",
    "SELECT sum(sum(i)) FROM t",
    "SELECT x, count(*) FROM t GROUP BY x",
    "SELECT DISTINCT c, b FROM t",
    "SELECT DISTINCT x FROM t",
    "SELECT * EXCLUDE (ts, d, s) FROM t WHERE i > 0",
    "SELECT * EXCLUDE (ts) REPLACE (i * 2 AS i) FROM t WHERE b",
    "SELECT * EXCLUDE (nope) FROM t",
    "SELECT id, i + 1 AS k, k * 2 AS m FROM t WHERE k > 0",
    "SELECT t.id, t.c FROM t WHERE t.c = 'red'",
    "SELECT a.id FROM t AS a WHERE a.j IS NULL",
    "SELECT id FROM t WHERE NOT (i > 0)",
    "SELECT id FROM t WHERE x > 0 AND 10 / x > 1",
    "SELECT id FROM t LIMIT 0",
    "SELECT id, (SELECT max(i) FROM t) FROM t",
    "SELECT id FROM t WHERE i = (SELECT max(i) FROM t)",
    "SELECT id FROM t WHERE j IN (SELECT k FROM u)",
    "SELECT id FROM t WHERE j NOT IN (SELECT k FROM u)",
    "SELECT id FROM t WHERE j NOT IN (SELECT k FROM u WHERE k IS NOT NULL)",
    "SELECT id FROM t WHERE c IN (SELECT c FROM u)",
    "SELECT id FROM t WHERE EXISTS (SELECT 1 FROM u WHERE w > 100)",
    "SELECT id FROM t WHERE i = (SELECT k FROM u)",
    "SELECT id FROM t WHERE j IN (SELECT w FROM u)",
    "SELECT n, v FROM (SELECT c AS n, sum(i) AS v FROM t GROUP BY c) AS q WHERE v IS NOT NULL",
    "WITH a AS (SELECT * FROM t WHERE i > 0), b AS (SELECT c, count(*) AS n FROM a GROUP BY c) SELECT a.id, b.n FROM a JOIN b USING (c)",
    "WITH t AS (SELECT id FROM t WHERE id < 3) SELECT * FROM t",
    "WITH q(p, r) AS (VALUES (1, 'a'), (2, 'b')) SELECT p + 1, r FROM q",
    "VALUES (1, 'a'), (NULL, 'b'), (2.5, NULL)",
    "SELECT 1 + 1, 'a' || 'b', NULL",
    "FROM u",
    "FROM t SELECT id",
]
JOINS = ["JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN"]
for j in JOINS:
    QUERIES += [
        f"SELECT t.id, u.k, u.w FROM t {j} u ON t.j = u.k",
        f"SELECT t.id, u.k, u.w FROM t {j} u ON t.j = u.k AND t.y < u.w",
        f"SELECT id, c, w FROM t {j} u USING (c)",
        f"SELECT * EXCLUDE (ts, d) FROM t {j} u USING (c)",
        f"SELECT t.id, u.w FROM t {j} u ON t.y = u.w",
    ]
QUERIES += [
    "SELECT id FROM t SEMI JOIN u ON t.j = u.k",
    "SELECT id FROM t ANTI JOIN u ON t.j = u.k",
    "SELECT id FROM t SEMI JOIN u USING (c)",
    "SELECT id FROM t ANTI JOIN u ON t.j = u.k AND u.w > 0",
    "SELECT t.id, u.k FROM t CROSS JOIN u WHERE t.j > u.k",
    "SELECT t.id, u.k FROM t, u WHERE t.j = u.k AND t.i > 0",
    "SELECT t.id, u.k FROM t JOIN u ON t.j < u.k",
    "SELECT a.id, b.id FROM t a, t b, u WHERE a.j = b.j AND b.c = u.c AND a.id < 4",
    "SELECT a.id, b.id FROM t a JOIN t b ON a.x = b.x",
    "SELECT c FROM t JOIN u ON t.j = u.k",
    "SELECT count(*) FROM t LEFT JOIN u ON t.c = u.c JOIN u AS v ON v.k = u.k",
]
for op, all_ in itertools.product(["UNION", "INTERSECT", "EXCEPT"], ["", " ALL"]):
    QUERIES += [f"SELECT c FROM t {op}{all_} SELECT c FROM u", f"SELECT j FROM t {op}{all_} SELECT w FROM u", f"SELECT c, j FROM t {op}{all_} SELECT c, k FROM u"]
QUERIES += ["SELECT c, j FROM t UNION SELECT c FROM u"]
OVER = ["OVER (PARTITION BY c ORDER BY y, id)", "OVER (ORDER BY j, id)", "OVER (ORDER BY id DESC)"]
for f, over in itertools.product(["row_number()", "lag(i)", "lead(i, 2)", "lag(s, 1, 'none')", "first_value(i)", "last_value(i)", "nth_value(i, 2)", "ntile(3)", "sum(i)", "avg(y)", "min(x)", "max(s)", "count(*)", "count(b)", "lag(i IGNORE NULLS)"], OVER):
    QUERIES.append(f"SELECT id, {f} {over} AS v FROM t")
for f in ["rank()", "dense_rank()", "percent_rank()", "cume_dist()", "sum(i)", "count(*)", "max(y)"]:
    QUERIES += [f"SELECT id, {f} OVER (PARTITION BY c ORDER BY j) FROM t", f"SELECT id, {f} OVER (ORDER BY j DESC NULLS FIRST) FROM t"]
FRAMES = ["ROWS BETWEEN 2 PRECEDING AND CURRENT ROW", "ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING", "ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING", "ROWS BETWEEN 3 PRECEDING AND 2 PRECEDING", "ROWS BETWEEN 1 FOLLOWING AND 3 FOLLOWING", "ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING", "ROWS 2 PRECEDING"]
for f, frame in itertools.product(["sum(i)", "avg(y)", "min(i)", "count(s)", "first_value(s)", "last_value(i)", "median(y)"], FRAMES):
    QUERIES.append(f"SELECT id, {f} OVER (PARTITION BY j ORDER BY id {frame}) FROM t")
for f in ["sum(i)", "count(*)", "max(y)"]:
    QUERIES += [
        f"SELECT id, {f} OVER (ORDER BY j RANGE BETWEEN 1 PRECEDING AND CURRENT ROW) FROM t",
        f"SELECT id, {f} OVER (ORDER BY j DESC RANGE BETWEEN 1 PRECEDING AND 1 FOLLOWING) FROM t",
        f"SELECT id, {f} OVER (ORDER BY y RANGE BETWEEN 1.5 PRECEDING AND 0.5 FOLLOWING) FROM t",
        f"SELECT id, {f} OVER (ORDER BY d RANGE BETWEEN INTERVAL 90 DAY PRECEDING AND CURRENT ROW) FROM t",
        f"SELECT id, {f} OVER (ORDER BY ts RANGE BETWEEN INTERVAL 3 MONTH PRECEDING AND INTERVAL 1 DAY FOLLOWING) FROM t",
        f"SELECT id, {f} OVER (ORDER BY j RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) FROM t",
    ]
QUERIES += [
    "SELECT id, sum(i) OVER () FROM t",
    "SELECT id, sum(i) FILTER (WHERE b) OVER (ORDER BY id) FROM t",
    "SELECT c, sum(i) AS v, rank() OVER (ORDER BY sum(i) DESC) FROM t GROUP BY c",
    "SELECT id, c FROM t QUALIFY row_number() OVER (PARTITION BY c ORDER BY id) = 1",
    "SELECT id, row_number() OVER w AS n FROM t WINDOW w AS (PARTITION BY c ORDER BY id) QUALIFY n <= 2",
    "SELECT id, i - lag(i) OVER (ORDER BY id) AS diff FROM t",
    "SELECT id FROM t WHERE row_number() OVER () = 1",
    "SELECT id, ntile(0) OVER (ORDER BY id) FROM t",
    "SELECT id, i * 1.0 / sum(i) OVER (PARTITION BY c) FROM t",
]

# These have one order only.
ORDERED = [
    "SELECT id, x FROM t ORDER BY x, id",
    "SELECT id, x FROM t ORDER BY x DESC, id",
    "SELECT id, x FROM t ORDER BY x NULLS FIRST, id DESC",
    "SELECT id, s FROM t ORDER BY s DESC NULLS LAST, id",
    "SELECT id, c FROM t ORDER BY 2, 1",
    "SELECT c, id FROM t ORDER BY ALL",
    "SELECT id, i + j AS k FROM t ORDER BY k, id LIMIT 5 OFFSET 3",
    "SELECT id FROM t ORDER BY abs(y), id",
    "SELECT c, count(*) AS n FROM t GROUP BY c ORDER BY n DESC, c",
    "SELECT c FROM t GROUP BY c ORDER BY sum(i), c",
    "SELECT DISTINCT j FROM t ORDER BY j DESC",
    "SELECT DISTINCT ON (c) c, id FROM t ORDER BY c, y DESC, id",
    "SELECT j FROM t UNION SELECT k FROM u ORDER BY 1",
    "SELECT j AS v FROM t EXCEPT SELECT k FROM u ORDER BY v DESC LIMIT 2",
    "SELECT id, b FROM t ORDER BY b, d, id",
    "SELECT id FROM t ORDER BY ts DESC, id LIMIT 4",
    "SELECT id FROM t ORDER BY sum(i) OVER (PARTITION BY c), id",
    "SELECT id FROM t ORDER BY 7",
]


def random_expression(rng, kind, depth):
    """An expression of a type, of any shape."""
    sub = lambda kind: random_expression(rng, kind, depth - 1)
    leaves = {
        "int": ["i", "j", "id", "7", "-2", "NULL::BIGINT"],
        "num": ["x", "y", "0.5::DOUBLE", "'nan'::DOUBLE", "-1e3::DOUBLE"],
        "text": ["s", "c", "'b'", "''", "'a-c'"],
        "bool": ["b", "true", "NULL::BOOLEAN", "i > 0"],
        "date": ["d", "DATE '2020-02-29'"],
        "time": ["ts", "d::TIMESTAMP"],
    }
    if depth == 0:
        return rng.choice(leaves[kind])
    if kind == "int":
        return rng.choice([
            lambda: f"({sub('int')} {rng.choice('+-*')} {sub('int')})",
            lambda: f"({sub('int')} // nullif({sub('int')}, 0))",
            lambda: f"({sub('int')} % nullif({sub('int')}, 0))",
            lambda: f"length({sub('text')})",
            lambda: f"CASE WHEN {sub('bool')} THEN {sub('int')} ELSE {sub('int')} END",
            lambda: f"coalesce({sub('int')}, {sub('int')})",
            lambda: f"greatest({sub('int')}, {sub('int')})",
            lambda: f"abs({sub('int')})",
            lambda: f"date_part('{rng.choice(['year', 'month', 'day', 'week', 'doy', 'hour'])}', {sub('time')})",
            lambda: f"date_diff('{rng.choice(['day', 'month', 'year', 'hour', 'quarter'])}', {sub('time')}, {sub('time')})",
            lambda: f"TRY_CAST({sub('text')} AS BIGINT)",
            lambda: f"TRY_CAST({sub('num')} AS BIGINT)",
            lambda: f"({sub('date')} - {sub('date')})",
            lambda: f"instr({sub('text')}, {sub('text')})",
        ])()
    if kind == "num":
        return rng.choice([
            lambda: f"({sub('num')} {rng.choice('+-*/')} {sub('num')})",
            lambda: f"({sub('int')} / {sub('int')})",
            lambda: f"({sub('num')} % {sub('int')})",
            lambda: f"round({sub('num')}, {rng.randint(0, 3)})",
            lambda: f"sqrt(abs({sub('num')}))",
            lambda: f"{rng.choice(['floor', 'ceil', 'trunc', 'abs'])}({sub('num')})",
            lambda: f"if({sub('bool')}, {sub('num')}, {sub('int')})",
            lambda: f"least({sub('num')}, {sub('num')})",
            lambda: f"nullif({sub('num')}, {sub('num')})",
            lambda: f"TRY_CAST({sub('text')} AS DOUBLE)",
            lambda: f"epoch({sub('time')})",
        ])()
    if kind == "text":
        return rng.choice([
            lambda: f"({sub('text')} || {sub('text')})",
            lambda: f"{rng.choice(['upper', 'lower', 'trim', 'reverse'])}({sub('text')})",
            lambda: f"substring({sub('text')}, {rng.randint(-3, 4)}, {rng.randint(0, 4)})",
            lambda: f"replace({sub('text')}, {sub('text')}, {sub('text')})",
            lambda: f"split_part({sub('text')}, '-', {rng.choice([-2, -1, 1, 2, 3])})",
            lambda: f"CAST({sub(rng.choice(['int', 'bool', 'date', 'time']))} AS VARCHAR)",
            lambda: f"concat({sub('text')}, {sub('int')}, {sub('bool')})",
            lambda: f"regexp_replace({sub('text')}, '[a-c]+', '.', 'g')",
            lambda: f"CASE {sub('text')} WHEN {sub('text')} THEN {sub('text')} END",
            lambda: f"lpad({sub('text')}, {rng.randint(0, 6)}, '*')",
            lambda: f"strftime({sub('time')}, '%Y/%m/%d %H')",
            lambda: f"greatest({sub('text')}, {sub('text')})",
        ])()
    if kind == "bool":
        of = rng.choice(["int", "num", "text", "date", "time"])
        return rng.choice([
            lambda: f"({sub(of)} {rng.choice(['=', '<>', '<', '<=', '>', '>='])} {sub(of)})",
            lambda: f"({sub('bool')} {rng.choice(['AND', 'OR'])} {sub('bool')})",
            lambda: f"(NOT {sub('bool')})",
            lambda: f"({sub(of)} IS {rng.choice(['', 'NOT '])}NULL)",
            lambda: f"({sub(of)} {rng.choice(['', 'NOT '])}IN ({sub(of)}, {sub(of)}))",
            lambda: f"({sub(of)} {rng.choice(['', 'NOT '])}BETWEEN {sub(of)} AND {sub(of)})",
            lambda: f"({sub('text')} {rng.choice(['', 'NOT '])}{rng.choice(['LIKE', 'ILIKE'])} '{rng.choice(['%b%', 'a%', '_', '%-_'])}')",
            lambda: f"({sub(of)} IS {rng.choice(['', 'NOT '])}DISTINCT FROM {sub(of)})",
            lambda: f"isnan({sub('num')})",
            lambda: f"contains({sub('text')}, {sub('text')})",
        ])()
    if kind == "date":
        return rng.choice([
            lambda: f"CAST({sub('time')} AS DATE)",
            lambda: f"coalesce({sub('date')}, {sub('date')})",
            lambda: f"last_day({sub('date')})",
            lambda: f"least({sub('date')}, {sub('date')})",
        ])()
    return rng.choice([
        lambda: f"({sub('time')} + INTERVAL {rng.choice(['1 MONTH', '36 HOUR', '1 DAY', '1 YEAR'])})",
        lambda: f"({sub('time')} - INTERVAL '{rng.choice(['1 month', '90 minutes', '1 year 1 day'])}')",
        lambda: f"date_trunc('{rng.choice(['year', 'quarter', 'month', 'week', 'day', 'hour'])}', {sub('time')})",
        lambda: f"CAST({sub('date')} AS TIMESTAMP)",
        lambda: f"if({sub('bool')}, {sub('time')}, {sub('time')})",
    ])()


def random_query(rng):
    """A query whose answer does not depend on the order of rows."""
    make = lambda kind, depth=1: random_expression(rng, kind, depth)
    kind = rng.choice(["int", "text", "bool", "date"])
    aggregate = lambda: rng.choice([
        f"sum({make('int')})", f"count({make('text')})", f"min({make('num')})", f"max({make('text')})", "count(*)",
        f"count(DISTINCT {make('text')})", f"avg({make('int')})", f"bool_or({make('bool')})", f"median({make('int')})",
        f"max({make('time')}) FILTER (WHERE {make('bool')})", f"sum({make('int')}) FILTER (WHERE {make('bool')})",
    ])
    return rng.choice([
        lambda: f"SELECT id, {make(kind, 2)} AS v FROM t WHERE {make('bool', 2)}",
        lambda: f"SELECT {make(kind)} AS k, {aggregate()}, {aggregate()} FROM t WHERE {make('bool')} GROUP BY k",
        lambda: f"SELECT {make(kind)} AS k, {aggregate()} AS v FROM t GROUP BY ALL HAVING {aggregate()} IS NOT NULL",
        lambda: f"SELECT DISTINCT {make(kind)}, {make('bool')} FROM t",
        lambda: f"SELECT a.id, b.id, a.i FROM t a {rng.choice(['JOIN', 'LEFT JOIN', 'FULL JOIN'])} t b ON a.j = b.id AND a.c {rng.choice(['=', '<>'])} b.c",
        lambda: f"SELECT id, {aggregate().split(' FILTER')[0].replace('DISTINCT ', '')} OVER (PARTITION BY {make(kind)} ORDER BY id) FROM t",
        lambda: f"SELECT {make(kind)} FROM t {rng.choice(['UNION', 'EXCEPT', 'INTERSECT', 'UNION ALL'])} SELECT {make(kind)} FROM t WHERE {make('bool')}",
        lambda: f"WITH q AS (SELECT id, {make(kind)} AS k FROM t) SELECT k, count(*) FROM q WHERE id IN (SELECT id FROM t WHERE {make('bool')}) GROUP BY k",
    ])()


_rng = random.Random(54)
EXPRESSIONS += [random_expression(_rng, kind, 3) for kind in ["int", "num", "text", "bool", "date", "time"] * 40]
QUERIES += [random_query(_rng) for _ in range(160)]
