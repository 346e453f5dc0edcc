#!/usr/bin/env python3
"""Scores a feature table with Spark: one row of probabilities for each customer at each cut-off.

    spark-submit examples/spark/score.py --model models:/next_best_product@production \\
        --features data/processed/customer_product_features.parquet --out outputs/predictions/spark

The model is one of an MLflow registry (MLFLOW_TRACKING_URI tells where), or the folder that `nextbest export --pyfunc FOLDER`
writes. The predictions are Parquet files, in a folder for each cut-off: the key, PREDICTED (the most probable class) and
PROBABILITY_… of each class, the same bits as everywhere.
"""

import argparse

import sys

import mlflow
import numpy as np
import pandas as pd
from pyspark.sql import SparkSession, functions
from pyspark.sql.types import FloatType, StringType, StructField, StructType


def main(words=None):
    arguments = parse(words)
    spark = SparkSession.builder.appName("nextbest: score").getOrCreate()
    loaded = mlflow.pyfunc.load_model(arguments.model)
    # As `spark_udf` would score, but for MLflow's look at every single value before the model looks at it.
    model, names = loaded.get_raw_model(), loaded.metadata.signature.inputs.input_names()
    # The model goes to the workers as bytes; this is the code that makes a model of them.
    spark.sparkContext.addPyFile(sys.modules[type(model).__module__].__file__)
    table = spark.read.parquet(arguments.features)
    keys = [arguments.key, arguments.cutoff]
    missing = [name for name in keys if name not in table.columns]
    if missing:
        raise SystemExit(f"{arguments.features}: has no column {missing[0]}: name it with --key or --cutoff")
    classes = model.about["classes"]

    def scores(batches):
        for batch in batches:
            found = model.predict(batch[[name for name in names if name in batch]]).astype("float32")
            # Of equals the first.
            predicted = pd.Series(np.array(classes)[found.to_numpy().argmax(axis=1)], index=batch.index, name="PREDICTED")
            yield pd.concat([batch[keys], predicted, found.add_prefix("PROBABILITY_")], axis=1)

    written = [table.schema[name] for name in keys] + [StructField("PREDICTED", StringType())]
    written += [StructField(f"PROBABILITY_{name}", FloatType()) for name in classes]
    read = [name for name in table.columns if name in {*keys, *names}]
    predictions = table.select(*map(column, read)).mapInPandas(scores, StructType(written))
    predictions.write.mode("overwrite").partitionBy(arguments.cutoff).parquet(arguments.out)


def column(name):
    """A column by its name, whatever characters it has."""
    return functions.col("`" + name.replace("`", "``") + "`")


def parse(words):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True, help="models:/NAME@ALIAS, models:/NAME/VERSION or a folder")
    parser.add_argument("--features", required=True, help="the feature table, Parquet")
    parser.add_argument("--out", required=True, help="the folder of the predictions; what is there is replaced")
    parser.add_argument("--key", default="CUSTOMERID", help="the column that tells customers apart (%(default)s)")
    parser.add_argument("--cutoff", default="CUTOFF", help="the column with the date of a row (%(default)s)")
    return parser.parse_args(words)


if __name__ == "__main__":
    main()
