"""Writes `measured.json`: what the preset `auto` of gradient boosting was chosen by. On 34 tables, real ones of the quality suite
and of seeded generators, three folds each: the loss (log loss of classes, root of the mean squared error of numbers) of
LightGBM's and scikit-learn's HistGradientBoosting's defaults, and of boosted trees of several depths, steps and rounds. Those
are XGBoost's, which our kernel follows; the quality suite holds the kernel itself.

    python3 -m venv /tmp/quality && /tmp/quality/bin/pip install -r ../quality/requirements.txt
    /tmp/quality/bin/python measure.py     # half an hour on one core
"""

import itertools
import json
import pathlib
import sys
import warnings

import lightgbm
import numpy as np
import xgboost
from sklearn import datasets, ensemble, model_selection

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "quality"))
import tables  # noqa: E402

FILE = HERE / "measured.json"
ROUNDS = [50, 75, 100, 150, 200, 250, 300]
SHARES = {"subsample": 0.8, "colsample_bytree": 0.8}


def quality(name):
    table = tables.Table(name)
    return table.x, table.y.astype(float), table.classes, [j for j, count in enumerate(table.categories) if count]


def without(x, column, categories):
    return np.delete(x, column, 1), [j - (j > column) for j in categories if j != column]


def generated(x, y, classes=0, categories=()):
    return x, y.astype(float), classes, list(categories)


def classes(seed, rows, width, informative, redundant, shares, apart, wrong, count=2, clusters=2):
    x, y = datasets.make_classification(
        rows, width, n_informative=informative, n_redundant=redundant, n_classes=count, weights=shares,
        class_sep=apart, flip_y=wrong, random_state=seed, n_clusters_per_class=clusters,
    )  # fmt: skip
    return generated(x, y, count)


def sets():
    """Names; features with NaN where one is missing; targets; how many classes (0: a number); which are categories."""
    names = ["breast_cancer", "digits", "wine", "iris", "titanic", "german_credit", "diabetes", "winequality_white"]
    for name in [*names, "nyc_taxis"]:
        yield name, *quality(name)
    x, y, _, own = quality("winequality_white")
    yield "wine, good or not", x, (y >= 7).astype(float), 2, own
    x, _, _, own = quality("titanic")
    yield "titanic, fare", without(x, 4, own)[0], x[:, 4], 0, without(x, 4, own)[1]
    x, _, _, own = quality("german_credit")
    amount = max(j for j in range(x.shape[1]) if j not in own and len(np.unique(x[:, j])) > 50)
    yield "german credit, amount", without(x, amount, own)[0], np.log1p(x[:, amount]), 0, without(x, amount, own)[1]
    rows = [row for row in tables.raw("nyc-taxis") if row["payment"] == "credit card" and row["dropoff_borough"]]
    numbers = ["distance", "fare", "tolls", "passengers"]
    named = ["color", "pickup_borough", "dropoff_borough"]
    columns = [[float(row[name]) for row in rows] for name in numbers]
    codes = [tables.category([row[name] for row in rows]) for name in named]
    columns += [[np.nan if code == "" else code for code in own] for own in codes]
    x = np.column_stack(columns).astype(float)
    yield "taxis, tip", x, np.array([float(row["tip"]) for row in rows]), 0, [4, 5, 6]

    yield "few rows", *classes(1, 400, 10, 4, 2, None, 0.8, 0.1)
    yield "noise", *classes(2, 2000, 20, 5, 5, None, 0.7, 0.2)
    yield "hardly noise", *classes(3, 3000, 15, 8, 2, None, 1.2, 0.01)
    yield "rare", *classes(4, 4000, 10, 5, 2, [0.95], 0.9, 0.02)
    yield "five classes", *classes(5, 2000, 12, 6, 2, None, 1, 0.05, 5, 1)
    yield "wide", *classes(6, 600, 100, 8, 10, None, 0.9, 0.05)
    yield "many rows", *classes(7, 12000, 20, 10, 4, None, 0.8, 0.05)
    yield "friedman1", *generated(*datasets.make_friedman1(600, noise=1, random_state=1))
    yield "friedman2", *generated(*datasets.make_friedman2(2500, noise=100, random_state=2))
    yield "friedman3", *generated(*datasets.make_friedman3(600, noise=0.15, random_state=3))
    yield "friedman1, many rows", *generated(*datasets.make_friedman1(8000, noise=1, random_state=9))
    x, y = datasets.make_hastie_10_2(3000, random_state=0)
    yield "hastie", *generated(x, y > 0, 2)
    yield "moons", *generated(*datasets.make_moons(800, noise=0.3, random_state=0), 2)
    x, y = datasets.make_gaussian_quantiles(n_samples=1500, n_features=6, n_classes=3, random_state=0)
    yield "gaussian quantiles", *generated(x, y, 3)
    yield "sparse line", *generated(*datasets.make_sparse_uncorrelated(1000, 12, random_state=0))
    draws = np.random.default_rng(5)
    codes = [draws.integers(0, count, 5000) for count in (40, 8, 5)]
    x = np.column_stack([*codes, draws.normal(size=(5000, 3))])
    a, b, c = (draws.normal(size=count) for count in (40, 8, 5))
    score = a[codes[0]] + b[codes[1]] * x[:, 3] + 0.5 * c[codes[2]]
    x[draws.random(5000) < 0.1, 4] = np.nan
    yield "categories, number", *generated(x, score + draws.normal(size=5000) * 0.8, 0, range(3))
    few = slice(2500)
    yield "categories, classes", *generated(x[few], score[few] + draws.logistic(size=2500) > 0, 2, range(3))
    x = np.exp(draws.normal(size=(3000, 8)))
    x[:, 3] = draws.integers(0, 4, 3000)
    mean = np.clip(0.5 * x[:, 0] + (x[:, 3] > 1) * np.sqrt(x[:, 1]), 0, 30)
    yield "counts of skewed features", *generated(x, draws.poisson(mean))
    x = draws.normal(size=(150, 6))
    yield "hardly any rows", *generated(x, 2 * x[:, 0] + np.sin(3 * x[:, 1]) + draws.normal(size=150) * 0.5)
    x = draws.normal(size=(250, 8))
    yield "hardly any rows, classes", *generated(x, x[:, 0] + x[:, 1] * x[:, 2] + draws.logistic(size=250) * 0.7 > 0, 2)
    x = draws.random((15000, 6))
    y = np.sin(8 * x[:, 0]) * x[:, 1] + (x[:, 2] > 0.6) * x[:, 3] + draws.normal(size=15000) * 0.2
    yield "waves, many rows", *generated(x, y)


