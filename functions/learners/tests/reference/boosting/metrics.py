"""Writes what XGBoost 3.2.0 computes for its metrics at given margins (`metrics.json`), which the unit tests of the kernel's
metrics are held against. See make.py for the packages; then

    /tmp/reference/bin/python metrics.py
"""

import json
import pathlib

import numpy as np
import xgboost

HERE = pathlib.Path(__file__).parent
ROWS = 60

rng = np.random.default_rng(5)
groups = np.repeat(np.arange(10), 6)
group_weights = rng.integers(1, 5, 10) / 2
weights = rng.integers(1, 5, ROWS) / 2
two = rng.integers(0, 2, ROWS)
three = rng.integers(0, 3, ROWS)
number = rng.gamma(2.0, 1.5, ROWS).round(2) + 0.25
grades = rng.integers(0, 4, ROWS)
relevant = (rng.random(ROWS) < 0.3).astype(int)
# Groups without a relevant row.
grades[:6] = relevant[:12] = 0
# So coarse that some are equal, and exact in single precision.
margins = rng.integers(-8, 9, ROWS) / 4
# Rows of a ranking do not tie: XGBoost takes those that do as they come.
apart = margins + np.arange(ROWS) / 4096
several = rng.integers(-8, 9, (ROWS, 3)) / 4

cases = []


def case(objective, metrics, y, margins=margins, **params):
    for weighted in [False, True]:
        ranks = objective.startswith("rank:")
        own = None if not weighted else group_weights if ranks else weights
        data = xgboost.DMatrix(np.zeros((ROWS, 1)), y, weight=own, qid=groups if ranks else None)
        data.set_base_margin(margins)
        settings = {"objective": objective, "eval_metric": metrics, "nthread": 1} | params
        text = xgboost.train(settings, data, 0).eval(data, "at")
        figures = dict(figure.rsplit(":", 1) for figure in text.split("\tat-")[1:])
        row_weights = None if own is None else np.repeat(own, 6) if ranks else own
        cases.append(
            {
                "objective": objective,
                "params": {name: value for name, value in params.items() if name != "num_class"},
                "y": y.tolist(),
                "margins": np.ravel(margins).tolist(),
                "weights": None if row_weights is None else row_weights.tolist(),
                "groups": groups.tolist() if ranks else None,
                "metrics": {name: float(figures.get(name, "nan")) for name in metrics},
            }
        )


case("binary:logistic", ["logloss", "auc", "aucpr", "error", "error@0.7", "rmse", "mae"], two)
case("binary:logitraw", ["auc", "aucpr", "error", "error@0.7", "rmse", "mae"], two)
case("multi:softprob", ["mlogloss", "merror", "auc", "aucpr"], three, several, num_class=3)
plain = ["rmse", "rmsle", "mae", "mape", "mphe"]
case("reg:squarederror", plain, number, np.abs(margins))
case("reg:squaredlogerror", plain, number, np.abs(margins))
case("reg:pseudohubererror", plain, number, np.abs(margins), huber_slope=1.5)
case("reg:logistic", plain, (number / 10).clip(0.1, 1))
case("reg:quantileerror", ["quantile", "mae"], number, quantile_alpha=0.8)
case("count:poisson", ["poisson-nloglik", *plain], np.ceil(number))
case("reg:gamma", ["gamma-nloglik", "gamma-deviance", *plain], number)
case(
    "reg:tweedie", ["tweedie-nloglik@1.3", "tweedie-nloglik@1.7", *plain], number, tweedie_variance_power=1.3
)
case("rank:ndcg", ["ndcg", "ndcg@3", "ndcg@3-", "ndcg-"], grades, apart)
case("rank:pairwise", ["map", "map@2", "map@2-", "map-", "ndcg@2"], relevant, apart)

assert all(np.isfinite(value) for one in cases for value in one["metrics"].values())
(HERE / "metrics.json").write_text(json.dumps(cases, separators=(",", ":")))
