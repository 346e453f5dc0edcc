#!/usr/bin/env python3
"""Scores a feature table with Spark: one row of probabilities for each customer at each cut-off.

    spark-submit examples/spark/score.py --model models:/next_best_product@production \\
        --features data/processed/customer_product_features.parquet --out outputs/predictions/spark

The model is one of an MLflow registry (MLFLOW_TRACKING_URI tells where), or the folder that `nextbest export --pyfunc FOLDER`
writes. The predictions are Parquet files, in a folder for each cut-off: the key, PREDICTED (the most probable class) and
PROBABILITY_… of each class, the same bits as everywhere.
"""

import argparse

import mlflow
from mlflow.models import get_model_info
from pyspark.sql import SparkSession, functions


def main(words=None):
    arguments = parse(words)
    spark = SparkSession.builder.appName("nextbest: score").getOrCreate()
    signature = get_model_info(arguments.model).signature
    score = mlflow.pyfunc.spark_udf(spark, arguments.model, env_manager="local")
    table = spark.read.parquet(arguments.features)
    missing = [name for name in [arguments.key, arguments.cutoff] if name not in table.columns]
    if missing:
        raise SystemExit(f"{arguments.features}: has no column {missing[0]}: name it with --key or --cutoff")

    features = functions.struct(*map(column, signature.inputs.input_names()))
    scored = table.select(column(arguments.key), column(arguments.cutoff), score(features).alias("scores"))
    classes = signature.outputs.input_names()
    probability = {name: functions.col("scores").getField(name) for name in classes}
    # Of equals the first: max_by would take any.
    most = functions.greatest(*probability.values())
    predicted = functions.coalesce(
        *(functions.when(value == most, functions.lit(name)) for name, value in probability.items())
    )
    named = [value.cast("float").alias(f"PROBABILITY_{name}") for name, value in probability.items()]
    predictions = scored.select(column(arguments.key), column(arguments.cutoff), predicted.alias("PREDICTED"), *named)
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
