"""What the command line says of the cases that a file can hold: as CSV and as Parquet. A file with a cell that is refused is refused
whole, so the cases that are refused elsewhere have files of their own."""

import csv
import datetime
import os
import re
import shutil
import subprocess
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from rows import BANK

PROGRAM = os.environ["NEXTBEST"]


def run(*arguments, folder="."):
    return subprocess.run([PROGRAM, "--quiet", *arguments], cwd=folder, capture_output=True, text=True)


class Unsaid(Exception):
    """The form has nothing that says this cell."""


def is_number(text):
    try:
        return float(text.strip(" \t\r\n\x00\u00a0\u3000")) is not None and any(c.isdigit() for c in text) and "_" not in text
    except ValueError:
        return False


def check(cell, kind):
    """Raises where files say something else than other doors: a text with half a pair, what is nested, digits in a text."""
    ((form, said),) = cell.items()
    if form in ("list", "object"):
        raise Unsaid
    if form == "text":
        if any(0xD800 <= ord(character) < 0xE000 for character in said):
            raise Unsaid
        if kind == "number" and is_number(said):
            raise Unsaid
    return form, said


def as_csv(cell, kind):
    form, said = check(cell, kind)
    if form == "text" and "\x00" in said:
        # No text file.
        raise Unsaid
    match form:
        case "null":
            return ""
        case "bool":
            return "true" if said else "false"
        case "float" if said == "nan":
            return ""
        case "float" if kind == "word" and said in ("inf", "-inf"):
            # A text like others.
            raise Unsaid
        case "float" if kind == "word" and not said.endswith(".0"):
            raise Unsaid
        case "float" if kind == "word" and abs(float(said)) >= 2**53:
            raise Unsaid
    # A file of text has no types: a number where a date belongs is refused, and in a column of words it is one.
    return said


ARROW = {"text": pa.string(), "int": pa.int64(), "float": pa.float64(), "bool": pa.bool_(), "instant": pa.timestamp("us", "UTC")}


def as_parquet(cell, kind):
    """The type and the value."""
    form, said = check(cell, kind)
    match form:
        case "null":
            return None, None
        case "int":
            number = int(said)
            if -(2**63) < number < 2**63:
                return pa.int64(), number
            if 0 <= number < 2**64:
                return pa.uint64(), number
            raise Unsaid
        case "float":
            if kind == "word" and (not float(said).is_integer() or abs(float(said)) >= 2**53):
                raise Unsaid
            return pa.float64(), float(said)
        case "instant":
            return ARROW[form], datetime.datetime.fromisoformat(said)
    return ARROW[form], said


# --- a plain table ---------------------------------------------------------------------------------------------------------


def plain(folder, bundle, columns, cases, reference):
    """Answers of CSV and of Parquet: `{"csv": […], "parquet": […]}`, None where a case can't be said."""
    kinds = {name: kind for name, kind, _ in columns}
    answers = {"csv": [None] * len(cases), "parquet": [None] * len(cases)}
    groups = {}
    for number, case in enumerate(cases):
        cells = {name: case["row"].get(name, {"null": None}) for name in kinds}
        alone = (number,) if "answer" not in reference[number] else ()
        try:
            row = {name: as_csv(cell, kinds[name]) for name, cell in cells.items()}
            groups.setdefault(("csv", alone), []).append((number, row))
        except Unsaid:
            pass
        try:
            typed = {name: as_parquet(cell, kinds[name]) for name, cell in cells.items()}
            types = tuple(str(of) for of, _ in typed.values())
            groups.setdefault(("parquet", types, alone), []).append((number, typed))
        except Unsaid:
            pass
    for (form, *_), rows in groups.items():
        path = folder / f"table.{form}"
        if form == "csv":
            with path.open("w", newline="") as file:
                writer = csv.DictWriter(file, list(kinds), quoting=csv.QUOTE_ALL)
                writer.writeheader()
                writer.writerows(row for _, row in rows)
        else:
            table = {}
            for name in kinds:
                type_ = rows[0][1][name][0] or pa.string()
                table[name] = pa.array([row[name][1] for _, row in rows], type_)
            pq.write_table(pa.table(table), path)
        out = folder / "scores.csv"
        done = run("score", "--bundle", str(bundle), "--table", str(path), "--out", str(out), folder=folder)
        if done.returncode == 0:
            with out.open(newline="") as file:
                scores = [
                    {name.removeprefix("PROBABILITY_"): float(value) for name, value in row.items() if name.startswith("PROBABILITY_")}
                    for row in csv.DictReader(file)
                ]
            assert len(scores) == len(rows), (len(scores), len(rows))
            for (number, _), score in zip(rows, scores):
                answers[form][number] = {"answer": score}
        else:
            for number, _ in rows:
                answers[form][number] = {"message": done.stderr, "of": len(rows)}
    return answers


# --- a bank ----------------------------------------------------------------------------------------------------------------

