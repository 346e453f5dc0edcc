"""Writes random CSV texts and what Python's csv module makes of them, as JSON lines.

The reader of nextbest reads the same (`tables::csv::tests::records_are_those_of_python`). Bytes are written as the characters of
Latin-1. Blank lines are records of one empty cell, as the reader counts them.

Usage: csv_records.py OUT
"""

import csv
import io
import json
import random
import sys

PIECES = ['"', '"', '""', ",", ",", ",", "\n", "\r\n", "\r", " ", "a", "b1", "\t", '"\n', ',"', '",', '\n"', "\xe9", "\0"]


def records(text, delimiter):
    # As a file is read: CR, LF and CRLF each end a line.
    lines = io.TextIOWrapper(io.BytesIO(text.encode("latin-1")), encoding="latin-1", newline="")
    reader = csv.reader(lines, delimiter=delimiter)
    line, found = 1, []
    for cells in reader:
        found.append((line, cells or [""]))
        line = reader.line_num + 1
    return found


def small(choose):
    return "".join(choose.choice(PIECES) for _ in range(choose.randrange(60)))


def large(choose, size):
    """More than two blocks of the reader: mostly sound rows, some of many lines, some with strays that quote nothing."""
    rows, length = [], 0
    while length < size:
        cell = choose.choice(['plain', '15" wide', '"quoted, with ""marks"""', '"two\nlines"', '"', 'a"', ""][: choose.choice([3, 4, 7])])
        # Marks that open and are not closed would swallow the file: a mark alone is put behind text.
        cell = "x" + cell if cell == '"' else cell
        row = f"{len(rows)},{cell},{choose.random()}" + choose.choice(["\n", "\r\n", "\r"])
        rows.append(row)
        length += len(row)
    return "".join(rows)


def main(path):
    csv.field_size_limit(1 << 30)
    choose = random.Random(17)
    with open(path, "w", encoding="ascii") as out:
        for number in range(6_000):
            text, delimiter = small(choose), choose.choice(",;\t|")
            text = text.replace(",", delimiter)
            out.write(json.dumps({"text": text, "delimiter": delimiter, "records": records(text, delimiter)}) + "\n")
        for size in (4_500_000, 6_500_000):
            text = large(choose, size)
            out.write(json.dumps({"text": text, "delimiter": ",", "records": records(text, ",")}) + "\n")


main(sys.argv[1])
