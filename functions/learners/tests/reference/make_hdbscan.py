"""Writes hdbscan.json: where the package hdbscan puts new rows, for tests/neighbours.rs.

    python3 -m venv /tmp/reference && /tmp/reference/bin/pip install hdbscan==0.8.44 scikit-learn==1.9.1 numpy==2.4.6
    /tmp/reference/bin/python make_hdbscan.py

Its `min_samples` does not count the row itself, as scikit-learn's and ours does: it is given one less. Where distances of
reach are equal, the two packages may part clusters otherwise: cases are kept in which they agree on the fitted rows.
"""

import json
import pathlib

import hdbscan
import numpy as np
from sklearn import cluster
from sklearn.metrics import adjusted_rand_score


def rounded(value):
    return [rounded(v) for v in value] if np.ndim(value) else float(f"{float(value):.12g}")


def main():
    rng = np.random.default_rng(23)
    dense = rng.normal(size=(60, 2)) * 0.5
    twins = np.concatenate([rng.normal(size=(40, 2)) * 0.3 + [6, 0], rng.normal(size=(40, 2)) * 0.3 + [8, 1]])
    thin = rng.normal(size=(50, 2)) * 2 + [0, 15]
    x = np.concatenate([dense, twins, thin, rng.uniform(-10, 25, size=(20, 2))]).round(4)
    new = np.concatenate([rng.normal(size=(40, 2)) * 2 + [4, 2], rng.uniform(-10, 25, size=(60, 2))]).round(4)
    cases = []
    for size, samples in [(5, 5), (10, 4), (15, 8)]:
        for method in ["eom", "leaf"]:
            for metric in ["euclidean", "manhattan"]:
                model = hdbscan.HDBSCAN(
                    min_cluster_size=size, min_samples=samples - 1, cluster_selection_method=method, metric=metric,
                    approx_min_span_tree=False, prediction_data=True,
                ).fit(x)
                theirs = cluster.HDBSCAN(
                    min_cluster_size=size, min_samples=samples, cluster_selection_method=method, metric=metric, copy=True
                ).fit(x)
                if adjusted_rand_score(theirs.labels_, model.labels_) < 1:
                    continue
                labels, strengths = hdbscan.approximate_predict(model, new)
                cases.append({
                    "min_cluster_size": size, "min_samples": samples, "method": method, "metric": metric,
                    "fitted": model.labels_.tolist(), "labels": labels.tolist(), "strengths": rounded(strengths),
                })
    assert len(cases) >= 10
    result = {"x": rounded(x.ravel()), "new": rounded(new.ravel()), "cases": cases}
    (pathlib.Path(__file__).parent / "hdbscan.json").write_text(json.dumps(result, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
