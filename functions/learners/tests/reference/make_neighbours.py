"""Writes neighbours.json: what scikit-learn says of the data of tests/neighbours.rs.

    python3 -m venv /tmp/reference && /tmp/reference/bin/pip install scikit-learn==1.9.1 numpy==2.4.6
    /tmp/reference/bin/python make_neighbours.py
"""

import json
import pathlib

import numpy as np
from sklearn import cluster, decomposition, mixture, naive_bayes, neighbors


def rounded(value):
    return [rounded(v) for v in value] if np.ndim(value) else float(f"{float(value):.12g}")


def small():
    rng = np.random.default_rng(17)
    n = 80
    three = np.arange(n) % 3
    x = (rng.normal(size=(n, 4)) + 1.5 * three[:, None] * [1, -1, 0.5, 0]).round(3)
    counts = rng.poisson(2 + three[:, None] * [1, 0, 2, 0.5], size=(n, 4))
    w = rng.uniform(0.2, 3, n).round(3)
    number = (x[:, 0] - 2 * x[:, 2] + rng.normal(size=n)).round(3)
    return x, counts, w, three, number


def bayes(x, counts, w, y):
    def proba(model, x, weights=None):
        return rounded(model.fit(x, y, sample_weight=weights).predict_proba(x).ravel())

    return {
        "gaussian": proba(naive_bayes.GaussianNB(), x),
        "gaussian_weighted": proba(naive_bayes.GaussianNB(var_smoothing=1e-3), x, w),
        "gaussian_priors": proba(naive_bayes.GaussianNB(priors=[0.2, 0.3, 0.5]), x),
        "bernoulli": proba(naive_bayes.BernoulliNB(binarize=0.5), x),
        "multinomial": proba(naive_bayes.MultinomialNB(alpha=0.5), counts),
        "multinomial_weighted": proba(naive_bayes.MultinomialNB(fit_prior=False), counts, w),
        "categorical": proba(naive_bayes.CategoricalNB(min_categories=12), counts),
        "categorical_weighted": proba(naive_bayes.CategoricalNB(), counts, w),
    }


def decompositions(x):
    def described(model):
        out = model.fit_transform(x)
        return {
            "components": rounded(model.components_.ravel()),
            "variance": rounded(model.explained_variance_),
            "ratio": rounded(model.explained_variance_ratio_),
            "singular": rounded(model.singular_values_),
            "transformed": rounded(out.T.ravel()),
        }

    return {
        "pca": described(decomposition.PCA(3)),
        "share": described(decomposition.PCA(0.8)),
        "whiten": described(decomposition.PCA(2, whiten=True)),
        "svd": described(decomposition.TruncatedSVD(3, algorithm="arpack", random_state=0)),
    }


def nearest(x, y, number):
    fit, ask = slice(0, 50), slice(50, None)
    result = {}
    for metric in ["euclidean", "manhattan"]:
        for weights in ["uniform", "distance"]:
            options = {"n_neighbors": 4, "metric": metric, "weights": weights, "algorithm": "brute"}
            classes = neighbors.KNeighborsClassifier(**options).fit(x[fit], y[fit])
            numbers = neighbors.KNeighborsRegressor(**options).fit(x[fit], number[fit])
            distances, rows = classes.kneighbors(x[ask])
            result[f"{metric}_{weights}"] = {
                "distances": rounded(distances.ravel()),
                "rows": rows.ravel().tolist(),
                "proba": rounded(classes.predict_proba(x[ask]).ravel()),
                "numbers": rounded(numbers.predict(x[ask])),
            }
    return result


def clusters(x, w):
    result = {
        "dbscan": cluster.DBSCAN(eps=1.2, min_samples=4).fit(x).labels_.tolist(),
        "dbscan_weighted": cluster.DBSCAN(eps=1.0, min_samples=7).fit(x, sample_weight=w).labels_.tolist(),
        "dbscan_manhattan": cluster.DBSCAN(eps=2.0, min_samples=4, metric="manhattan").fit(x).labels_.tolist(),
    }
    for linkage in ["ward", "complete", "average", "single"]:
        model = cluster.AgglomerativeClustering(5, linkage=linkage, compute_distances=True).fit(x)
        result[linkage] = {"labels": model.labels_.tolist(), "distances": rounded(model.distances_)}
    apart = x + 4 * (np.arange(len(x)) % 3)[:, None] * [1, -1, 0.5, 0]
    for size in [5, 10]:
        for method in ["eom", "leaf"]:
            model = cluster.HDBSCAN(min_cluster_size=size, cluster_selection_method=method, copy=True).fit(apart)
            result[f"hdbscan_{method}_{size}"] = {
                "labels": model.labels_.tolist(),
                "probabilities": rounded(model.probabilities_),
            }
    for kind in ["full", "tied", "diag", "spherical"]:
        model = mixture.GaussianMixture(3, covariance_type=kind, tol=1e-10, max_iter=5000, n_init=10, random_state=0)
        model.fit(x)
        result[f"mixture_{kind}"] = {
            "lower_bound": rounded(model.lower_bound_),
            "aic": rounded(model.aic(x)),
            "bic": rounded(model.bic(x)),
            "weights": rounded(np.sort(model.weights_)),
        }
    return result


def main():
    here = pathlib.Path(__file__).parent
    x, counts, w, three, number = small()
    reference = {
        "data": {
            "x": rounded(x.ravel()),
            "counts": counts.ravel().tolist(),
            "weights": rounded(w),
            "three": three.tolist(),
            "number": rounded(number),
        },
        "bayes": bayes(x, counts, w, three),
        "decompositions": decompositions(x),
        "nearest": nearest(x, three, number),
        "clusters": clusters(x, w),
    }
    (here / "neighbours.json").write_text(json.dumps(reference, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
