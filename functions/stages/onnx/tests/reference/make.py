"""Writes what scikit-learn 1.9.1 and onnxruntime 1.32.0 say of models that skl2onnx 1.20.0 made: the models as ONNX, and
`expected.json` with rows and predictions, which tests/reference.rs holds ours against.

    python3 -m venv /tmp/reference && /tmp/reference/bin/pip install scikit-learn==1.9.1 skl2onnx==1.20.0 onnx==1.23.2 \
        onnxruntime==1.32.0 numpy==2.4.6
    /tmp/reference/bin/python make.py

`labels` and `values` are onnxruntime's; `original` is scikit-learn's own, for rows in the precision that the file has.
"""

import json
import pathlib
import warnings

import numpy as np
import onnxruntime
from sklearn import (
    calibration, cluster, compose, datasets, decomposition, discriminant_analysis, ensemble, feature_selection,
    gaussian_process, impute, linear_model, mixture, naive_bayes, neighbors, neural_network, pipeline, preprocessing,
    svm, tree,
)
from skl2onnx import to_onnx
from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType, Int64TensorType, StringTensorType

warnings.filterwarnings("ignore")
HERE = pathlib.Path(__file__).parent
SHOWN = 12
ROWS = 120
expected = {}

flowers, kinds = datasets.load_iris(return_X_y=True)
order = np.random.default_rng(5).permutation(len(flowers))[:ROWS]
flowers, kinds = flowers[order].astype(np.float32).astype(np.float64), kinds[order]
names = np.array(["setosa", "versicolor", "virginica"])[kinds]
two = np.where(kinds == 1, "yes", "no")
sick, progress = datasets.load_diabetes(return_X_y=True, scaled=False)
sick, progress = sick[:ROWS].astype(np.float32).astype(np.float64), progress[:ROWS] / 10
holes = flowers.copy()
holes[np.random.default_rng(7).random(holes.shape) < 0.15] = np.nan


def plain(array):
    array = np.asarray(array)
    if array.dtype.kind in "US" or array.dtype == object:
        return array.ravel().tolist()
    return [None if isinstance(v, float) and not np.isfinite(v) else v for v in array.ravel().tolist()]


def write(name, model, x, y=None, double=False, types=None, options=None, original=None, opset=18, shown=None):
    """Fits and exports a model, and keeps what it says of the first rows."""
    model.fit(x, y) if y is not None else model.fit(x)
    kind = DoubleTensorType if double else FloatTensorType
    types = types or [("X", kind([None, x.shape[1]]))]
    exported = to_onnx(model, initial_types=types, target_opset={"": opset, "ai.onnx.ml": 3}, options=options)
    exported.doc_string = ""
    (HERE / f"{name}.onnx").write_bytes(exported.SerializeToString())
    shown = x[:SHOWN] if shown is None else shown
    session = onnxruntime.InferenceSession(exported.SerializeToString(), providers=["CPUExecutionProvider"])
    if len(types) == 1:
        feed = {types[0][0]: shown.astype(np.float64 if double else np.float32)}
        columns = {f"f{i}": shown[:, i].tolist() for i in range(shown.shape[1])}
    else:
        feed, columns = {}, {}
        for column, kind in types:
            values = shown[column].to_numpy()
            dtype = {"FloatTensorType": np.float32, "Int64TensorType": np.int64, "StringTensorType": object}
            feed[column] = values.astype(dtype[type(kind).__name__]).reshape(-1, 1)
            columns[column] = values.tolist()
    record = {"columns": {k: [None if v != v else v for v in c] for k, c in columns.items()}}
    for output in session.run(None, feed):
        if isinstance(output, list):
            output = np.array([[row[key] for key in row] for row in output])
        if np.asarray(output).dtype.kind in "fd" and "values" not in record:
            record["values"] = [float(f"{v:.9g}") for v in np.ravel(output)]
        elif np.asarray(output).dtype.kind != "f" and "labels" not in record:
            record["labels"] = plain(output)
    own = original or next(
        m for m in ("predict_proba", "decision_function", "predict", "transform") if hasattr(model, m)
    )
    own = getattr(model, own)(shown)
    if own.size * 2 == len(record["values"]):  # the margin of two classes
        own = np.c_[-own, own]
    record["original"] = [float(f"{v:.17g}") for v in np.ravel(own)]
    expected[name] = record


