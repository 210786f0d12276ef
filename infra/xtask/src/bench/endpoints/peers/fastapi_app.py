"""A model behind FastAPI, as its users write it."""

import io
import os

import numpy as np
import pandas as pd
import xgboost as xgb
from fastapi import FastAPI, Request, Response
from pydantic import BaseModel

booster = xgb.Booster(model_file=os.environ["BENCH_MODEL"])
app = FastAPI()


class Rows(BaseModel):
    instances: list[list[float]]


@app.get("/ping")
def ping():
    return "ok"


@app.post("/invocations")
async def invocations(rows: Rows):
    probabilities = booster.inplace_predict(np.array(rows.instances, dtype=np.float32))
    return {"predictions": probabilities.tolist()}


@app.post("/csv")
async def csv(request: Request):
    table = pd.read_csv(io.BytesIO(await request.body()), header=None, dtype=np.float32)
    probabilities = booster.inplace_predict(table.to_numpy())
    return Response("\n".join(map(str, probabilities.tolist())) + "\n", media_type="text/csv")
