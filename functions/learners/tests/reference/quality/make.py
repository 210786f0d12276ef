"""Writes the tables of the quality suite and `quality.json`: what scikit-learn, XGBoost, LightGBM and
statsmodels make of them.

    python3 -m venv /tmp/quality && /tmp/quality/bin/pip install -r requirements.txt
    /tmp/quality/bin/python make.py                 # everything, on all cores; half an hour on two
    /tmp/quality/bin/python make.py svm knn         # cases of these names alone, the others stay

Five folds, row i in fold i % 5: models are fitted on four and scored on the fifth. A series is forecast from seven origins.
`quality.json` holds for each set, case and metric the mean over the folds and their standard deviation (ddof 0). Where a model draws,
a fold's figure is the mean of several draws. `tables.py` says what models are given, `peers.py` what they are.
"""

import importlib.metadata
import json
import pathlib
import sys
import time
import warnings

import joblib
import peers
import tables

FILE = pathlib.Path(__file__).with_name("quality.json")
PEERS = ["scikit-learn", "xgboost", "lightgbm", "numpy", "scipy", "statsmodels"]


def computed(set_name, case_name):
    warnings.filterwarnings("ignore")
    start = time.time()
    figures = peers.figures(set_name, case_name)
    print(f"{set_name} {case_name} {time.time() - start:.1f} s {figures}", flush=True)
    return figures


def main():
    wanted = sys.argv[1:]
    if not wanted:
        tables.write()
    chosen = [
        (set_name, name)
        for name, case in peers.CASES.items()
        if not wanted or name.removesuffix(peers.OF_NUMBERS) in wanted
        for set_name in case.sets
    ]
    results = joblib.Parallel(-1)(joblib.delayed(computed)(*pair) for pair in chosen)
    known = json.loads(FILE.read_text())["figures"] if wanted else {}
    for (set_name, name), figures in zip(chosen, results):
        known.setdefault(set_name, {})[name.removesuffix(peers.OF_NUMBERS)] = figures
    result = {
        "versions": {name: importlib.metadata.version(name) for name in PEERS},
        "figures": {name: dict(sorted(known[name].items())) for name in sorted(known)},
    }
    FILE.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
