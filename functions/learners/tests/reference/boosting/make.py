"""Writes what XGBoost 3.2.0 and LightGBM 4.7.0 say: small models in their own formats and predictions by them
(`expected.json`), which tests/exchange.rs holds our readings of the files against.

    python3 -m venv /tmp/reference && /tmp/reference/bin/pip install xgboost==3.2.0 lightgbm==4.7.0 \
        numpy==2.4.6
    /tmp/reference/bin/python make.py
"""

import json
import pathlib

import lightgbm
import numpy as np
import xgboost

HERE = pathlib.Path(__file__).parent
ROWS = 300
SHOWN = 20

rng = np.random.default_rng(3)
x = rng.normal(size=(ROWS, 5)).round(2)
x[:, 3] = rng.integers(0, 12, ROWS)  # categories
x[:, 4] = np.abs(x[:, 4])
x[rng.random(x.shape) < 0.1] = np.nan
filled = np.nan_to_num(x)
score = filled[:, 0] + 2 * (filled[:, 3] % 3 == 1) - filled[:, 1] * filled[:, 2]
noise = rng.normal(size=ROWS)
two = (score + noise > 0.3).astype(int)
three = np.digitize(score + noise, [-0.3, 1.0])
number = (score + noise).round(3)
count = rng.poisson(np.exp(score / 3))
positive = np.exp(score / 3 + noise / 4).round(3) + 0.01
groups = np.sort(rng.integers(0, 12, ROWS))

# Values that single precision cannot tell from thresholds, and categories that no tree knows.
shown = x[:SHOWN].copy()
shown[0, :3] += 1e-9
shown[1, :3] -= 1e-9
shown[2, 3], shown[3, 3], shown[4, 3] = 99, -1, 2.7
expected = {"x": [[None if np.isnan(v) else v for v in row] for row in shown], "models": {}}


def numbers(values):
    return [float(f"{v:.9g}") for v in np.ravel(values)]


def boosted(name, y, suffix="json", categories=True, group=None, rounds=4, **params):
    types = ["q", "q", "q", "c" if categories else "q", "q"]
    data = xgboost.DMatrix(x, y, feature_types=types, enable_categorical=True, qid=group)
    params = {"max_depth": 3, "nthread": 1, "max_bin": 32} | params
    model = xgboost.train(params, data, rounds)
    if params.get("booster") == "dart" or categories is False:
        types[3] = "q"
    test = xgboost.DMatrix(shown, feature_types=types, enable_categorical=True)
    file = f"{name}.{suffix}"
    model.save_model(HERE / file)
    expected["models"][file] = {
        "prediction": numbers(model.predict(test)),
        "margin": numbers(model.predict(test, output_margin=True)),
        "contributions": numbers(model.predict(test, pred_contribs=True)),
        "gain": {k[1:]: v for k, v in model.get_score(importance_type="gain").items()},
        "cover": {k[1:]: v for k, v in model.get_score(importance_type="cover").items()},
        "weight": {k[1:]: v for k, v in model.get_score(importance_type="weight").items()},
    }


boosted("binary", two, objective="binary:logistic")
boosted("binary", two, "ubj", objective="binary:logistic")
boosted("onehot", two, objective="binary:logistic", max_cat_to_onehot=100)
boosted("multi", three, objective="multi:softprob", num_class=3)
boosted("multi", three, "ubj", objective="multi:softprob", num_class=3, num_parallel_tree=2, subsample=0.7, rounds=2)
boosted("lossguide", number, "ubj", categories=False, grow_policy="lossguide", max_leaves=9, max_depth=0)
boosted("dart", number, categories=False, booster="dart", rate_drop=0.5)
boosted("absolute", number, objective="reg:absoluteerror", rounds=2)
boosted("quantile", number, objective="reg:quantileerror", quantile_alpha=0.8, rounds=2)
boosted("huber", number, objective="reg:pseudohubererror", rounds=2)
boosted("poisson", count, objective="count:poisson", rounds=2)
boosted("gamma", positive, objective="reg:gamma", rounds=2)
boosted("tweedie", count, objective="reg:tweedie", tweedie_variance_power=1.3, rounds=2)
boosted("rank", np.clip(count, 0, 4), objective="rank:ndcg", group=groups, rounds=2)


def light(name, y, rounds=4, categories=True, missing=True, **params):
    known = x if missing else filled
    data = lightgbm.Dataset(known, y, categorical_feature=[3] if categories else [])
    params = {"num_leaves": 7, "num_threads": 1, "verbose": -1, "min_data_in_leaf": 5} | params
    model = lightgbm.train(params | {"cat_smooth": 1, "min_data_per_group": 2, "cat_l2": 1}, data, rounds)
    file = f"{name}.txt"
    model.save_model(HERE / file)
    expected["models"][file] = {
        "prediction": numbers(model.predict(shown)),
        "margin": numbers(model.predict(shown, raw_score=True)),
        "contributions": numbers(model.predict(shown, pred_contrib=True)),
    }


light("light_number", number, objective="regression")
light("light_binary", two, objective="binary")
light("light_multi", three, objective="multiclass", num_class=3, rounds=2)
light("light_poisson", count, objective="poisson", categories=False)
light("light_complete", number, objective="regression", categories=False, missing=False)

(HERE / "expected.json").write_text(json.dumps(expected, separators=(",", ":")))
