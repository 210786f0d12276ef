"""Writes models of XGBoost 3.2.0, LightGBM 4.7.0 and scikit-learn 1.9.1 (by skl2onnx 1.20.0) as people save them, with a
table of text, numbers and gaps, and what each says of its rows: tests/import.rs imports the models and predicts the table.

    python3 -m venv /tmp/reference && /tmp/reference/bin/pip install xgboost==3.2.0 lightgbm==4.7.0 scikit-learn==1.9.1 \
        skl2onnx==1.20.0 numpy==2.4.6 pandas==3.1.1
    /tmp/reference/bin/python make.py
"""

import json
import pathlib
import warnings

import lightgbm
import numpy as np
import pandas as pd
import xgboost
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType, Int64TensorType, StringTensorType
from sklearn import compose, ensemble, impute, linear_model, pipeline, preprocessing

warnings.filterwarnings("ignore")
HERE = pathlib.Path(__file__).parent
ROWS, SHOWN = 400, 40

rng = np.random.default_rng(4)
table = pd.DataFrame({
    "age": np.where(rng.random(ROWS) < 0.1, np.nan, rng.integers(18, 80, ROWS)),
    "plan": rng.choice(["basic", "plus", "pro"], ROWS),
    "zip": rng.choice([1010, 1020, 4600], ROWS),
    "calls": rng.integers(0, 9, ROWS),
})
score = (table["plan"] == "pro") * 2.0 - (table["zip"] == 1020) + table["calls"] / 4 + rng.normal(size=ROWS)
two = (score > 1.2).astype(int)
three = np.digitize(score, [0.5, 2.0])
number = (score * 3).round(2)
group = np.sort(rng.integers(0, 20, ROWS))
columns = table.astype({"plan": "category", "zip": "category"})
table[:SHOWN].to_csv(HERE / "table.csv", index=False)
expected = {}


def keep(name, values):
    expected[name] = [float(f"{v:.9g}") for v in np.ravel(values[:SHOWN])]


common = {"n_estimators": 5, "max_depth": 3, "n_jobs": 1}
boost = common | {"enable_categorical": True, "tree_method": "hist"}
model = xgboost.XGBClassifier(**boost).fit(columns, two)
model.save_model(HERE / "binary.json")
keep("binary.json", model.predict_proba(columns))
model.save_model(HERE / "binary.ubj")
keep("binary.ubj", model.predict_proba(columns))
model = xgboost.XGBClassifier(**boost).fit(columns, three)
model.save_model(HERE / "multi.ubj")
keep("multi.ubj", model.predict_proba(columns))
model = xgboost.XGBRegressor(**boost).fit(columns, number)
model.save_model(HERE / "number.json")
keep("number.json", model.predict(columns))
model = xgboost.XGBRanker(**boost).fit(columns, three, qid=group)
model.save_model(HERE / "rank.json")
keep("rank.json", model.predict(columns))
model = xgboost.XGBClassifier(**boost | {"n_estimators": 30}, early_stopping_rounds=2, learning_rate=0.9)
model.fit(columns[:300], two[:300], eval_set=[(columns[300:], two[300:])], verbose=False)
assert model.best_iteration < model.get_booster().num_boosted_rounds() - 1
model.save_model(HERE / "stopped.json")
keep("stopped.json", model.predict_proba(columns))

light = common | {"min_child_samples": 5, "verbose": -1, "min_data_per_group": 5, "cat_smooth": 1.0}
model = lightgbm.LGBMClassifier(**light).fit(columns, two)
model.booster_.save_model(HERE / "binary.txt")
keep("binary.txt", model.predict_proba(columns))
model = lightgbm.LGBMClassifier(**light).fit(columns, three)
model.booster_.save_model(HERE / "multi.txt")
keep("multi.txt", model.predict_proba(columns))
model = lightgbm.LGBMRegressor(**light).fit(columns, number)
model.booster_.save_model(HERE / "number.txt")
keep("number.txt", model.predict(columns))
model = lightgbm.LGBMRanker(**light).fit(columns, three, group=np.unique(group, return_counts=True)[1])
model.booster_.save_model(HERE / "rank.txt")
keep("rank.txt", model.predict(columns))

prepared = compose.ColumnTransformer([
    ("age", pipeline.make_pipeline(impute.SimpleImputer(), preprocessing.StandardScaler()), ["age"]),
    ("plan", preprocessing.OneHotEncoder(), ["plan"]),
    ("zip", preprocessing.OneHotEncoder(), ["zip"]),
    ("calls", preprocessing.StandardScaler(), ["calls"]),
])
types = [("age", FloatTensorType([None, 1])), ("plan", StringTensorType([None, 1])),
         ("zip", Int64TensorType([None, 1])), ("calls", FloatTensorType([None, 1]))]
for name, last, y, ask in [
    ("binary", linear_model.LogisticRegression(), np.where(two, "stays", "leaves"), "predict_proba"),
    ("multi", ensemble.RandomForestClassifier(10, max_depth=4, random_state=0), three, "predict_proba"),
    ("number", ensemble.GradientBoostingRegressor(n_estimators=10, random_state=0), number, "predict"),
]:
    model = pipeline.make_pipeline(prepared, last).fit(table, y)
    exported = to_onnx(model, initial_types=types, target_opset={"": 18, "ai.onnx.ml": 3})
    (HERE / f"{name}.onnx").write_bytes(exported.SerializeToString())
    keep(f"{name}.onnx", getattr(model, ask)(table))

(HERE / "expected.json").write_text(json.dumps(expected, separators=(",", ":")))
