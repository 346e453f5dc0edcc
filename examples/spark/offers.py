#!/usr/bin/env python3
"""Offers for all customers of a bank with Spark, from its raw tables: events → features → probabilities → offers.

    spark-submit examples/spark/offers.py --model models:/next_best_product@production \\
        --tables data/raw --as-of 2026-07-01 --out outputs/predictions/spark-offers

Each customer's rows are brought together by CUSTOMERID and become one JSON text, as the page in a browser passes it. The model
answers each with what it answers there. The result is Parquet files: CUSTOMERID and ANSWER, JSON.

The tables are those of the default schema, as CSV. For others, change `customers` below: it says which rows are whose.
"""

import argparse
import sys

import mlflow
import pandas as pd
from pyspark.sql import SparkSession, functions

KEY = "CUSTOMERID"


def main(words=None):
    arguments = parse(words)
    spark = SparkSession.builder.appName("nextbest: offers").getOrCreate()
    model = mlflow.pyfunc.load_model(arguments.model).get_raw_model()
    # The model goes to the workers as bytes; this is the code that makes a model of them.
    spark.sparkContext.addPyFile(sys.modules[type(model).__module__].__file__)
    as_of, options = arguments.as_of, {"top": arguments.top, "explain": arguments.explain, "channel": arguments.channel}

    def answers(batches):
        for batch in batches:
            found = model.recommend(batch["customer"], as_of, **options)
            yield pd.DataFrame({KEY: batch[KEY], "ANSWER": found})

    questions = customers(spark, arguments.tables, as_of, model.about["schema"])
    offers = questions.mapInPandas(answers, f"{KEY} string, ANSWER string")
    offers.write.mode("overwrite").parquet(arguments.out)


def customers(spark, folder, as_of, schema):
    """A row a customer who was one at `as_of`: the id, and the customer's own rows as JSON text."""

    def read(table):
        return spark.read.csv(f"{folder}/{table}.csv", header=True)

    own = (
        read("CUSTOMER")
        .join(read("PARTY"), "PARTYID")
        .join(read("ADDRESS"), functions.col("PRIMARYADDRESSID") == functions.col("ADDRESSID"), "left")
        .where(functions.col("CUSTOMERESTABLISHEDDATE") < as_of)
    )
    of_account = read("CUSTOMER_ACCOUNT").select(KEY, "CUSTOMERACCOUNTID")
    of_party = own.select(KEY, "PARTYID")
    events = {
        "accounts": read("CUSTOMER_ACCOUNT"),
        "transactions": read("TRANSACTION").join(of_account, "CUSTOMERACCOUNTID"),
        "communications": read("COMMUNICATION").join(of_party, "PARTYID"),
        "documents": read("DOCUMENT").join(of_party, "PARTYID"),
        "consents": read("CONSENT"),
    }
    customer = schema["customer"]
    # An experiment chooses an arm by the id.
    together = own.select(KEY, row(customer["columns"], KEY).alias(customer["name"]))
    for table in schema["tables"]:
        rows = events[table["name"]].select(KEY, row(table["columns"]).alias("row"))
        grouped = rows.groupBy(KEY).agg(functions.collect_list("row").alias(table["name"]))
        together = together.join(grouped, KEY, "left")
    tables = [customer["name"], *(table["name"] for table in schema["tables"])]
    return together.select(KEY, functions.to_json(functions.struct(*tables)).alias("customer"))


def row(columns, *more):
    """The columns that the model may read, numbers as numbers; words and dates are texts."""
    kind = {column["name"]: "double" if column["kind"] == "number" else "string" for column in columns}
    kind |= {name: "string" for name in more}
    return functions.struct(*(functions.col(name).cast(kind[name]).alias(name) for name in kind))


def parse(words):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True, help="models:/NAME@ALIAS, models:/NAME/VERSION or a folder")
    parser.add_argument("--tables", required=True, help="the folder with the raw tables, CSV")
    parser.add_argument("--as-of", required=True, help="the moment of the question: rows from here on are not read")
    parser.add_argument("--out", required=True, help="the folder of the answers; what is there is replaced")
    parser.add_argument("--top", type=int, default=3, help="how many offers at most (%(default)s)")
    parser.add_argument("--explain", action="store_true", help="give each offer its reasons")
    parser.add_argument("--channel", help="where the offers will be shown: a channel that the policy names")
    return parser.parse_args(words)


if __name__ == "__main__":
    main()
