"""Makes transforms.json: what scikit-learn and category_encoders make of two tables, which tests/reference.rs holds ours to.

    pip install scikit-learn==1.9.1 category_encoders==2.11.2 pandas
    python make.py
"""

import json
import pathlib
import warnings

import category_encoders
import numpy as np
import pandas as pd
from sklearn import decomposition, feature_extraction, feature_selection, preprocessing
from sklearn.experimental import enable_iterative_imputer  # noqa: F401
from sklearn import impute

warnings.filterwarnings("ignore")
rng = np.random.default_rng(7)
SHOWN = 50  # rows of each table whose values are kept
WORDS = "good bad room service price staff clean noisy quiet friendly cheap location great awful".split()


def table(rows, seen):
    x = rng.normal(3, 2, rows)
    frame = pd.DataFrame({
        "x": x,
        "skew": np.exp(rng.normal(0, 1, rows)),
        "signed": rng.standard_t(3, rows) * 4,
        "near": x * 2 + rng.normal(0, 0.5, rows),
        "whole": rng.integers(0, 9, rows),
        "a": x + rng.normal(0, 1, rows),
        "b": rng.normal(0, 1, rows) - x,
        "c": rng.normal(5, 3, rows),
    })
    for name, share in (("a", 0.2), ("b", 0.1), ("c", 0.05)):
        frame.loc[rng.random(rows) < share, name] = np.nan
    levels = ["red", "green", "blue", "black", "white", "rare", "odd"][: 7 if seen else 6] + ([] if seen else ["unseen"])
    shares = np.array([30, 25, 20, 12, 8, 3, 2.0])
    frame["colour"] = rng.choice(levels, rows, p=shares / shares.sum())
    frame["grade"] = rng.choice(["Fair", "Good", "Very Good"], rows)
    frame["text"] = [" ".join(rng.choice(WORDS, rng.integers(2, 9))) + "." for _ in range(rows)]
    bonus = frame["colour"].map({"red": 3.0, "green": 0.0, "blue": -2.0}).fillna(1.0)
    frame["y"] = bonus + x + rng.normal(0, 1, rows)
    frame["label"] = np.where(frame["y"] > 5, "high", np.where(frame["y"] > 2, "middle", "low"))
    frame["yes"] = frame["y"] > 3
    return frame


train, test = table(203, True), table(41, False)
cases = []


def dense(values):
    values = values.toarray() if hasattr(values, "toarray") else np.asarray(values)
    return values.reshape(len(values), -1)


def case(name, parameters, fitted, columns, names=None, trained=None, tolerance=1e-9, **fit):
    """`fitted` is fitted on `columns` of train; what it makes of train and test is kept."""
    of = (lambda frame: frame[columns]) if isinstance(columns, (str, list)) else columns
    fitted.fit(of(train), **fit)
    one, other = dense(fitted.transform(of(train))), dense(fitted.transform(of(test)))
    if trained is not None:
        one = dense(trained)
    names = names or ([columns] if isinstance(columns, str) else columns)
    assert one.shape[1] == len(names), (name, one.shape, names)
    plain = lambda values: [[None if v != v else float(f"{v:.12g}") for v in column[:SHOWN]] for column in values.T.astype(float)]
    cases.append({"name": name, "with": parameters, "columns": names, "train": plain(one), "test": plain(other), "tolerance": tolerance})


def single(name, step, fitted, column, **more):
    case(name, {"default": "drop", "columns": {column: step}}, fitted, [column], **more)


single("standard", "standard", preprocessing.StandardScaler(), "x")
single("standard without mean", {"standard": {"with_mean": False}}, preprocessing.StandardScaler(with_mean=False), "whole")
single("min-max", "min-max", preprocessing.MinMaxScaler(), "x")
single("min-max in a range", {"min-max": {"feature_range": [-1, 2], "clip": True}},
       preprocessing.MinMaxScaler(feature_range=(-1, 2), clip=True), "x")
single("max-abs", "max-abs", preprocessing.MaxAbsScaler(), "signed")
single("robust", "robust", preprocessing.RobustScaler(), "signed")
single("robust of a range", {"robust": {"quantile_range": [10, 80]}}, preprocessing.RobustScaler(quantile_range=(10, 80)), "skew")
single("log", "log", preprocessing.FunctionTransformer(np.log), "skew")
single("log1p", "log1p", preprocessing.FunctionTransformer(np.log1p), "skew")
for method, column in (("yeo-johnson", "signed"), ("yeo-johnson", "skew"), ("box-cox", "skew")):
    single(f"power {method} of {column}", f"power:{method}", preprocessing.PowerTransformer(method=method), column, tolerance=1e-5)