FILES = {
    "customer": "CUSTOMER", "party": "PARTY", "address": "ADDRESS", "accounts": "CUSTOMER_ACCOUNT", "transactions": "TRANSACTION",
    "communications": "COMMUNICATION", "documents": "DOCUMENT", "consents": "CONSENT",
}
NUMBERS = {"PRINCIPALAMOUNT", "INTERESTRATE", "TRANSACTIONAMOUNT", "BALANCEAFTER"}
TIMES = {
    "CUSTOMERESTABLISHEDDATE", "DATEOFBIRTH", "ORIGINATIONDATE", "MATURITYDATE", "CLOSEDDATE", "TRANSACTIONINITIATEDTIMESTAMP",
    "COMMUNICATIONSTARTTIMESTAMP", "DOCUMENTCREATEDTIMESTAMP", "TIMESTAMP",
}
COLUMNS = {
    "customer": ["CUSTOMERID", "PARTYID", "CUSTOMERESTABLISHEDDATE", "CUSTOMERTYPEID"],
    "party": ["PARTYID", "PARTYTYPE", "DATEOFBIRTH", "PRIMARYADDRESSID"],
    "address": ["ADDRESSID", "CITY", "STATE"],
    "accounts": ["CUSTOMERACCOUNTID", "CUSTOMERID", "PRODUCTID", "CHANNELID", "ORIGINATIONDATE", "MATURITYDATE", "CLOSEDDATE", "PRINCIPALAMOUNT", "INTERESTRATE", "ACCOUNTSTATUS"],
    "transactions": ["TRANSACTIONID", "CUSTOMERACCOUNTID", "TRANSACTIONINITIATEDTIMESTAMP", "TRANSACTIONAMOUNT", "TRANSACTIONTYPEID", "BALANCEAFTER"],
    "communications": ["COMMUNICATIONID", "PARTYID", "COMMUNICATIONSTARTTIMESTAMP", "COMMUNICATIONMETHODID", "INBOUNDOUTBOUNDINDICATOR", "OUTCOME"],
    "documents": ["DOCUMENTID", "PARTYID", "CUSTOMERACCOUNTID", "DOCUMENTTYPEID", "DOCUMENTCREATEDTIMESTAMP"],
    "consents": ["CUSTOMERID", "PURPOSE", "GRANTED", "TIMESTAMP"],
}


# Somebody else, since no table may be empty.
BYSTANDER = {
    "customer": {"CUSTOMERID": "bystander", "PARTYID": "PB", "CUSTOMERESTABLISHEDDATE": "2015-01-01"},
    "party": {"PARTYID": "PB", "DATEOFBIRTH": "1980-01-01", "PRIMARYADDRESSID": "PB"},
    "address": {"ADDRESSID": "PB", "CITY": "Springfield"},
    "accounts": {"CUSTOMERACCOUNTID": "AB", "CUSTOMERID": "bystander", "PRODUCTID": "CURRENT_ACCOUNT", "ORIGINATIONDATE": "2020-01-01"},
    "transactions": {"TRANSACTIONID": "TB", "CUSTOMERACCOUNTID": "AB", "TRANSACTIONINITIATEDTIMESTAMP": "2026-05-01 10:00:00", "TRANSACTIONTYPEID": "CARD"},
    "communications": {"COMMUNICATIONID": "MB", "PARTYID": "PB", "COMMUNICATIONSTARTTIMESTAMP": "2026-05-01 10:00:00", "OUTCOME": "INFO"},
    "documents": {"DOCUMENTID": "DB", "PARTYID": "PB", "DOCUMENTTYPEID": "X", "DOCUMENTCREATEDTIMESTAMP": "2026-05-01 10:00:00"},
    "consents": {"CUSTOMERID": "bystander", "PURPOSE": "MARKETING", "GRANTED": "Y", "TIMESTAMP": "2026-05-01 10:00:00"},
}


def in_type(text, type_, column):
    """A bystander's cell in the type that a column has."""
    if text is None or pa.types.is_string(type_):
        return text
    if pa.types.is_timestamp(type_):
        return datetime.datetime.fromisoformat(text).replace(tzinfo=datetime.timezone.utc)
    if column == "CUSTOMERID":
        return 999_999_999.0 if pa.types.is_floating(type_) else 999_999_999
    return None


def tables_of(number, customer):
    """A customer's rows as the bank's tables have them."""
    own, key = dict(customer["customer"]), {"text": f"P{number}"}
    if "CUSTOMERID" not in own:
        raise Unsaid
    id_, account = own["CUSTOMERID"], {"text": f"A{number}"}
    tables = {
        "customer": [{**own, "PARTYID": key}],
        "party": [{**own, "PARTYID": key, "PRIMARYADDRESSID": key}],
        "address": [{**own, "ADDRESSID": key}],
        "accounts": [
            {**row, "CUSTOMERACCOUNTID": {"text": f"A{number}" + (f"-{place}" if place else "")}, "CUSTOMERID": id_}
            for place, row in enumerate(customer.get("accounts", []))
        ],
        "transactions": [
            {**row, "TRANSACTIONID": {"text": f"T{number}-{place}"}, "CUSTOMERACCOUNTID": account}
            for place, row in enumerate(customer.get("transactions", []))
        ],
        "communications": [
            {**row, "COMMUNICATIONID": {"text": f"M{number}-{place}"}, "PARTYID": key}
            for place, row in enumerate(customer.get("communications", []))
        ],
        "documents": [],
        "consents": [{**row, "CUSTOMERID": id_} for row in customer.get("consents", [])],
    }
    if tables["transactions"] and not tables["accounts"]:
        raise Unsaid
    return tables