def loss(count, truth, predicted):
    if count == 0:
        return float(np.sqrt(np.mean((truth - predicted) ** 2)))
    chosen = np.clip(predicted[np.arange(len(truth)), truth.astype(int)], 1e-15, 1)
    return float(-np.mean(np.log(chosen)))


def by_xgboost(x, y, count, categories, train, test):
    """Losses by parameters, after each of so many rounds."""
    kinds = ["c" if j in categories else "q" for j in range(x.shape[1])]
    data = [xgboost.DMatrix(x[rows], y[rows], feature_types=kinds, enable_categorical=True) for rows in (train, test)]
    objective = {0: "reg:squarederror", 2: "binary:logistic"}.get(count, "multi:softprob")
    metric = {0: "rmse", 2: "logloss"}.get(count, "mlogloss")
    base = {"nthread": 1, "max_bin": 255, "seed": 1, "objective": objective, "eval_metric": metric}
    if count > 2:
        base["num_class"] = count
    chosen = {"xgboost": {}}
    for depth, eta, shares in itertools.product([3, 4, 5, 6], [0.05, 0.1], [{}, SHARES]):
        chosen[f"depth {depth}, eta {eta}{', shares' if shares else ''}"] = {"max_depth": depth, "eta": eta} | shares
    for name, own in chosen.items():
        heard = {}
        rounds = 100 if name == "xgboost" else ROUNDS[-1]
        xgboost.train(base | own, data[0], rounds, [(data[1], "test")], evals_result=heard, verbose_eval=False)
        for after in ROUNDS:
            if name != "xgboost":
                yield f"{name}, rounds {after}", heard["test"][metric][after - 1]
        if name == "xgboost":
            yield name, heard["test"][metric][-1]


def measured(x, y, count, categories):
    kind = model_selection.StratifiedKFold if count else model_selection.KFold
    found = {}
    for train, test in kind(3, shuffle=True, random_state=0).split(x, y):
        light = (lightgbm.LGBMClassifier if count else lightgbm.LGBMRegressor)(n_jobs=1, verbose=-1)
        light.fit(x[train], y[train], categorical_feature=categories or "auto")
        hist = ensemble.HistGradientBoostingClassifier if count else ensemble.HistGradientBoostingRegressor
        hist = hist(categorical_features=categories or None, random_state=0).fit(x[train], y[train])
        for name, model in [("lightgbm", light), ("scikit-learn", hist)]:
            own = model.predict_proba(x[test]) if count else model.predict(x[test])
            found.setdefault(name, []).append(loss(count, y[test], own))
        for name, value in by_xgboost(x, y, count, categories, train, test):
            found.setdefault(name, []).append(value)
    return {name: float(f"{np.mean(values):.6g}") for name, values in found.items()}


def main():
    warnings.filterwarnings("ignore")
    result = {}
    for name, x, y, count, categories in sets():
        result[name] = {"rows": len(y), "columns": x.shape[1], "classes": count} | measured(x, y, count, categories)
        print(name, x.shape, flush=True)
    names = [name for name in next(iter(result.values())) if name not in ("rows", "columns", "classes")]
    shapes = {0: "depth 3, eta 0.1, shares, rounds 100", 1000: "depth 4, eta 0.1, shares, rounds 250"}
    shapes[2500] = "depth 6, eta 0.05, shares, rounds 250"
    for own in result.values():
        own["auto"] = own[shapes[max(least for least in shapes if least <= own["rows"] * 2 / 3)]]
    wins = {}
    for name in [*names, "auto"]:
        better = {peer: sum(own[name] < own[peer] for own in result.values()) for peer in ("lightgbm", "scikit-learn")}
        of = np.exp(np.mean([np.log(own[name] / own["lightgbm"]) for own in result.values()]))
        wins[name] = better | {"loss beside lightgbm": float(f"{of:.4f}")}
    FILE.write_text(json.dumps({"wins": wins, "losses": result}, indent=1) + "\n")
    print(json.dumps({name: wins[name] for name in ("xgboost", "auto")}))


if __name__ == "__main__":
    main()
