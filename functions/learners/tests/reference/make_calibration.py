"""Writes calibration.json: what scikit-learn's CalibratedClassifierCV makes of a fitted logistic regression on the small
table of reference.json, for tests/calibration.rs. The model learns from the even rows, the calibration from the odd ones.

    python3 -m venv /tmp/reference && /tmp/reference/bin/pip install scikit-learn==1.9.1 numpy==2.4.6
    /tmp/reference/bin/python make_calibration.py
"""

import json
import pathlib
import warnings

import numpy as np
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression

HERE = pathlib.Path(__file__).parent
# That weights count for the calibration alone, as they shall.
warnings.filterwarnings("ignore")


def rounded(value):
    return [rounded(v) for v in value] if np.ndim(value) else float(f"{float(value):.15g}")


def main():
    data = json.loads((HERE / "reference.json").read_text())["data"]
    x, w = np.array(data["x"]).reshape(-1, 4), np.array(data["weights"])
    result = {}
    for name in ["two", "three"]:
        y = np.array(data[name], dtype=int)
        model = LogisticRegression(C=0.5, tol=1e-12, max_iter=10_000).fit(x[::2], y[::2])
        for method in ["sigmoid", "isotonic"]:
            for weighted, weights in [("", None), ("_weighted", w[1::2])]:
                calibrated = CalibratedClassifierCV(FrozenEstimator(model), method=method, ensemble=False)
                calibrated.fit(x[1::2], y[1::2], weights)
                # The one calibrator of a frozen model is fitted on all rows.
                assert len(calibrated.calibrated_classifiers_) == 1
                result[f"{name}_{method}{weighted}"] = rounded(calibrated.predict_proba(x).ravel())
    (HERE / "calibration.json").write_text(json.dumps(result, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
