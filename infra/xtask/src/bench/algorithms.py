"""What `cargo xtask bench algorithms` asks of Python: makes the data, and times one peer: its bare calls, and the same whole
steps that ours are: from a file to files.

Called with one line of JSON; answers with one line of JSON. A peer runs in a process of its own, so that its peak memory
is its own.
"""

import json
import os
import pickle
import resource
import sys
import time

import numpy as np


TRANSFORMERS = ("pca", "truncated-svd")


def make(folder, rows, columns, test):
    """Ten clouds of correlated numbers; a number and two classes that follow from them, not only linearly, with noise."""
    import pyarrow as pa
    import pyarrow.parquet as parquet

    rng = np.random.default_rng(7)
    centres = rng.normal(size=(10, columns))
    mixing = np.eye(columns) + 0.2 * rng.normal(size=(columns, columns)) / np.sqrt(columns)
    slopes = rng.normal(size=columns) * (np.arange(columns) < columns // 2)
    for name, count in [("train", rows), ("test", test)]:
        x = (centres[rng.integers(10, size=count)] + rng.normal(size=(count, columns))) @ mixing
        signal = x @ slopes + 2 * x[:, 0] * x[:, 1] + 3 * np.sin(2 * x[:, 2]) + 2 * (x[:, 3] > x[:, 4])
        value = signal + rng.normal(size=count)
        label = (rng.random(count) < 1 / (1 + np.exp(-(signal - 1)))).astype(np.int64)
        arrays = {f"x{i}": np.ascontiguousarray(x[:, i]) for i in range(columns)}
        table = pa.table({**arrays, "label": label, "value": value})
        parquet.write_table(table, f"{folder}/{name}.parquet")
        write_arrow(f"{folder}/{name}.arrow", table)
        for part, array in [("x", x), ("label", label), ("value", value)]:
            np.save(f"{folder}/{name}-{part}.npy", array)
    return {}


def write_arrow(path, table):
    """The format between our steps, as durable as there."""
    import pyarrow as pa

    with open(path, "wb") as file:
        with pa.ipc.new_stream(file, table.schema) as stream:
            stream.write_table(table)
        file.flush()
        os.fsync(file.fileno())


def read_arrow(path, target=None):
    """Features, and the target if one is asked for."""
    import pyarrow as pa

    with pa.memory_map(path) as file:
        table = pa.ipc.open_stream(file).read_all()
        names = [name for name in table.column_names if name.startswith("x")]
        x = np.empty((table.num_rows, len(names)))
        for i, name in enumerate(names):
            x[:, i] = table[name].to_numpy()
        return x, table[target].to_numpy() if target else None


def boosted(peer, target, seed):
    kind = "Classifier" if target == "label" else "Regressor"
    if peer == "xgboost":
        import xgboost

        model = getattr(xgboost, f"XGB{kind}")
        return model(n_estimators=100, max_depth=6, learning_rate=0.1, tree_method="hist", n_jobs=1, random_state=seed)
    if peer == "lightgbm":
        import lightgbm

        model = getattr(lightgbm, f"LGBM{kind}")
        return model(n_estimators=100, max_depth=6, num_leaves=64, learning_rate=0.1, n_jobs=1, verbose=-1,
                     random_state=seed)
    import sklearn.ensemble

    model = getattr(sklearn.ensemble, f"HistGradientBoosting{kind}")
    return model(max_iter=100, max_depth=6, max_leaf_nodes=64, learning_rate=0.1, early_stopping=False,
                 random_state=seed)


def model_of(peer, function, target, given, seed):
    """The peer's model with the parameters that ours gets."""
    if function == "gradient-boosting":
        return boosted(peer, target, seed)
    if function == "random-forest":
        from sklearn.ensemble import RandomForestClassifier

        return RandomForestClassifier(n_estimators=given["n_estimators"], n_jobs=1, random_state=seed)
    if function == "extra-trees":
        from sklearn.ensemble import ExtraTreesClassifier

        return ExtraTreesClassifier(n_estimators=given["n_estimators"], n_jobs=1, random_state=seed)
    if function == "decision-tree":
        from sklearn.tree import DecisionTreeClassifier

        return DecisionTreeClassifier(random_state=seed)
    if function in ("linear-regression", "ridge", "lasso", "elastic-net", "logistic-regression"):
        from sklearn import linear_model

        names = {"elastic-net": "ElasticNet", "logistic-regression": "LogisticRegression"}
        name = names.get(function, function.title().replace("-", ""))
        return getattr(linear_model, name)(**given)
    if function == "k-means":
        from sklearn.cluster import KMeans

        return KMeans(n_clusters=given["n_clusters"], n_init=1, random_state=seed)
    if function == "pca":
        from sklearn.decomposition import PCA

        return PCA(n_components=given["n_components"], random_state=seed)
    if function == "truncated-svd":
        from sklearn.decomposition import TruncatedSVD

        return TruncatedSVD(n_components=given["n_components"], random_state=seed)
    if function == "naive-bayes":
        from sklearn.naive_bayes import GaussianNB

        return GaussianNB()
    if function == "knn":
        from sklearn.neighbors import KNeighborsClassifier

        return KNeighborsClassifier(n_neighbors=given["n_neighbors"], n_jobs=1)
    if function == "svm":
        from sklearn.svm import SVC

        return SVC()
    raise SystemExit(f"no peer for {function}")


def quality(metric, model, predicted, true):
    if metric == "train:inertia":
        return float(model.inertia_)
    if metric == "explained_variance_ratio":
        return float(model.explained_variance_ratio_.sum())
    from sklearn import metrics

    if metric == "auc":
        return float(metrics.roc_auc_score(true, predicted[:, 1]))
    if metric == "r2":
        return float(metrics.r2_score(true, predicted))
    return float(metrics.accuracy_score(true, predicted))


def measure(folder, peer, function, target, metric, given, rows, seed):
    def load(part, count=None):
        return np.load(f"{folder}/{part}.npy")[:count]

    x, test = load("train-x", rows), load("test-x")
    y, true = (load(f"train-{target}", rows), load(f"test-{target}")) if target else (None, None)
    model = model_of(peer, function, target, given, seed)
    # The step of a transformer writes its rows transformed as well.
    learn = model.fit_transform if function in TRANSFORMERS else model.fit
    began = time.perf_counter()
    learn(x, y) if target else learn(x)
    fit = time.perf_counter() - began
    # The step writes probabilities where the model has them.
    how = {"auc": "predict_proba", "explained_variance_ratio": "transform"}.get(metric, "predict")
    began = time.perf_counter()
    predicted = getattr(model, how)(test)
    predict = time.perf_counter() - began
    # Before the quality is taken, which is no part of the job.
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
    found = quality(metric, model, predicted, true)
    steps = whole_steps(folder, model_of(peer, function, target, given, seed), function, target, how, rows)
    return {"fit": fit, "predict": predict, "quality": found, "memory": memory, **steps}


def whole_steps(folder, model, function, target, how, rows):
    """Reads a table, fits, scores the training rows where our step does, keeps the model; loads it, reads rows, predicts them,
    and writes what comes out. The libraries are loaded and warm."""
    import pyarrow as pa

    folder_of_results = f"{folder}/peer"
    os.makedirs(folder_of_results, exist_ok=True)
    kept, out = f"{folder_of_results}/model.pickle", f"{folder_of_results}/out.arrow"

    def table(array):
        columns = array.reshape(len(array), -1)
        return pa.table({f"c{i}": np.ascontiguousarray(columns[:, i]) for i in range(columns.shape[1])})

    began = time.perf_counter()
    x, y = read_arrow(f"{folder}/train.arrow", target)
    x, y = x[:rows], None if y is None else y[:rows]
    if function in TRANSFORMERS:
        write_arrow(out, table(model.fit_transform(x)))
    else:
        model.fit(x, y)
    if target and function != "knn":
        model.score(x, y)
    with open(kept, "wb") as file:
        pickle.dump(model, file, protocol=5)
        file.flush()
        os.fsync(file.fileno())
    fit_step = time.perf_counter() - began

    began = time.perf_counter()
    with open(kept, "rb") as file:
        model = pickle.load(file)
    x, _ = read_arrow(f"{folder}/test.arrow")
    write_arrow(out, table(getattr(model, how)(x)))
    return {"fit_step": fit_step, "predict_step": time.perf_counter() - began}


wanted = json.loads(sys.argv[1])
print(json.dumps({"make": make, "measure": measure}[wanted.pop("do")](**wanted)))