single("power not standardized", {"power": {"method": "yeo-johnson", "standardize": False}},
       preprocessing.PowerTransformer(standardize=False), "x", tolerance=1e-5)
for kind in ("uniform", "normal"):
    for column in ("skew", "whole"):
        single(f"quantile {kind} of {column}", f"quantile:{kind}",
               preprocessing.QuantileTransformer(output_distribution=kind, subsample=None), column, tolerance=1e-8)
single("few quantiles", {"quantile": {"n_quantiles": 7}}, preprocessing.QuantileTransformer(n_quantiles=7, subsample=None), "x")
for strategy in ("uniform", "quantile"):
    for column in ("skew", "whole"):
        single(f"binning {strategy} of {column}", f"binning:{strategy}",
               preprocessing.KBinsDiscretizer(encode="ordinal", strategy=strategy, subsample=None), column)
single("linear quantile bins", {"binning": {"n_bins": 8, "quantile_method": "linear"}},
       preprocessing.KBinsDiscretizer(8, encode="ordinal", quantile_method="linear", subsample=None), "signed")
for options in ({}, {"n_knots": 4, "degree": 2, "knots": "quantile", "include_bias": False}, {"degree": 1}):
    fitted = preprocessing.SplineTransformer(**options).fit(train[["x"]])
    single(f"spline {options}", {"spline": options}, fitted, "x", names=list(fitted.get_feature_names_out()))

for strategy in ("mean", "median"):
    single(f"impute {strategy}", f"impute:{strategy}", impute.SimpleImputer(strategy=strategy), "a")
single("impute constant", "impute:constant:-1.5", impute.SimpleImputer(strategy="constant", fill_value=-1.5), "a")
single("impute with indicator", {"impute": {"strategy": "median", "add_indicator": True}},
       impute.SimpleImputer(strategy="median", add_indicator=True), "a", names=["a", "a_missing"])
three = ["a", "b", "c"]
together = lambda step: {"default": "drop", "columns": {name: step for name in three}}
case("impute knn", together("impute:knn"), impute.KNNImputer(), three)
case("impute knn by distance", together({"impute": {"strategy": "knn", "n_neighbors": 3, "weights": "distance"}}),
     impute.KNNImputer(n_neighbors=3, weights="distance"), three)
case("impute iterative", together("impute:iterative"), impute.IterativeImputer(), three, tolerance=1e-6)
case("impute iterative, three rounds", together({"impute": {"strategy": "iterative", "max_iter": 3, "tol": 0}}),
     impute.IterativeImputer(max_iter=3, tol=0), three, tolerance=1e-6)

colour = lambda **options: preprocessing.OneHotEncoder(handle_unknown="ignore", **options)
for options in ({}, {"min_frequency": 20}, {"min_frequency": 0.1}, {"max_categories": 3}, {"drop": "first"},
                {"min_frequency": 10, "max_categories": 4, "drop": "first"}):
    fitted = colour(**options).fit(train[["colour"]])
    names = [name.replace("infrequent_sklearn", "infrequent") for name in fitted.get_feature_names_out()]
    single(f"one-hot {options}", {"one-hot": options} if options else "one-hot", fitted, "colour", names=names)
grades = ["Fair", "Good", "Very Good"]
single("ordinal", "ordinal", preprocessing.OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan), "colour")
single("ordinal in an order", {"ordinal": grades[::-1]}, preprocessing.OrdinalEncoder(categories=[grades[::-1]]), "grade")
single("count", "count", category_encoders.CountEncoder(handle_unknown=0), "colour")
single("frequency", "frequency", category_encoders.CountEncoder(normalize=True, handle_unknown=0), "colour")
for target, names in (("y", None), ("yes", None), ("label", ["colour_high", "colour_low", "colour_middle"])):
    for smooth in ("auto", 5.0):
        make = lambda: preprocessing.TargetEncoder(smooth=smooth, shuffle=False)
        trained = make().fit_transform(train[["colour"]], train[target])
        case(f"target {smooth} of {target}",
             {"default": "drop", "target": target, "columns": {"colour": {"target": {"smooth": smooth, "shuffle": False}}}},
             make(), ["colour"], names=names, trained=trained, y=train[target])
for sign in (True, False):
    single(f"hashing {sign}", {"hashing": {"n_features": 5, "alternate_sign": sign}},
           preprocessing.FunctionTransformer(lambda frame: feature_extraction.FeatureHasher(5, alternate_sign=sign).transform(
               frame.to_dict("records"))), "colour", names=[f"colour_{i}" for i in range(5)])

