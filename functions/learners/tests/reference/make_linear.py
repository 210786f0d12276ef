"""Writes linear.json: what scikit-learn says of ridge, lasso, elastic net, sparse logistic regression and support
vector machines on the data that tests/linear.rs gives to our kernels. Needs what make.py needs.

    /tmp/reference/bin/python make_linear.py
"""

import json
import pathlib
import warnings

import numpy as np
from make import rounded, small
from sklearn import linear_model, svm

HERE = pathlib.Path(__file__).parent
warnings.filterwarnings("ignore")


def lines(x, w, y):
    def solution(model, weights=None):
        model.fit(x, y, weights)
        return {"coefficients": rounded(model.coef_), "intercept": rounded(model.intercept_)}

    tight = {"tol": 1e-14, "max_iter": 100_000}
    return {
        "ridge": solution(linear_model.Ridge(0.7)),
        "ridge_weighted": solution(linear_model.Ridge(0.7), w),
        "ridge_origin": solution(linear_model.Ridge(0.7, fit_intercept=False)),
        "lasso": solution(linear_model.Lasso(0.2, **tight)),
        "lasso_weighted": solution(linear_model.Lasso(0.2, **tight), w),
        "lasso_positive": solution(linear_model.Lasso(0.2, positive=True, **tight)),
        "net": solution(linear_model.ElasticNet(0.2, l1_ratio=0.4, **tight)),
        "net_weighted": solution(linear_model.ElasticNet(0.2, l1_ratio=0.4, **tight), w),
        "net_origin": solution(linear_model.ElasticNet(0.2, l1_ratio=0.4, fit_intercept=False, **tight)),
        "alphas": rounded(linear_model.enet_path(x - x.mean(0), y - y.mean(), l1_ratio=0.4, eps=0.01, n_alphas=5)[0]),
    }


def sparse(x, w, two, three):
    def solution(y, weights=None, **options):
        options = {"solver": "saga", "tol": 1e-12, "max_iter": 200_000} | options
        model = linear_model.LogisticRegression(**options).fit(x[:, :3], y, weights)
        return {"coefficients": rounded(model.coef_.ravel()), "intercepts": rounded(model.intercept_)}

    return {
        "l1": solution(two, l1_ratio=1.0, C=0.3),
        "net": solution(two, w, l1_ratio=0.4, C=0.3),
        "l1_multinomial": solution(three, l1_ratio=1.0, C=0.3),
    }


def machines(x, w, number, two, three):
    def decisions(model, y, weights=None):
        model.fit(x, y, weights)
        values = model.decision_function(x) if hasattr(model, "decision_function") else model.predict(x)
        return {"values": rounded(np.ravel(values)), "support": int(len(model.support_))}

    tight = {"tol": 1e-9}
    ovo = tight | {"decision_function_shape": "ovo"}
    return {
        "rbf": decisions(svm.SVC(**tight), two),
        "rbf_weighted": decisions(svm.SVC(C=2.0, gamma=0.3, **tight), two, w),
        "linear": decisions(svm.SVC(kernel="linear", **tight), two),
        "poly": decisions(svm.SVC(kernel="poly", coef0=1.0, degree=2, **tight), two),
        "sigmoid": decisions(svm.SVC(kernel="sigmoid", gamma=0.2, coef0=-0.3, **tight), two),
        "balanced": decisions(svm.SVC(class_weight="balanced", **tight), two),
        "three": decisions(svm.SVC(**ovo), three),
        "svr": decisions(svm.SVR(**tight), number),
        "svr_weighted": decisions(svm.SVR(C=3.0, epsilon=0.3, **tight), number, w),
        "svr_linear": decisions(svm.SVR(kernel="linear", **tight), number),
    }


def main():
    x, w, number, two, three = small()
    reference = {
        "lines": lines(x, w, number),
        "sparse": sparse(x, w, two, three),
        "machines": machines(x[:, :3], w, number, two, three),
    }
    (HERE / "linear.json").write_text(json.dumps(reference, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
