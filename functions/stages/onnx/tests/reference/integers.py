"""Writes `integers.json`: what onnxruntime 1.32.0 makes of numbers that single or double precision cannot tell apart, operator
by operator, and of trees that scikit-learn 1.9.1 fitted on Unix seconds and skl2onnx 1.20.0 exported. src/ops/integers.rs holds
ours against it.

    /tmp/reference/bin/python integers.py      # the environment of make.py

A case: the model's bytes in hexadecimal, the values of its one input (columns of one row after another), and those of each
output. Integers are texts, since JSON's readers round them. `original` is scikit-learn's own, where it fitted the model.
"""

import json
import pathlib

import numpy as np
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from sklearn import ensemble, linear_model, tree
from skl2onnx import to_onnx
from skl2onnx.common.data_types import Int64TensorType

HERE = pathlib.Path(__file__).parent
DTYPES = {
    TensorProto.FLOAT: np.float32, TensorProto.DOUBLE: np.float64, TensorProto.INT64: np.int64,
    TensorProto.INT32: np.int32, TensorProto.BOOL: np.bool_,
}  # fmt: skip
SINGLE, DOUBLE = 2**24, 2**53
cases = {}


def plain(array):
    array = np.asarray(array)
    if array.dtype.kind in "iu":
        return [str(v) for v in array.ravel().tolist()]
    return array.ravel().tolist()


def keep(name, model, kind, x, original=None):
    """Keeps what onnxruntime says. Its ZipMap is left out beforehand."""
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    x = np.asarray(x, DTYPES[kind])
    x = x.reshape(-1, 1) if x.ndim == 1 else x
    outputs = session.run(None, {session.get_inputs()[0].name: x})
    model.doc_string = ""
    cases[name] = {
        "model": model.SerializeToString().hex(), "kind": kind, "columns": x.shape[1], "input": plain(x),
        "outputs": [plain(output) for output in outputs],
    }  # fmt: skip
    if original is not None:
        cases[name]["original"] = np.ravel(original).tolist()


def graph(nodes, kind, x, outputs):
    x = np.asarray(x)
    width = 1 if x.ndim == 1 else x.shape[1]
    made = helper.make_graph(
        nodes, "g", [helper.make_tensor_value_info("X", kind, [None, width])],
        [helper.make_tensor_value_info(name, kind, None) for name, kind in outputs],
    )  # fmt: skip
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("ai.onnx.ml", 3)]
    model = helper.make_model(made, opset_imports=opsets)
    model.ir_version = 9
    return model


def one(name, operator, kind, x, outputs, ml=False, constant=None, **attributes):
    """An operator; `constant` is its second input."""
    nodes, inputs = [], ["X"]
    if constant is not None:
        nodes.append(helper.make_node("Constant", [], ["c"], value=numpy_helper.from_array(constant)))
        inputs.append("c")
    names = [f"v{place}" for place in range(len(outputs))]
    domain = {"domain": "ai.onnx.ml"} if ml else {}
    nodes.append(helper.make_node(operator, inputs, names, **domain, **attributes))
    keep(name, graph(nodes, kind, x, list(zip(names, outputs))), kind, x)


# Trees of one split: integers are rounded to single precision, doubles are not.
near = [SINGLE - 1, SINGLE, SINGLE + 1, SINGLE + 2, SINGLE + 3, SINGLE + 4]
F, D, I, N, B = TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.INT64, TensorProto.INT32, TensorProto.BOOL
for operator, own in [("TreeEnsembleRegressor", "target"), ("TreeEnsembleClassifier", "class")]:
    for kind in [F, D, I, N]:
        for tensor in [False, True]:
            # onnxruntime knows the others neither.
            if (kind in [I, N] and own == "target") or (tensor and kind != D):
                continue
            for threshold in [SINGLE, SINGLE + 1] if tensor else [SINGLE, SINGLE + 2]:
                for mode in ["BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT", "BRANCH_EQ", "BRANCH_NEQ"]:
                    values, weights = [float(threshold), 0.0, 0.0], [0.25, 0.75]
                    if tensor:
                        numbers = {
                            "nodes_values_as_tensor": numpy_helper.from_array(np.array(values)),
                            f"{own}_weights_as_tensor": numpy_helper.from_array(np.array(weights)),
                        }
                    else:
                        numbers = {"nodes_values": values, f"{own}_weights": weights}
                    what = {"n_targets": 1} if own == "target" else {"classlabels_int64s": [0, 1]}
                    one(
                        f"{operator} {kind} {tensor} {threshold} {mode}", operator, kind, near,
                        [F] if own == "target" else [I, F], ml=True,
                        nodes_treeids=[0] * 3, nodes_nodeids=[0, 1, 2], nodes_featureids=[0] * 3,
                        nodes_modes=[mode, "LEAF", "LEAF"], nodes_truenodeids=[1, 0, 0], nodes_falsenodeids=[2, 0, 0],
                        **{f"{own}_treeids": [0, 0], f"{own}_nodeids": [1, 2], f"{own}_ids": [int(own == "class")] * 2},
                        **numbers, **what,
                    )  # fmt: skip

