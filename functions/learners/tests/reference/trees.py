"""Writes trees.json: what scikit-learn's trees say of the data that tests/trees.rs gives to ours.

    python3 -m venv /tmp/reference && /tmp/reference/bin/pip install scikit-learn==1.9.1 numpy==2.4.6
    /tmp/reference/bin/python trees.py

Where splits tie, scikit-learn draws the feature: trees are asked for that do not depend on the draw.
"""

import json
import pathlib

import numpy as np
from sklearn import ensemble, tree

HERE = pathlib.Path(__file__).parent


def rounded(value, digits=12):
    return [rounded(v, digits) for v in value] if np.ndim(value) else float(f"{float(value):.{digits}g}")


def small():
    rng = np.random.default_rng(3)
    x = rng.normal(size=(120, 4)).round(6)
    weights = rng.uniform(0.2, 3, 80).round(3)
    noise = rng.normal(size=80)
    number = (x[:80, 0] * 2 - x[:80, 2] ** 2 + noise * 0.5 + 100).round(6)
    two = (x[:80, 0] + x[:80, 1] + 0.5 * noise > 0.3).astype(int)
    three = np.digitize(x[:80, 1] - x[:80, 2] + 0.5 * noise, [-0.8, 0.8])
    return x, weights, number, two, three


def trees():
    x, weights, number, two, three = small()
    train, test = x[:80], x[80:]
    names = ["a", "b", "c", "d"]
    result = []

    def ask(target, weighted=False, **options):
        make = tree.DecisionTreeRegressor if target == "number" else tree.DecisionTreeClassifier
        y = {"number": number, "two": two, "three": three}[target]
        fits = [
            make(random_state=seed, **options).fit(train, y, weights if weighted else None) for seed in range(8)
        ]
        texts = {tree.export_text(fit, feature_names=names) for fit in fits}
        assert len(texts) == 1, (target, options, "the draw matters")
        model = fits[0]
        predicted = model.predict(test) if target == "number" else model.predict_proba(test).ravel()
        result.append(
            {
                "target": target,
                "weighted": weighted,
                "options": options,
                "leaves": int(model.get_n_leaves()),
                "predicted": rounded(predicted),
                "importances": rounded(model.feature_importances_),
                "text": texts.pop(),
                "dot": tree.export_graphviz(
                    model, feature_names=names, class_names=None if target == "number" else ["x", "y", "z"][: len(set(y))]
                ),
            }
        )

    ask("number", max_depth=2)
    ask("number", min_samples_leaf=5)
    ask("number", weighted=True, min_samples_leaf=8)
    ask("number", max_leaf_nodes=6)
    ask("number", ccp_alpha=0.3)
    ask("number", min_impurity_decrease=0.1)
    ask("number", criterion="absolute_error", max_depth=3)
    ask("number", criterion="absolute_error", weighted=True, min_samples_leaf=6)
    ask("two", max_depth=3)
    ask("two", max_depth=3, criterion="entropy")
    ask("two", weighted=True, max_depth=3)
    ask("two", class_weight="balanced", max_leaf_nodes=5)
    ask("two", ccp_alpha=0.02)
    ask("two", min_impurity_decrease=0.02)
    ask("three", max_depth=2)
    ask("three", max_leaf_nodes=4, criterion="log_loss")
    ask("three", weighted=True, min_weight_fraction_leaf=0.1)
    ask("three", min_samples_split=30)
    return result


def isolation():
    x, *_ = small()
    x = np.vstack([x, [[6, -6, 0, 0], [0, 0, 0, 9]]])
    model = ensemble.IsolationForest(n_estimators=2000, random_state=0).fit(x)
    few = ensemble.IsolationForest(n_estimators=2000, max_samples=32, contamination=0.1, random_state=0).fit(x)
    return {"scores": rounded(model.score_samples(x), 5), "few": rounded(few.score_samples(x), 5), "offset": few.offset_}


def main():
    x, weights, number, two, three = small()
    reference = {
        "x": rounded(x.ravel()),
        "weights": rounded(weights),
        "number": rounded(number),
        "two": two.tolist(),
        "three": three.tolist(),
        "trees": trees(),
        "isolation": isolation(),
    }
    (HERE / "trees.json").write_text(json.dumps(reference, indent=None, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