Text = feature_extraction.text
texts = lambda frame: frame["text"]
for name, step, make, options in (
    ("tokens", "tokens", Text.CountVectorizer, {}),
    ("tokens, some", "tokens", Text.CountVectorizer, {"min_df": 0.25, "max_df": 0.36, "binary": True}),
    ("tokens, pairs", "tokens", Text.CountVectorizer, {"ngram_range": [1, 2], "min_df": 4, "stop_words": ["good", "bad"]}),
    ("tf-idf", "tf-idf", Text.TfidfVectorizer, {}),
    ("tf-idf, otherwise", "tf-idf", Text.TfidfVectorizer,
     {"sublinear_tf": True, "norm": "l1", "smooth_idf": False, "ngram_range": [2, 3], "min_df": 2}),
):
    own = {key: tuple(value) if key == "ngram_range" else value for key, value in options.items()}
    fitted = make(**own).fit(texts(train))
    names = [f"text_{word}" for word in fitted.get_feature_names_out()]
    case(name, {"default": "drop", "columns": {"text": {step: options}}}, make(**own), texts, names=names)
case("text-hash", {"default": "drop", "columns": {"text": {"text-hash": {"n_features": 12, "ngram_range": [1, 2]}}}},
     Text.HashingVectorizer(n_features=12, ngram_range=(1, 2)), texts, names=[f"text_{i}" for i in range(12)])

plain = {"default": "drop", "columns": {name: "passthrough" for name in ("x", "skew", "whole", "near")}}
numbers = ["near", "skew", "whole", "x"]
ordered = [name for name in train.columns if name in numbers]
for step, options in (("polynomial", {}), ("polynomial", {"degree": 3}), ("interactions", {}), ("interactions", {"degree": 3})):
    own = {"interaction_only": step == "interactions", "include_bias": False, **options}
    fitted = preprocessing.PolynomialFeatures(**own).fit(train[ordered])
    case(f"{step} {options}", {**plain, "combine": [{step: options}]}, fitted, ordered, names=list(fitted.get_feature_names_out()),
         tolerance=1e-9)
case("pca", {**plain, "combine": [{"pca": {"columns": ["*"], "n_components": 3}}]}, decomposition.PCA(3), ordered,
     names=["pca0", "pca1", "pca2"], tolerance=1e-7)
case("pca, whitened", {**plain, "combine": [{"pca": {"n_components": 0.9, "whiten": True, "prefix": "c"}}]},
     decomposition.PCA(0.9, whiten=True), ordered,
     names=[f"c{i}" for i in range(decomposition.PCA(0.9).fit(train[ordered]).n_components_)], tolerance=1e-7)


def chosen(name, select, target, fitted):
    columns = ["x", "skew", "signed", "near", "whole"]
    if name.startswith("mutual"):
        columns.remove("whole")  # Equal values are told apart by noise, which is not ours.
    parameters = {"default": "drop", "columns": {column: "passthrough" for column in columns}, "select": [select]}
    if target:
        parameters["target"] = target
    fitted.fit(train[columns], train[target] if target else None)
    kept = [column for column, keep in zip(columns, fitted.get_support()) if keep]
    case(name, parameters, preprocessing.FunctionTransformer(), kept)


def information(of, neighbours=3):
    return lambda x, y: of(x, y, n_neighbors=neighbours, random_state=0)


chosen("variance", {"variance": 4.0}, None, feature_selection.VarianceThreshold(4.0))
for k in (1, 2, 3):
    chosen(f"f-test of classes, {k}", {"f-test": {"k": k}}, "label", feature_selection.SelectKBest(feature_selection.f_classif, k=k))
    chosen(f"f-test of numbers, {k}", {"f-test": {"k": k}}, "y", feature_selection.SelectKBest(feature_selection.f_regression, k=k))
    for target, of in (("label", feature_selection.mutual_info_classif), ("y", feature_selection.mutual_info_regression)):
        chosen(f"mutual information with {target}, {k}", {"mutual-information": {"k": k}}, target,
               feature_selection.SelectKBest(information(of), k=k))
kept = ["x", "skew", "signed", "whole"]
correlations = train[["x", "skew", "signed", "near", "whole"]].corr().abs()
assert correlations.loc["x", "near"] > 0.9 and correlations.loc[kept, kept].where(lambda c: c < 1).max().max() < 0.9
case("correlation", {"default": "drop", "columns": {name: "passthrough" for name in kept + ["near"]}, "select": [{"correlation": 0.9}]},
     preprocessing.FunctionTransformer(), kept)
out = pathlib.Path(__file__).parent
for name, frame in (("train", train), ("test", test)):
    frame.assign(yes=frame["yes"].map({True: "true", False: "false"})).to_csv(out / f"{name}.csv", index=False)
lines = ",\n".join(json.dumps(case) for case in cases)
(out / "transforms.json").write_text("[\n" + lines + "\n]\n")
print(len(cases), "cases")
