"""What Optuna's TPESampler, as it comes, finds on the functions of main.rs: the best of 30 trials, for 40 seeds each.

    pip install optuna
    python optuna_reference.py > optuna.json
"""

import json
import math
import statistics

import optuna

A = [
    [10, 3, 17, 3.5, 1.7, 8],
    [0.05, 10, 17, 0.1, 8, 14],
    [3, 3.5, 1.7, 10, 17, 8],
    [17, 8, 0.05, 10, 0.1, 14],
]
P = [
    [0.1312, 0.1696, 0.5569, 0.0124, 0.8283, 0.5886],
    [0.2329, 0.4135, 0.8307, 0.3736, 0.1004, 0.9991],
    [0.2348, 0.1451, 0.3522, 0.2883, 0.3047, 0.6650],
    [0.4047, 0.8828, 0.8732, 0.5743, 0.1091, 0.0381],
]
ALPHA = [1.0, 1.2, 3.0, 3.2]


def branin(trial):
    x1, x2 = trial.suggest_float("x1", -5, 10), trial.suggest_float("x2", 0, 15)
    bow = x2 - 5.1 / (4 * math.pi**2) * x1 * x1 + 5 / math.pi * x1 - 6
    return bow * bow + 10 * (1 - 1 / (8 * math.pi)) * math.cos(x1) + 10


def hartmann(trial):
    x = [trial.suggest_float(f"x{i}", 0, 1) for i in range(6)]
    far = [sum(A[n][i] * (x[i] - P[n][i]) ** 2 for i in range(6)) for n in range(4)]
    return -sum(alpha * math.exp(-d) for alpha, d in zip(ALPHA, far))


def mixed(trial):
    booster = trial.suggest_categorical("booster", ["gblinear", "gbtree", "dart"])
    eta = trial.suggest_float("eta", 0.001, 1, log=True)
    depth = trial.suggest_int("max_depth", 1, 16)
    leaves = trial.suggest_int("leaves", 2, 1024, log=True)
    kind = {"gblinear": 0.8, "gbtree": 0.0}.get(booster)
    if kind is None:
        kind = 0.2 + abs(trial.suggest_float("rate_drop", 0, 1) - 0.1)
    shape = 0.3 * ((depth - 6) / 3) ** 2 + 0.05 * abs(math.log(leaves / 64))
    return 0.2 * math.log(eta / 0.05) ** 2 + shape + kind


def best(function, seed):
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=seed))
    study.optimize(function, n_trials=30)
    return study.best_value


optuna.logging.set_verbosity(optuna.logging.ERROR)
functions = {"Branin": branin, "Hartmann": hartmann, "mixed": mixed}
medians = {name: statistics.median(best(f, seed) for seed in range(40)) for name, f in functions.items()}
print(json.dumps({"optuna": optuna.__version__, "medians": medians}, indent=2))
