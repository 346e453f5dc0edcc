"""Trains one peer on the shared task: `python peers.py FOLDER LEARNER OUT`, on two cores. Writes the test rows'
probabilities and prints the seconds from single-precision numbers in memory, the peer's own data set included."""

import os
import sys
import time
import warnings
from pathlib import Path

os.environ.update(OMP_NUM_THREADS="2", OPENBLAS_NUM_THREADS="2")
warnings.filterwarnings("ignore")
import numpy as np  # noqa: E402

FEATURES, CLASSES, NUMBERS, CATEGORIES = 40, 8, list(range(36)), list(range(36, 40))


def random_forest():
    from sklearn.ensemble import RandomForestClassifier

    model = RandomForestClassifier(100, max_depth=12, min_samples_leaf=5, max_features="sqrt", n_jobs=2, random_state=1)
    return lambda x, y: model.fit(x, y).predict_proba


def logistic_regression():
    from sklearn.compose import ColumnTransformer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

    numbers = make_pipeline(FunctionTransformer(np.log1p), StandardScaler())
    categories = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    prepared = ColumnTransformer([("numbers", numbers, NUMBERS), ("categories", categories, CATEGORIES)])
    model = make_pipeline(prepared, LogisticRegression(max_iter=300, C=1.0))
    return lambda x, y: model.fit(x, y).predict_proba


def lightgbm(categories=None):
    import lightgbm

    settings = {"objective": "multiclass", "num_class": CLASSES, "num_leaves": 31, "learning_rate": 0.1,
                "num_threads": 2, "seed": 1, "verbose": -1}
    named = {} if categories is None else {"categorical_feature": categories}
    return lambda x, y: lightgbm.train(settings, lightgbm.Dataset(x, y, **named), 100).predict


def xgboost():
    import xgboost

    settings = {"objective": "multi:softprob", "num_class": CLASSES, "tree_method": "hist", "max_depth": 6,
                "nthread": 2, "seed": 1}
    return lambda x, y: xgboost.train(settings, xgboost.QuantileDMatrix(x, y), 100).inplace_predict


LEARNERS = {
    "scikit-learn RandomForest": random_forest,
    "LightGBM": lightgbm,
    "LightGBM, categories": lambda: lightgbm(CATEGORIES),
    "XGBoost hist": xgboost,
    "scikit-learn LogisticRegression": logistic_regression,
}


def main(folder, learner, out):
    def rows(part):
        return np.fromfile(folder / f"X_{part}.f32", "<f4").reshape(-1, FEATURES)

    x, y, test = rows("train"), np.fromfile(folder / "y_train.i32", "<i4"), rows("test")
    fit = LEARNERS[learner]()
    start = time.perf_counter()
    predict = fit(x, y)
    seconds = time.perf_counter() - start
    np.asarray(predict(test)).astype("<f4").tofile(out)
    print(seconds)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3])
