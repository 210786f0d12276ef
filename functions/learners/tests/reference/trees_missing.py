"""Writes trees_missing.json: what scikit-learn's trees make of missing values, for tests/trees.rs.

    python3 -m venv /tmp/reference && /tmp/reference/bin/pip install scikit-learn==1.9.1 numpy==2.4.6
    /tmp/reference/bin/python trees_missing.py

Where splits tie, scikit-learn draws the feature: trees are asked for that do not depend on the draw.
"""

import json
import pathlib

import numpy as np
from sklearn import tree

HERE = pathlib.Path(__file__).parent


def rounded(value, digits=12):
    return [rounded(v, digits) for v in value] if np.ndim(value) else float(f"{float(value):.{digits}g}")


def main():
    rng = np.random.default_rng(11)
    n, train = 400, 250
    x = rng.normal(size=(n, 4)).round(6)
    signal = x[:, 0] - 1.5 * x[:, 1] + x[:, 2] * x[:, 3]
    # One column is missing by chance, another where its value is large, a third hardly ever.
    x[rng.random(n) < 0.2, 0] = np.nan
    hidden = (x[:, 1] > 0.4) & (rng.random(n) < 0.7)
    x[hidden, 1] = np.nan
    x[[5, 300], 3] = np.nan
    number = (signal + 0.3 * rng.normal(size=n)).round(6)
    three = np.digitize(number, [-1, 1])
    cases = []

    def ask(target, **options):
        make = tree.DecisionTreeRegressor if target == "number" else tree.DecisionTreeClassifier
        y = {"number": number, "three": three}[target][:train]
        fits = [make(random_state=seed, **options).fit(x[:train], y) for seed in range(8)]
        assert len({tree.export_text(fit) for fit in fits}) == 1, (target, options, "the draw matters")
        model = fits[0]
        predicted = model.predict(x[train:]) if target == "number" else model.predict_proba(x[train:]).ravel()
        cases.append({
            "target": target, "options": options, "leaves": int(model.get_n_leaves()),
            "predicted": rounded(predicted), "importances": rounded(model.feature_importances_),
        })

    ask("number", max_depth=3)
    ask("number", min_samples_leaf=6)
    ask("number", max_leaf_nodes=12)
    ask("three", max_depth=3)
    ask("three", min_samples_leaf=10, criterion="entropy")
    ask("three", max_leaf_nodes=7)
    result = {
        "x": [None if np.isnan(v) else v for v in x.ravel().tolist()],
        "train": train, "number": rounded(number), "three": three.tolist(), "cases": cases,
    }
    (HERE / "trees_missing.json").write_text(json.dumps(result, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
