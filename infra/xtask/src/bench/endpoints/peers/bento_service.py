"""A model behind BentoML, as its users write it."""

import io
import os

import bentoml
import numpy as np
import pandas as pd
import xgboost as xgb


@bentoml.service(workers=1, logging={"access": {"enabled": False}}, traffic={"timeout": 60})
class Tumours:
    def __init__(self) -> None:
        self.booster = xgb.Booster(model_file=os.environ["BENCH_MODEL"])

    @bentoml.api(route="/invocations")
    def invocations(self, instances: np.ndarray) -> np.ndarray:
        return self.booster.inplace_predict(instances.astype(np.float32))

    @bentoml.api(route="/csv")
    def csv(self, rows: str, /) -> str:
        table = pd.read_csv(io.StringIO(rows), header=None, dtype=np.float32)
        return "\n".join(map(str, self.booster.inplace_predict(table.to_numpy()).tolist())) + "\n"
