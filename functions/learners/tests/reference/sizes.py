"""Prints how many bytes scikit-learn's pickle of a random forest takes, for tests/size.rs.

    python3 -m venv /tmp/reference && /tmp/reference/bin/pip install scikit-learn==1.9.1 numpy==2.4.6
    /tmp/reference/bin/python sizes.py
"""

import pickle

from sklearn import datasets, ensemble

for name in ["breast_cancer", "iris", "digits", "diabetes"]:
    x, y = getattr(datasets, f"load_{name}")(return_X_y=True)
    kind = "Regressor" if name == "diabetes" else "Classifier"
    forest = getattr(ensemble, f"RandomForest{kind}")(random_state=0).fit(x, y)
    print(name, len(pickle.dumps(forest, protocol=5)))
