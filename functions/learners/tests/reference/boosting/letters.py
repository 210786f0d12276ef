"""Writes `letters.json`, `letters.ubj` and `letters_of_arrow.json`: models of XGBoost 3.2.0 whose categories have names beyond
ASCII. Of the first two, whose rows came from pandas, the file does not say which name is which category (dmlc/xgboost#12360); of
the third, whose rows came from Arrow, it does. See make.py for the packages; pandas and pyarrow besides.
"""

import pathlib

import numpy as np
import pandas
import pyarrow
import xgboost

HERE = pathlib.Path(__file__).parent
plans = ["basic", "plus", "pro"]
# So that what is read of the shifted names is text again.
sizes = ["Größe?", "XS", "SM", "LG", "😀"]
codes = np.arange(300) % 5
y = codes.astype(float) ** 2 + codes % 3
columns = {"plan": (codes * 7 % 3, plans), "size": (codes, sizes)}

frame = pandas.DataFrame({name: pandas.Categorical.from_codes(own, names) for name, (own, names) in columns.items()})
arrays = {
    name: pyarrow.DictionaryArray.from_arrays(pyarrow.array(own, pyarrow.int32()), pyarrow.array(names))
    for name, (own, names) in columns.items()
}
params = {"max_depth": 3, "eta": 0.5, "nthread": 1}
model = xgboost.train(params, xgboost.DMatrix(frame, y, enable_categorical=True), 2)
model.save_model(HERE / "letters.json")
model.save_model(HERE / "letters.ubj")
table = xgboost.DMatrix(pyarrow.table(arrays), y, enable_categorical=True)
xgboost.train(params, table, 2).save_model(HERE / "letters_of_arrow.json")