def scaled(model, **kw):
    return pipeline.make_pipeline(preprocessing.StandardScaler(), model, **kw)


# Classes.
write("logistic", scaled(linear_model.LogisticRegression()), flowers, names)
write("logistic_two", linear_model.LogisticRegression(), flowers, two)
write("logistic_ovr_no_map", linear_model.LogisticRegression(), flowers, kinds, options={"zipmap": False})
write("linear_svc", svm.LinearSVC(), flowers, names, options=None)
write("ridge_classifier", linear_model.RidgeClassifier(), flowers, two)
write("sgd_hinge", scaled(linear_model.SGDClassifier(random_state=0)), flowers, names)
write("sgd_log", scaled(linear_model.SGDClassifier(loss="log_loss", random_state=0)), flowers, kinds)
write("tree", tree.DecisionTreeClassifier(max_depth=4), flowers, names)
write("forest", ensemble.RandomForestClassifier(20, max_depth=4, random_state=0), flowers, kinds)
write("forest_two", ensemble.RandomForestClassifier(20, max_depth=4, random_state=0), flowers, two)
write("forest_missing", ensemble.RandomForestClassifier(10, max_depth=4, random_state=0), holes, names)
write("extra_trees", ensemble.ExtraTreesClassifier(10, max_depth=4, random_state=0), flowers, names)
write("boosting", ensemble.GradientBoostingClassifier(n_estimators=8, random_state=0), flowers, names)
write("boosting_two", ensemble.GradientBoostingClassifier(n_estimators=8, random_state=0), flowers, two)
write("ada", ensemble.AdaBoostClassifier(n_estimators=5, random_state=0), flowers, names)
write("bagging", ensemble.BaggingClassifier(n_estimators=5, random_state=0), flowers, names)
write("voting", ensemble.VotingClassifier([
    ("a", linear_model.LogisticRegression()), ("b", naive_bayes.GaussianNB())], voting="soft", flatten_transform=False), flowers, kinds)
write("stacking", ensemble.StackingClassifier([
    ("a", linear_model.LogisticRegression()), ("b", tree.DecisionTreeClassifier(max_depth=2))]), flowers, kinds)
write("svc_probability", scaled(svm.SVC(probability=True, random_state=0)), flowers, names)
write("svc_two", scaled(svm.SVC(probability=True, random_state=0)), flowers, two)
write("svc_votes", scaled(svm.SVC(decision_function_shape="ovo")), flowers, names)
write("svc_poly", scaled(svm.SVC(kernel="poly", degree=2, coef0=1)), flowers, two)
write("nu_svc", scaled(svm.NuSVC(kernel="sigmoid", nu=0.3, decision_function_shape="ovo")), flowers, names)
write("mlp", scaled(neural_network.MLPClassifier((6,), max_iter=200, random_state=0)), flowers, names)
write("mlp_two", scaled(neural_network.MLPClassifier((4,), activation="tanh", max_iter=200, random_state=0)), flowers, two)
write("gaussian_nb", naive_bayes.GaussianNB(), flowers, names)
write("bernoulli_nb", naive_bayes.BernoulliNB(binarize=2.0), flowers, names)
write("multinomial_nb", naive_bayes.MultinomialNB(), flowers, kinds)
write("lda", discriminant_analysis.LinearDiscriminantAnalysis(), flowers, names)
write("qda", discriminant_analysis.QuadraticDiscriminantAnalysis(), flowers, names)
write("neighbours", neighbors.KNeighborsClassifier(5), flowers, names)
write("neighbours_cdist", neighbors.KNeighborsClassifier(3, weights="distance"), flowers + 1e-3, names,
      options={neighbors.KNeighborsClassifier: {"optim": "cdist"}})
write("calibrated", calibration.CalibratedClassifierCV(linear_model.LogisticRegression(), cv=2), flowers, names)
write("double_forest", ensemble.RandomForestClassifier(8, max_depth=4, random_state=0), flowers, names, double=True)

