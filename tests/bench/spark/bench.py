"""A million rows of features through `mlflow.pyfunc.spark_udf`: our forest in WebAssembly beside scikit-learn's.

Both forests learn from the same rows and have the same number of trees and leaves a tree; both are MLflow models with the same
signature. They take turns in one Spark session; the first run of each starts its workers, and is told by itself. Prints Markdown.
"""

import argparse
import json
import re
import shutil
import statistics
import subprocess
import sys
import time
import warnings

import mlflow
import pandas as pd
import pyspark
import sklearn
from mlflow.models import infer_signature
from pyspark.sql import SparkSession, functions
from sklearn.ensemble import RandomForestClassifier

ROWS = 1_000_000
LEADING = 4


def main():
    options = parse()
    table = pd.read_parquet("data/processed/customer_product_features.parquet")
    names = list(table.columns[LEADING:])
    trees, leaves = size_of_our_forest(options.program)
    peer = scikit_learn_forest(table, names, trees, leaves)
    copies = [table[names]] * -(-ROWS // len(table))
    pd.concat(copies).head(ROWS).to_parquet("million.parquet", row_group_size=100_000)

    spark = session()
    rows = spark.read.parquet("million.parquet")
    features = functions.struct(*names)
    scorers = {
        f"nextbest, {trees} trees, {leaves * trees:,} leaves": mlflow.pyfunc.spark_udf(spark, "model", env_manager="local"),
        f"scikit-learn {sklearn.__version__}, {trees} trees, {peer:,} leaves": mlflow.pyfunc.spark_udf(
            spark, "scikit-learn", env_manager="local", result_type="array<double>"),
        "no model: what Spark and MLflow take": mlflow.pyfunc.spark_udf(
            spark, nothing(table, names), env_manager="local", result_type="double"),
    }
    seconds = {name: [] for name in scorers}
    for _ in range(options.rounds + 1):
        for name, scorer in scorers.items():
            started = time.monotonic()
            rows.select(scorer(features)).write.format("noop").mode("overwrite").save()
            seconds[name].append(time.monotonic() - started)
            print(f"{name}: {seconds[name][-1]:.1f} s", file=sys.stderr)
    print(f"| {ROWS:,} rows × {len(names)} features, Spark {pyspark.__version__}, local[2] | first run | seconds | rows/s |")
    print("|---|---|---|---|")
    for name, (first, *others) in seconds.items():
        median = statistics.median(others)
        print(f"| {name} | {first:.1f} | {median:.1f} | {ROWS / median:,.0f} |")


def size_of_our_forest(program):
    """Its trees, and how many leaves one has."""
    inspect = [program, "inspect", "outputs/bundle/nextbest.bundle", "--json"]
    told = json.loads(subprocess.run(inspect, check=True, capture_output=True, text=True).stdout)["model"]
    trees, nodes = map(int, re.fullmatch(r"(\d+) trees with (\d+) nodes", told).groups())
    return trees, round((nodes + trees) / 2 / trees)


def scikit_learn_forest(table, names, trees, leaves):
    """Writes the model and tells how many leaves it has."""
    forest = RandomForestClassifier(trees, max_leaf_nodes=leaves, min_samples_leaf=20, random_state=0, n_jobs=2)
    forest.fit(table[names], table["NEXT_PRODUCT"])
    # A task of Spark's has one core.
    forest.n_jobs = 1
    example = table[names].head(100).astype("f8")
    signature = infer_signature(example, forest.predict_proba(example))
    shutil.rmtree("scikit-learn", ignore_errors=True)
    mlflow.sklearn.save_model(forest, "scikit-learn", signature=signature, pyfunc_predict_fn="predict_proba",
                              serialization_format="pickle")
    return sum(tree.get_n_leaves() for tree in forest.estimators_)


def nothing(table, names):
    """A model that takes the same features and answers with one of them."""
    example = table[names].head(100).astype("f8")
    first = names[0]
    shutil.rmtree("nothing", ignore_errors=True)
    mlflow.pyfunc.save_model("nothing", python_model=First(first), signature=infer_signature(example, example[first]))
    return "nothing"


class First(mlflow.pyfunc.PythonModel):
    """Answers with a column."""

    def __init__(self, column):
        self.column = column

    def predict(self, context, model_input, params=None):
        return model_input[self.column]


def session():
    builder = SparkSession.builder.master("local[2]").appName("nextbest: bench-spark")
    for name, value in {"driver.host": "127.0.0.1", "driver.bindAddress": "127.0.0.1", "driver.memory": "2g",
                        "ui.enabled": "false", "ui.showConsoleProgress": "false"}.items():
        builder = builder.config(f"spark.{name}", value)
    spark = builder.getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    return spark


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", required=True, help="nextbest")
    parser.add_argument("--rounds", type=int, default=5)
    return parser.parse_args()


if __name__ == "__main__":
    warnings.filterwarnings("ignore")
    main()
