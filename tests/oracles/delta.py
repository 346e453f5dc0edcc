#!/usr/bin/env python3
"""Reads the feature table's Delta folder with delta-rs, and compares it with what was written beside it.

    oracles/bin/python tests/oracles/delta.py FOLDER OLDER.csv NEWER.csv

FOLDER holds two versions of the table: version 0, whose rows are those of OLDER.csv, and version 1 with those of
NEWER.csv. Exits with 1 where delta-rs sees anything else.
"""

import argparse
import csv
import math
import sys

from deltalake import DeltaTable, QueryBuilder


def rows_of_csv(path):
    with open(path, newline="") as file:
        reader = csv.reader(file)
        return next(reader), list(reader)


def check(table, path):
    header, rows = rows_of_csv(path)
    fields = table.schema().fields
    assert [field.name for field in fields] == header, "the columns are those of the CSV"
    assert all(field.metadata.get("comment") for field in fields), "every column says what it is"
    assert [field.nullable for field in fields[:4]] == [False] * 4
    result = QueryBuilder().register("t", table).execute("select * from t").read_all()
    columns = {name: [value.as_py() for value in result.column(name)] for name in header}
    key, cutoff = header[0], header[1]
    order = {(columns[key][row], str(columns[cutoff][row])): row for row in range(result.num_rows)}
    assert len(order) == result.num_rows == len(rows), "each customer once at each cut-off"
    for row in rows:
        at = order[row[0], row[1]]
        assert row[2:4] == [columns[name][at] for name in header[2:4]]
        for name, text in zip(header[4:], row[4:]):
            value = columns[name][at]
            # A float of 32 bits, as the shortest text that gives it back.
            same = value is None if text == "" else math.isclose(float(text), value, rel_tol=1e-7)
            assert same, f"{row[0]} {row[1]} {name}: {text!r} and {value!r}"
    print(f"version {table.version()}: {len(rows)} rows × {len(header)} columns agree")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("older")
    parser.add_argument("newer")
    arguments = parser.parse_args()
    table = DeltaTable(arguments.folder)
    assert table.version() == 1, f"the latest version is {table.version()}"
    assert table.metadata().configuration["nextbest.primaryKeys"] == table.schema().fields[0].name
    check(table, arguments.newer)
    check(DeltaTable(arguments.folder, version=0), arguments.older)


if __name__ == "__main__":
    sys.exit(main())