# Operators beside them.
far = [DOUBLE - 1, DOUBLE, DOUBLE + 1, DOUBLE + 2, -DOUBLE - 1, 2**60 + 2**36 + 1, 2**31 + 5, 0]
for operator in ["Abs", "Neg", "Sign", "Relu"]:
    one(operator, operator, I, far, [I])
for to in [F, D, N, B]:
    one(f"Cast {to}", "Cast", I, far, [to], to=to)
one("Cast of doubles", "Cast", D, [2.7, -2.7, 1e10, SINGLE + 1.0], [I], to=I)
for operator in ["Equal", "Less", "LessOrEqual", "Greater", "GreaterOrEqual"]:
    one(operator, operator, I, far, [B], constant=np.array([DOUBLE]))
one("Max", "Max", I, far, [I], constant=np.array([DOUBLE]))
one("Clip", "Clip", I, far, [I], constant=np.array(DOUBLE + 1))
rows = np.array(far).reshape(-1, 4)
for operator in ["ReduceSum", "ReduceProd"]:
    one(operator, operator, I, rows[:, :3], [I], constant=np.array([1]))
for operator in ["ReduceMax", "ReduceMin"]:
    one(operator, operator, I, rows, [I], constant=np.array([1]))
for operator in ["ArgMax", "ArgMin"]:
    one(operator, operator, I, rows, [I], axis=1)
one("TopK", "TopK", I, rows, [I, I], constant=np.array([2]))
one("CumSum", "CumSum", I, rows, [I], constant=np.array(1))
one("OneHotEncoder", "OneHotEncoder", I, far, [F], ml=True, cats_int64s=[DOUBLE, DOUBLE + 1, 0], zeros=1)
one("OneHotEncoder of numbers", "OneHotEncoder", F, [1, 1.5, 2.7, -0.5, 3], [F], ml=True, cats_int64s=[0, 1, 2], zeros=1)
one("LabelEncoder", "LabelEncoder", I, far, [I], ml=True, keys_int64s=[DOUBLE, DOUBLE + 1], values_int64s=[1, 2], default_int64=DOUBLE + 1)
one("Imputer", "Imputer", I, far, [I], ml=True, imputed_value_int64s=[7], replaced_value_int64=DOUBLE + 1)
for kind in [I, D, F]:
    one(f"Scaler {kind}", "Scaler", kind, near, [F], ml=True, offset=[float(SINGLE)], scale=[0.5])

# Unix seconds, as scikit-learn has them.
rng = np.random.default_rng(0)
seconds = 1_700_000_000 + rng.integers(0, 4000, 1500)[:, None]
late = seconds.ravel() // 100 % 2
asked = 1_700_000_000 + np.arange(0, 4000, 67)[:, None]
models = {
    "tree": tree.DecisionTreeClassifier(), "forest": ensemble.RandomForestClassifier(4, random_state=0),
    "extra trees": ensemble.ExtraTreesClassifier(4, random_state=0),
    "boosting": ensemble.GradientBoostingClassifier(n_estimators=4, random_state=0),
    "ada": ensemble.AdaBoostClassifier(tree.DecisionTreeClassifier(max_depth=4), n_estimators=3, random_state=0),
    "number": tree.DecisionTreeRegressor(), "forest of numbers": ensemble.RandomForestRegressor(4, random_state=0),
    "line": linear_model.LogisticRegression(),
}  # fmt: skip
for name, model in models.items():
    model.fit(seconds, late.astype(float) if "number" in name else late)
    options = {id(model): {"zipmap": False}} if hasattr(model, "predict_proba") else None
    types = [("X", Int64TensorType([None, 1]))]
    exported = to_onnx(model, initial_types=types, target_opset={"": 18, "ai.onnx.ml": 3}, options=options)
    own = next(m for m in ("predict_proba", "decision_function", "predict") if hasattr(model, m))
    keep(f"{name} on seconds", exported, I, asked, getattr(model, own)(asked))

(HERE / "integers.json").write_text(json.dumps(cases, separators=(",", ":")))
print(len(cases), (HERE / "integers.json").stat().st_size)
