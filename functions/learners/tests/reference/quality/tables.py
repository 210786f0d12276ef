"""The tables of the quality suite: how they come about, and what models are given of them.

`write` encodes scikit-learn's bundled sets and the raw tables of `data/` into `tables/<set>.csv.gz`. The first line names
the columns and says what they hold: `age:number`, `sex:category` (codes 0, 1, 2, ...; a blank is a missing value), and
last the target, `survived:class` or `fare:target`. Both sides of the comparison read these files.
"""

import csv
import datetime
import gzip
import io
import pathlib

import numpy as np
from sklearn import datasets

HERE = pathlib.Path(__file__).parent
FOLDS = 5
# A series is forecast a day ahead, seven times, from the ends of the days before its last week.
ORIGINS, HORIZON = 7, 24
# One-hot columns of more categories than that cost more time than they tell.
MOST_HOT = 32
# Whole numbers below it can be categories to naive Bayes; it stands for a missing one.
WHOLE = 32


def raw(name, header=None):
    """The rows of a raw table, as texts by column."""
    text = gzip.decompress((HERE / "data" / f"{name}.csv.gz").read_bytes()).decode()
    return list(csv.DictReader(io.StringIO(text), fieldnames=header))


def category(texts):
    """Codes of texts in the order of the alphabet; blanks stay blank."""
    names = sorted(set(texts) - {""})
    return ["" if text == "" else names.index(text) for text in texts]


def number(texts):
    return ["" if text == "" else float(text) for text in texts]


def encoded(rows, numbers, categories, target, kind):
    """Named columns of a raw table; those that are not named are left out."""
    columns = {f"{name}:number": number([row[name] for row in rows]) for name in numbers}
    columns |= {f"{name}:category": category([row[name] for row in rows]) for name in categories}
    return columns | {f"{target}:{kind}": target_of([row[target] for row in rows], kind)}


def target_of(texts, kind):
    return category(texts) if kind == "class" else number(texts)


def titanic():
    """`alive` is the target in words, `class` and `embark_town` are `pclass` and `embarked` in words."""
    rows = raw("titanic")
    return encoded(
        rows, ["pclass", "age", "sibsp", "parch", "fare"],
        ["sex", "embarked", "who", "adult_male", "deck", "alone"], "survived", "class",
    )  # fmt: skip


def german_credit():
    """Columns have no names; codes of categories begin with A."""
    names = [f"a{j}" for j in range(1, 21)] + ["risk"]
    rows = raw("german-credit", names)
    categories = [name for name in names[:-1] if rows[0][name].startswith("A")]
    return encoded(rows, [n for n in names[:-1] if n not in categories], categories, "risk", "class")


def winequality_white():
    names = [
        "fixed_acidity", "volatile_acidity", "citric_acid", "residual_sugar", "chlorides", "free_sulfur_dioxide",
        "total_sulfur_dioxide", "density", "ph", "sulphates", "alcohol", "quality",
    ]  # fmt: skip
    return encoded(raw("winequality-white", names), names[:-1], [], "quality", "target")


def nyc_taxis():
    """`total` holds the fare and the tip is reckoned from it: both are left out."""
    rows = raw("nyc-taxis")
    for row in rows:
        start, end = (datetime.datetime.fromisoformat(row[name]) for name in ["pickup", "dropoff"])
        row |= {"hour": start.hour, "weekday": start.weekday(), "minutes": (end - start).total_seconds() / 60}
    numbers = ["passengers", "distance", "tolls", "hour", "weekday", "minutes"]
    zones = ["pickup_borough", "dropoff_borough", "pickup_zone", "dropoff_zone"]
    return encoded(rows, numbers, ["color", "payment", *zones], "fare", "target")


def bundled(name):
    x, y = getattr(datasets, f"load_{name}")(return_X_y=True)
    columns = {f"x{j}:number": column.tolist() for j, column in enumerate(x.T)}
    return columns | ({"y:target": y.tolist()} if name == "diabetes" else {"y:class": y.tolist()})


def taxi_hours():
    """A series: rides that began in each hour of March 2019."""
    hours = [0] * 31 * 24
    for row in raw("nyc-taxis"):
        start = datetime.datetime.fromisoformat(row["pickup"])
        if start.month == 3:
            hours[(start.day - 1) * 24 + start.hour] += 1
    return {"rides:target": hours}


def rare_in_tails():
    """Three in a hundred rows are of a class that lies in the tails of skewed features."""
    draws = np.random.default_rng(3)
    y = (draws.random(4000) < 0.03).astype(int)
    means = np.array([1.2, 1.0, 0.8, 0.5, 0.5, 0.0])
    return drawn(np.exp(draws.normal(size=(4000, 6)) * 0.8 + y[:, None] * means), y)


def rare_in_clusters():
    """Three in a hundred rows, some told wrong, in clusters that overlap."""
    return drawn(*datasets.make_classification(
        4000, 8, n_informative=5, weights=[0.97, 0.03], class_sep=0.8, flip_y=0.01, random_state=1
    ))  # fmt: skip


