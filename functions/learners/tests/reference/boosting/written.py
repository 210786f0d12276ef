"""Has XGBoost 3.2.0 read the models that our kernel wrote into `written`, and writes down what it predicts
(`written/predictions.json`), which tests/exchange.rs holds our predictions against. The models and `written/rows.json` come
from that test:

    MILLSTREAM_WRITE_REFERENCE=1 cargo test --release -p millstream-learners --test exchange xgboost_predicts
    /tmp/reference/bin/pip install pandas pyarrow
    /tmp/reference/bin/python written.py

See make.py for the other packages.
"""

import json
import pathlib

import numpy as np
import pandas
import pyarrow
import xgboost

HERE = pathlib.Path(__file__).parent / "written"

columns = json.loads((HERE / "rows.json").read_text())["x"]
x, kind, z = (np.array([np.nan if v is None else v for v in column]) for column in columns)
names = ["x", "kind", "z"]
codes = xgboost.DMatrix(
    np.column_stack([x, kind, z]), feature_names=names, feature_types=["float", "c", "float"], enable_categorical=True
)
# In another order than the model's: XGBoost finds the codes by the texts.
texts = pandas.Categorical([f"kind {int(k)}" for k in kind], categories=[f"kind {k}" for k in reversed(range(9))])
frame = xgboost.DMatrix(pandas.DataFrame({"x": x, "kind": texts, "z": z}), enable_categorical=True)
# Names beyond ASCII, which XGBoost 3.2 misreads from pandas.
letters = pyarrow.table({"x": x, "kind": pyarrow.array([f"Größe {int(k)}" for k in kind]).dictionary_encode(), "z": z})
letters = xgboost.DMatrix(letters, enable_categorical=True)

models = {}
for file in sorted([*HERE.glob("*_*.json"), *HERE.glob("*.ubj")]):
    booster = xgboost.Booster(model_file=file)
    assert booster.feature_names == names and booster.feature_types == ["float", "c", "float"], file
    rows = letters if "letters" in file.stem else frame if "_forest" in file.stem else codes
    predicted = booster.predict(rows)
    assert booster.num_boosted_rounds() == 2, file
    models[file.name] = [float(f"{v:.9g}") for v in np.ravel(predicted)]

(HERE / "predictions.json").write_text(json.dumps({"models": models}, separators=(",", ":")))
