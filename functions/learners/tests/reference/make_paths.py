"""Writes paths.json: what scikit-learn's LassoCV and ElasticNetCV choose on the small table of reference.json, for
functions/algorithms/lasso and functions/algorithms/elastic-net.

    python3 -m venv /tmp/reference && /tmp/reference/bin/pip install scikit-learn==1.9.1 numpy==2.4.6
    /tmp/reference/bin/python make_paths.py
"""

import json
import pathlib

import numpy as np
from sklearn.linear_model import ElasticNetCV, LassoCV, enet_path
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HERE = pathlib.Path(__file__).parent


def rounded(value):
    return [rounded(v) for v in value] if np.ndim(value) else float(f"{float(value):.15g}")


def main():
    data = json.loads((HERE / "reference.json").read_text())["data"]
    x, y, w = np.array(data["x"]).reshape(-1, 4), np.array(data["number"]), np.array(data["weights"])
    tight = {"alphas": 20, "eps": 0.01, "tol": 1e-12, "max_iter": 100_000}

    def chosen(model, weights=None):
        model.fit(x, y, weights)
        return {
            "alpha": rounded(model.alpha_),
            "alphas": rounded(model.alphas_),
            "mse": rounded(model.mse_path_.mean(-1)),
            "coefficients": rounded(model.coef_),
            "intercept": rounded(model.intercept_),
        }

    result = {
        "lasso": chosen(LassoCV(cv=5, **tight)),
        "lasso_weighted": chosen(LassoCV(cv=7, **tight), w),
        "net": chosen(ElasticNetCV(cv=4, l1_ratio=0.4, **tight)),
        "net_positive": chosen(ElasticNetCV(cv=4, l1_ratio=0.4, positive=True, **tight)),
    }
    _, path, _ = enet_path(
        x - x.mean(0), y - y.mean(), l1_ratio=0.4, alphas=result["net"]["alphas"], tol=1e-12, max_iter=100_000
    )
    result["net"]["path"] = rounded(path.T)
    scaled = make_pipeline(StandardScaler(), LassoCV(cv=5, **tight)).fit(x * [1, 10, 100, 1000], y)
    result["lasso_standardized"] = {
        "alpha": rounded(scaled[-1].alpha_),
        "standardized": rounded(scaled[-1].coef_),
    }
    (HERE / "paths.json").write_text(json.dumps(result, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