def rare_and_small():
    """Few rows and many features, as of oil spills: one in twenty."""
    return drawn(*datasets.make_classification(
        900, 30, n_informative=8, n_redundant=10, weights=[0.95, 0.05], class_sep=0.9, flip_y=0.02, random_state=2
    ))  # fmt: skip


def third():
    """Three in ten rows, told by how features go together."""
    draws = np.random.default_rng(0)
    y = (draws.random(3000) < 0.29).astype(int)
    x = draws.normal(size=(3000, 5))
    x[:, 0] += y * np.sign(x[:, 1]) * 1.5
    x[:, 2] *= 1 + y
    return drawn(x, y)


def drawn(x, y):
    """Numbers of a generator; more digits tell nothing."""
    columns = {f"x{j}:number": np.round(column, 4).tolist() for j, column in enumerate(x.T)}
    return columns | {"y:class": y.tolist()}


SETS = {name: lambda name=name: bundled(name) for name in ["breast_cancer", "digits", "wine", "iris", "diabetes"]} | {
    "titanic": titanic,
    "german_credit": german_credit,
    "winequality_white": winequality_white,
    "nyc_taxis": nyc_taxis,
    "taxi_hours": taxi_hours,
    "rare_in_tails": rare_in_tails,
    "rare_in_clusters": rare_in_clusters,
    "rare_and_small": rare_and_small,
    "third": third,
}


def shown(value):
    """The shortest text that reads back as the same number."""
    text = str(value)
    return text[:-2] if text.endswith(".0") else text


def write_rows(name, columns):
    lines = [",".join(columns), *(",".join(map(shown, row)) for row in zip(*columns.values()))]
    (HERE / "tables").mkdir(exist_ok=True)
    data = ("\n".join(lines) + "\n").encode()
    (HERE / "tables" / f"{name}.csv.gz").write_bytes(gzip.compress(data, 9, mtime=0))


def write():
    for name, columns in SETS.items():
        write_rows(name, columns())


class Table:
    """Rows, missing values as NaN, the kinds of columns and how many categories each has (0: numbers)."""

    def __init__(self, name, most_rows=None):
        text = gzip.decompress((HERE / "tables" / f"{name}.csv.gz").read_bytes()).decode()
        header, *lines = text.splitlines()
        kinds = [column.split(":")[1] for column in header.split(",")]
        values = np.array([[float(v) if v else np.nan for v in line.split(",")] for line in lines])
        if most_rows and len(values) > most_rows:
            values = values[np.arange(most_rows) * len(values) // most_rows]
        self.x, self.y = values[:, :-1], values[:, -1]
        self.classes = int(self.y.max()) + 1 if kinds[-1] == "class" else 0
        if self.classes:
            self.y = self.y.astype(int)
        self.categories = [
            int(np.nanmax(column)) + 1 if kind == "category" else 0 for kind, column in zip(kinds, self.x.T)
        ]

    def folds(self):
        """Row i is in fold i % 5. Of a series, which has no features, the rows to predict follow those to learn from."""
        rows = np.arange(len(self.y))
        if not self.x.shape[1]:
            for back in range(ORIGINS, 0, -1):
                end = len(rows) - back * HORIZON
                yield Fold(self, rows < end, (rows >= end) & (rows < end + HORIZON))
            return
        for f in range(FOLDS):
            yield Fold(self, rows % FOLDS != f, rows % FOLDS == f)


class Fold:
    """Rows to learn from and rows to predict, in the views that models are given."""

    def __init__(self, table, train, test):
        self.table, self.train, self.test = table, train, test
        self.y, self.truth = table.y[train], table.y[test]

    def codes(self):
        """The table as it is: codes of categories, NaN where a value is missing."""
        return self.table.x[self.train], self.table.x[self.test]

    def wide(self):
        """Numbers: the mean in place of missing ones, then mean 0 and variance 1, all by the rows to learn from.
        Categories: a column of 0 and 1 each; a missing one is 0 everywhere."""
        columns = []
        for column, count in zip(self.table.x.T, self.table.categories):
            if count:
                columns += [(column == code).astype(float) for code in range(count) if count <= MOST_HOT]
                continue
            filled = np.where(np.isnan(column), np.nanmean(column[self.train]), column)
            mean, deviation = filled[self.train].mean(), filled[self.train].std()
            columns.append((filled - mean) / (deviation if deviation > 1e-12 else 1))
        x = np.column_stack(columns)
        return x[self.train], x[self.test]

    def whole(self):
        """Columns that are whole numbers below 32 or missing throughout, with 32 for the missing ones."""
        filled = np.where(np.isnan(self.table.x), WHOLE, self.table.x)
        kept = filled[:, ((filled >= 0) & (filled <= WHOLE) & (filled == np.floor(filled))).all(0)]
        return kept[self.train], kept[self.test]