# Numbers.
write("line", linear_model.LinearRegression(), sick, progress)
write("line_targets", linear_model.LinearRegression(), sick, np.c_[progress, progress**2 / 100], original="predict")
write("lasso", scaled(linear_model.Lasso(alpha=0.1)), sick, progress)
write("poisson", scaled(linear_model.PoissonRegressor()), sick, progress)
write("tree_number", tree.DecisionTreeRegressor(max_depth=4), sick, progress)
write("forest_number", ensemble.RandomForestRegressor(10, max_depth=4, random_state=0), sick, progress)
write("boosting_number", ensemble.GradientBoostingRegressor(n_estimators=10, random_state=0), sick, progress)
write("ada_number", ensemble.AdaBoostRegressor(n_estimators=4, random_state=0), sick, progress)
write("svr", scaled(svm.SVR()), sick, progress)
write("mlp_number", scaled(neural_network.MLPRegressor(hidden_layer_sizes=(5,), max_iter=200, random_state=0)), sick, progress)
write("neighbours_number", neighbors.KNeighborsRegressor(4), sick, progress)
write("process", gaussian_process.GaussianProcessRegressor(
    gaussian_process.kernels.RBF(40.0), alpha=1.0), sick[:40], progress[:40])
write("double_line", scaled(linear_model.Ridge()), sick, progress, double=True)

# What has no target.
write("k_means_double", cluster.KMeans(3, n_init=2, random_state=0), flowers, original="transform", double=True)
write("k_means", cluster.KMeans(3, n_init=2, random_state=0), flowers, original="transform")
write("mixture", mixture.GaussianMixture(2, random_state=0), flowers)
write("isolation_forest", ensemble.IsolationForest(n_estimators=10, random_state=0), flowers, original="decision_function")
write("one_class", svm.OneClassSVM(), flowers, original="decision_function", shown=flowers[:SHOWN] + 0.1)
write("pca", scaled(decomposition.PCA(2)), flowers)
write("robust", preprocessing.RobustScaler(), flowers)
write("min_max", preprocessing.MinMaxScaler(clip=True), flowers)
write("power", preprocessing.PowerTransformer(), flowers)
write("quantiles", preprocessing.QuantileTransformer(n_quantiles=10), flowers)
write("bins", preprocessing.KBinsDiscretizer(4, encode="ordinal", strategy="quantile"), flowers)
write("polynomial", preprocessing.PolynomialFeatures(2), flowers)
write("selection", pipeline.make_pipeline(
    impute.SimpleImputer(strategy="median"), feature_selection.SelectKBest(k=2), preprocessing.Normalizer()),
    holes, kinds)

# A table with text, integers and missing values, as people have it.
try:
    import pandas as pd
except ImportError:
    pd = None
if pd is not None:
    rng = np.random.default_rng(11)
    table = pd.DataFrame({
        "age": np.where(rng.random(ROWS) < 0.1, np.nan, rng.integers(18, 80, ROWS)),
        "plan": rng.choice(["basic", "plus", "pro"], ROWS),
        "region": rng.choice(["north", "south"], ROWS),
        "calls": rng.integers(0, 9, ROWS),
    })
    left = np.where((table["plan"] == "basic") ^ (table["calls"] > 4), "left", "stayed")
    mixed = compose.ColumnTransformer([
        ("numbers", pipeline.make_pipeline(impute.SimpleImputer(), preprocessing.StandardScaler()), ["age"]),
        ("plan", preprocessing.OneHotEncoder(), ["plan", "region"]),
        ("calls", preprocessing.StandardScaler(), ["calls"]),
    ])
    types = [("age", FloatTensorType([None, 1])), ("plan", StringTensorType([None, 1])),
             ("region", StringTensorType([None, 1])), ("calls", Int64TensorType([None, 1]))]
    write("mixed", pipeline.make_pipeline(mixed, linear_model.LogisticRegression()), table, left, types=types)
    ordinal = compose.ColumnTransformer([
        ("numbers", impute.SimpleImputer(strategy="constant", fill_value=-1.0), ["age"]),
        ("plan", preprocessing.OrdinalEncoder(), ["plan", "region"]),
        ("calls", "passthrough", ["calls"]),
    ])
    write("ordinal", pipeline.make_pipeline(ordinal, ensemble.RandomForestClassifier(8, max_depth=4, random_state=0)),
          table, left, types=types)

(HERE / "expected.json").write_text(json.dumps(expected, separators=(",", ":")))
