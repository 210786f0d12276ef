"""Saves a model in XGBoost's JSON as MLflow's: `mlflow_save.py MODEL.json FOLDER`."""

import sys

import mlflow.xgboost
import xgboost as xgb

model = xgb.XGBClassifier()
model.load_model(sys.argv[1])
mlflow.xgboost.save_model(model.get_booster(), sys.argv[2], pip_requirements=["xgboost"])
