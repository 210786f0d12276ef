"""Writes reference.json: what scikit-learn says of the data that tests/reference.rs gives to our kernels.

    python3 -m venv /tmp/reference && /tmp/reference/bin/pip install scikit-learn==1.9.1 numpy==2.4.6
    /tmp/reference/bin/python make.py
"""

import json
import pathlib

import numpy as np
from sklearn import linear_model, metrics


def rounded(value):
    return [rounded(v) for v in value] if np.ndim(value) else float(f"{float(value):.15g}")


def small():
    """Small tables of random numbers, weights and labels, in full."""
    rng = np.random.default_rng(7)
    n = 60
    x = rng.normal(size=(n, 4)).round(3)
    x[:, 3] = (x[:, 0] - 2 * x[:, 1]).round(3)  # depends on the others
    w = rng.uniform(0.2, 3, n).round(3)
    number = (x[:, 0] - 2 * x[:, 2] + 3 + rng.normal(size=n)).round(3)
    two = (x[:, 0] + rng.normal(size=n) > 0.2).astype(int)
    three = np.digitize(x[:, 1] + rng.normal(size=n), [-0.6, 0.6])
    return x, w, number, two, three


def linear(x, w, y):
    def solution(model):
        return {"coefficients": rounded(model.coef_), "intercept": rounded(model.intercept_)}

    return {
        "plain": solution(linear_model.LinearRegression().fit(x[:, :3], y)),
        "weighted": solution(linear_model.LinearRegression().fit(x[:, :3], y, w)),
        "origin": solution(linear_model.LinearRegression(fit_intercept=False).fit(x[:, :3], y)),
        "dependent": solution(linear_model.LinearRegression().fit(x, y)),
        "wide": solution(linear_model.LinearRegression().fit(x[:3], y[:3])),
    }


def logistic(x, w, two, three):
    def solution(y, weights=None, **options):
        options = {"C": 1.0, "tol": 1e-12, "max_iter": 100_000} | options
        model = linear_model.LogisticRegression(**options).fit(x[:, :3], y, weights)
        return {"coefficients": rounded(model.coef_.ravel()), "intercepts": rounded(model.intercept_)}

    return {
        "binary": solution(two),
        "strong": solution(two, C=0.05),
        "weighted": solution(two, w),
        "balanced": solution(two, class_weight="balanced"),
        "origin": solution(two, fit_intercept=False),
        "multinomial": solution(three),
        "multinomial_weighted": solution(three, w, C=3.0),
    }


def scores(w, number, two, three):
    rng = np.random.default_rng(11)
    n = len(number)
    guess = (number + rng.normal(size=n)).round(2)
    p = np.clip((two * 0.4 + rng.uniform(0, 0.6, n)).round(2), 0, 1)  # with ties
    q = rng.dirichlet([1, 1, 1], n) * 0.6
    q[np.arange(n), three] += 0.4
    q /= q.sum(1, keepdims=True)

    def regression(weights):
        m = {"sample_weight": weights}
        return {
            "mse": metrics.mean_squared_error(number, guess, **m),
            "rmse": metrics.root_mean_squared_error(number, guess, **m),
            "mae": metrics.mean_absolute_error(number, guess, **m),
            "median_ae": metrics.median_absolute_error(number, guess, **m),
            "mape": metrics.mean_absolute_percentage_error(number, guess, **m),
            "max_error": metrics.max_error(number, guess),
            "r2": metrics.r2_score(number, guess, **m),
            "explained_variance": metrics.explained_variance_score(number, guess, **m),
        }

    def binary(weights):
        m = {"sample_weight": weights}
        hard = (p >= 0.5).astype(int)
        return {
            "accuracy": metrics.accuracy_score(two, hard, **m),
            "balanced_accuracy": metrics.balanced_accuracy_score(two, hard, **m),
            "precision": metrics.precision_score(two, hard, **m),
            "recall": metrics.recall_score(two, hard, **m),
            "f1": metrics.f1_score(two, hard, **m),
            "mcc": metrics.matthews_corrcoef(two, hard, **m),
            "log_loss": metrics.log_loss(two, p, **m),
            "brier": metrics.brier_score_loss(two, p, **m),
            "roc_auc": metrics.roc_auc_score(two, p, **m),
            "pr_auc": metrics.average_precision_score(two, p, **m),
        }

    def multiclass(weights):
        m = {"sample_weight": weights}
        hard = q.argmax(1)
        result = {
            "accuracy": metrics.accuracy_score(three, hard, **m),
            "balanced_accuracy": metrics.balanced_accuracy_score(three, hard, **m),
            "log_loss": metrics.log_loss(three, q, **m),
            "kappa": metrics.cohen_kappa_score(three, hard, **m),
            "mcc": metrics.matthews_corrcoef(three, hard, **m),
            "roc_auc": metrics.roc_auc_score(three, q, multi_class="ovr", average="macro", **m),
        }
        for average in ["macro", "micro", "weighted"]:
            values = metrics.precision_recall_fscore_support(three, hard, average=average, **m)
            result |= {f"{average}_{name}": v for name, v in zip(["precision", "recall", "f1"], values)}
        return result

    def finished(figures):
        return {name: rounded(value) for name, value in figures.items()}

    fpr, tpr, _ = metrics.roc_curve(two, p, drop_intermediate=False)
    precision, recall, _ = metrics.precision_recall_curve(two, p)
    return {
        "guess": rounded(guess),
        "p": rounded(p),
        "q": rounded(q.ravel()),
        "regression": [finished(regression(None)), finished(regression(w))],
        "binary": [finished(binary(None)), finished(binary(w))],
        "multiclass": [finished(multiclass(None)), finished(multiclass(w))],
        "roc": {"x": rounded(fpr), "y": rounded(tpr)},
        "precision_recall": {"x": rounded(recall[::-1]), "y": rounded(precision[::-1])},
    }


def clusters(x):
    labels = np.digitize(x[:, 0], [-0.5, 0.5])
    other = np.digitize(x[:, 1], [0.0])
    return {
        "labels": labels.tolist(),
        "other": other.tolist(),
        "silhouette": rounded(metrics.silhouette_score(x, labels)),
        "davies_bouldin": rounded(metrics.davies_bouldin_score(x, labels)),
        "calinski_harabasz": rounded(metrics.calinski_harabasz_score(x, labels)),
        "adjusted_rand": rounded(metrics.adjusted_rand_score(other, labels)),
        "nmi": rounded(metrics.normalized_mutual_info_score(other, labels)),
    }


def main():
    x, w, number, two, three = small()
    reference = {
        "data": {
            "x": rounded(x.ravel()),
            "width": x.shape[1],
            "weights": rounded(w),
            "number": rounded(number),
            "two": two.tolist(),
            "three": three.tolist(),
        },
        "linear": linear(x, w, number),
        "logistic": logistic(x, w, two, three),
        "scores": scores(w, number, two, three),
        "clusters": clusters(x),
    }
    path = pathlib.Path(__file__).with_name("reference.json")
    path.write_text(json.dumps(reference, indent=None, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