def kind_of(column):
    return "number" if column in NUMBERS else "time" if column in TIMES else "word"


def bank(folder, bundle, raw, cases, reference, as_of):
    """As `plain`, of customers whom tables can say: without options of their own, with tables as the bank has them."""
    answers = {"csv": [None] * len(cases), "parquet": [None] * len(cases)}
    groups = {}
    for number, case in enumerate(cases):
        customer = case["customer"]
        is_usual = isinstance(customer.get("customer"), dict) and not case["options"] and set(customer) <= set(BANK)
        # An id that is a truth value is a text in a file.
        if not is_usual or "bool" in customer["customer"].get("CUSTOMERID", {"bool": None}) or not all(isinstance(rows, (dict, list)) for rows in customer.values()):
            continue
        if any(not isinstance(row, dict) or len(row) == 1 for name in customer if name != "customer" for row in customer[name]):
            continue
        alone = (number,) if "answer" not in reference[number] else ()
        for form, write in (("csv", as_csv), ("parquet", as_parquet)):
            try:
                cells = {
                    table: [
                        {column: write(row.get(column, {"null": None}), kind_of(column)) for column in COLUMNS[table]} for row in rows
                    ]
                    for table, rows in tables_of(number, customer).items()
                }
            except Unsaid:
                continue
            types = ()
            if form == "parquet":
                # One type a column and file; most columns have the same in all of them.
                found = {
                    (column, str(row[column][0])) for table, rows in cells.items() for row in rows for column in COLUMNS[table]
                    if row[column][0] not in (None, pa.float64() if column in NUMBERS else pa.string())
                }
                types = tuple(sorted(found))
                if any(len({str(row[column][0]) for row in rows if row[column][0]}) > 1 for table, rows in cells.items() for column in COLUMNS[table]):
                    continue
            groups.setdefault((form, types, alone), []).append((number, cells))
    for (form, types, alone), customers in groups.items():
        data = folder / "tables"
        shutil.rmtree(data, ignore_errors=True)
        data.mkdir()
        for name in ("BANKING_PRODUCT", "CHANNEL"):
            if form == "csv":
                shutil.copy(raw / f"{name}.csv", data)
            else:
                pq.write_table(pacsv.read_csv(raw / f"{name}.csv"), data / f"{name}.parquet")
        for table, columns in COLUMNS.items():
            rows = [row for _, cells in customers for row in cells[table]]
            if form == "csv":
                with (data / f"{FILES[table]}.csv").open("w", newline="") as file:
                    writer = csv.DictWriter(file, columns, quoting=csv.QUOTE_ALL)
                    writer.writeheader()
                    writer.writerows([*rows, BYSTANDER[table]])
            else:
                arrays = {}
                for column in columns:
                    # A customer's id is of one type in all tables, also in those that have no rows of these customers.
                    owners = [row for _, cells in customers for row in cells["customer"]] if column == "CUSTOMERID" else []
                    found = [row[column][0] for row in [*rows, *owners] if row[column][0] is not None]
                    type_ = found[0] if found else pa.float64() if column in NUMBERS else pa.string()
                    arrays[column] = pa.array([*(row[column][1] for row in rows), in_type(BYSTANDER[table].get(column), type_, column)], type_)
                pq.write_table(pa.table(arrays), data / f"{FILES[table]}.parquet")
        source = f"type: {form}, {form}: {{input_path: tables}}"
        (folder / "config.yaml").write_text(f"data_source: {{{source}}}\noutputs: {{path: outputs}}\n")
        log = folder / "log.csv"
        done = run("score", "--config", "config.yaml", "--bundle", str(bundle), "--as-of", as_of, "--log", str(log), folder=folder)
        if done.returncode != 0:
            for number, _ in customers:
                answers[form][number] = {"message": done.stderr, "of": len(customers)}
            continue
        offers = {}
        with (folder / "outputs/predictions/recommendations.csv").open(newline="") as file:
            for row in csv.DictReader(file):
                offers.setdefault(row["CUSTOMERID"], []).append([row["PRODUCT"], float(row["PROBABILITY"])])
        for number, cells in customers:
            id_ = printed(cells["customer"][0]["CUSTOMERID"])
            answers[form][number] = {"answer": offers.get(id_, [])}
    return answers


def printed(cell):
    """An id as the command line prints it."""
    said = cell[1] if isinstance(cell, tuple) else cell
    return re.sub(r"^[\s\x00]+|[\s\x00]+$", "", format(Decimal(said).normalize(), "f") if isinstance(said, float) else str(said))
