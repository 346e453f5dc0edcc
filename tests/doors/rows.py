"""The odd rows that go through every door: always the same ones.

A cell is `{kind: value}`, which every door writes in its own way, where it can say it at all:

    {"text": "Roma"}  {"int": "12"}  {"float": "0.5"}  {"bool": true}  {"null": null}  {"instant": "2024-01-01T10:00:00Z"}
    {"list": null}  {"object": null}

A text may have half of a surrogate pair, a float may be nan, inf or -inf, an int may have any number of digits.
"""

import random

ROOMS = ["", " ", "   ", "\t", "\u00a0", "\u3000", "\r\n", "\x00\x00"]


def text(value):
    return {"text": value}


def whole(value):
    return {"int": str(value)}


def fraction(value):
    return {"float": value if isinstance(value, str) else repr(value)}


NULL = {"null": None}
NO_CELLS = [{"list": None}, {"object": None}]
INFINITE = [fraction("inf"), fraction("-inf")]
MISSING_TEXTS = ["", " ", "\x00", "NA", "na", " N/A ", "NaN", "nan", "null", "NULL", "?", " ?"]


def padded(word, draw):
    return draw.choice(ROOMS) + word + draw.choice(ROOMS)


def words(known, draw):
    """Cells for a column of words."""
    cells = [text(padded(word, draw)) for word in known for _ in range(6)]
    cells += [text(other) for word in known for other in (word.upper(), word.lower(), word + ".", word[:-1], word + "\u200b")]
    cells += [text(missing) for missing in MISSING_TEXTS]
    cells += [
        text(odd)
        for odd in [
            "Atlantis", "=1+1", "a,\"b\"", "two\nlines", "Z\u00fcrich", "\U0001f600", "Ro\ud83d", "\ude00ma", "\ud83d\ud83d\ude00", "\u2028",
            "true", "True", "1", "1.0", "x" * 10_000, "-0", "1e21",
        ]
    ]
    cells += [{"bool": True}, {"bool": False}, NULL, fraction("nan"), *INFINITE, *NO_CELLS]
    cells += [whole(number) for number in (1, 0, -3, 2**53 + 1, 2**63, 10**30)]
    cells += [fraction(number) for number in (1.0, -0.0, 0.5, 2.0**53, 1e21)]
    return cells


def numbers(draw):
    cells = [whole(number) for number in (0, 1, -1, 44, 2**31, 2**53, 2**53 + 1, -(2**53) - 1, 2**63, 2**64 - 1, 10**30)]
    cells += [
        fraction(number)
        for number in (0.1 + 0.2, 1e16, 1e308, -1e308, 5e-324, -0.0, 3.4028235677973366e38, 123456789.123456789, 0.1, 4.35, 1e-7)
    ]
    cells += [fraction(repr(draw.uniform(-1, 1) * 10 ** draw.randint(-12, 12))) for _ in range(30)]
    cells += [fraction("nan"), *INFINITE, NULL, *NO_CELLS, {"bool": True}]
    cells += [text(missing) for missing in MISSING_TEXTS]
    cells += [text(odd) for odd in ("abc", "1e999", "inf", "Infinity", "12 kg", "Ro\ud83d", "0x10", "1_000", "--1")]
    return cells


TIMES = [
    "2021-03-04", " 2021-03-04 ", "2021-03-04 00:00:00", "2021-03-04 10:20", "2021-03-04T10:20:30", "2021-03-04 10:20:30.999",
    "1969-12-31 23:59:59", "1900-02-28", "2000-02-29", "2021-03-04 23:59:59.999999", "2021-03-04T10:20:30Z",
    "2021-03-04T10:20:30.5Z", "2021-03-04 10:20:30+02:00", "2021-03-04T23:30:00-05:00",
]
NO_TIMES = [
    "2021-02-29", "2021-13-01", "2021-00-10", "2021-03-04 24:00:00", "2021-03-04 10:60", "2021-03-04 10:20:60", "04.03.2021", "03/04/2021",
    "2021-3-4", "yesterday", "20210304", "2021-03-04 10", "2021-03-04Z10:20", "Ro\ud83d",
]


def times():
    cells = [text(time) for time in TIMES + NO_TIMES]
    cells += [text(missing) for missing in MISSING_TEXTS]
    cells += [{"instant": "2021-03-04T10:20:30Z"}, {"instant": "1969-12-31T23:59:59Z"}]
    cells += [NULL, fraction("nan"), *INFINITE, *NO_CELLS, whole(20210304), fraction(0.5), {"bool": True}]
    return cells


def plain_rows(columns, count, seed=1):
    """Rows of the plain table: `{id, row, strict}`. Each has an odd cell, and some have many."""
    draw = random.Random(seed)
    kinds = {"number": lambda known: numbers(draw), "time": lambda known: times(), "word": lambda known: words(known, draw)}
    odd = {name: kinds[kind](known) for name, kind, known in columns}
    usual = {
        "number": lambda known: fraction(round(draw.uniform(18, 80), 2)),
        "time": lambda known: text(f"20{draw.randint(18, 23)}-{draw.randint(1, 12):02}-{draw.randint(1, 28):02}"),
        "word": lambda known: text(draw.choice(known)),
    }

    def base():
        return {name: usual[kind](known) for name, kind, known in columns}

    rows = [base() | {name: cell} for name, cells in odd.items() for cell in cells]
    while len(rows) < count:
        row = base()
        for name in draw.sample(sorted(odd), draw.randint(2, len(odd))):
            row[name] = draw.choice(odd[name])
        if draw.random() < 0.3:
            del row[draw.choice(sorted(row))]
        if draw.random() < 0.3:
            row[draw.choice(["Age", "CITTY", "NOTE", "__proto__", "toJSON", "é", "x\ud83d"])] = draw.choice([text("x"), NULL, *NO_CELLS])
        rows.append(row)
    return [{"id": f"row {number}", "row": row} for number, row in enumerate(rows)]


# How a customer's rows are laid out: table → columns, as the bundle's schema has them.
BANK = {
    "customer": ["CUSTOMERID", "CUSTOMERESTABLISHEDDATE", "CUSTOMERTYPEID", "PARTYTYPE", "DATEOFBIRTH", "CITY", "STATE"],
    "accounts": ["ORIGINATIONDATE", "PRODUCTID", "CLOSEDDATE", "PRINCIPALAMOUNT"],
    "transactions": ["TRANSACTIONINITIATEDTIMESTAMP", "TRANSACTIONAMOUNT", "TRANSACTIONTYPEID"],
    "communications": ["COMMUNICATIONSTARTTIMESTAMP", "INBOUNDOUTBOUNDINDICATOR", "OUTCOME"],
    "consents": ["TIMESTAMP", "PURPOSE", "GRANTED"],
}
AS_OF = "2026-07-01"


def customers(products, count, seed=2):
    """Customers: `{id, customer, options}`, where `customer` is table → row, or rows. Some have an odd cell, shape, name or option."""
    draw = random.Random(seed)

    def day(first, last):
        return text(f"{draw.randint(first, last)}-{draw.randint(1, 12):02}-{draw.randint(1, 28):02}")

    def usual(number):
        account = lambda: {"ORIGINATIONDATE": day(2019, 2025), "PRODUCTID": text(draw.choice(products)), "PRINCIPALAMOUNT": fraction(round(draw.uniform(1, 9e4), 2))}
        transaction = lambda: {
            "TRANSACTIONINITIATEDTIMESTAMP": text(f"2026-0{draw.randint(4, 6)}-{draw.randint(1, 28):02} {draw.randint(0, 23):02}:{draw.randint(0, 59):02}:00"),
            "TRANSACTIONAMOUNT": fraction(repr(draw.uniform(-500, 3000))),
            "TRANSACTIONTYPEID": text(draw.choice(["SALARY", "FEE", "CARD"])),
        }
        communication = lambda: {
            "COMMUNICATIONSTARTTIMESTAMP": text(f"2026-06-{draw.randint(1, 30):02} 09:00:00"),
            "INBOUNDOUTBOUNDINDICATOR": text(draw.choice(["INBOUND", "OUTBOUND"])),
            "OUTCOME": text(draw.choice(["ENQUIRY", "COMPLAINT", "INFO"])),
        }
        own = {"CUSTOMERID": text(f"C-{number}"), "CUSTOMERESTABLISHEDDATE": day(2010, 2020), "DATEOFBIRTH": day(1950, 2006), "CITY": text("Springfield")}
        return {
            "customer": own,
            "accounts": [account() for _ in range(draw.randint(1, 3))],
            "transactions": [transaction() for _ in range(draw.randint(0, 12))],
            "communications": [communication() for _ in range(draw.randint(0, 5))],
            "consents": [],
        }

    def consent(answer, at="2026-06-01 10:00:00"):
        return {"TIMESTAMP": text(at), "PURPOSE": text("PROFILING"), "GRANTED": answer}

    cases = []

    def add(change=lambda customer, number: None, options=None, whole_customer=None):
        number = len(cases)
        customer = usual(number)
        change(customer, number)
        cases.append({"id": f"customer {number}", "customer": whole_customer or customer, "options": options or {}})

    def cell(table, column, value):
        def change(customer, number):
            rows = customer[table]
            (rows if isinstance(rows, dict) else rows[0])[column] = value
        return change

    # Ids, from which the experiment's arms follow.
    for form in (
        lambda n: whole(n), lambda n: whole(2**53 + 1 + 2 * n), lambda n: whole(2**63 + n), lambda n: text(f"  K{n}\x00\x00"),
        lambda n: text(str(2**53 + 1 + 2 * n)), lambda n: text(f"00{n}"), lambda n: fraction(f"{n}.0"), lambda n: text(f"{n}.0"), lambda n: whole(10**25 + n),
    ):
        for _ in range(6):
            add(lambda customer, n, form=form: cell("customer", "CUSTOMERID", form(n))(customer, n))
    for id_ in (NULL, text(""), text("  "), fraction("nan"), fraction(0.5), fraction(2.0**53), {"bool": True}, fraction("inf"), text("C\ud83d"), *NO_CELLS):
        add(cell("customer", "CUSTOMERID", id_))
    add(lambda customer, n: customer["customer"].pop("CUSTOMERID"))
    # Answers to the question of profiling, the latest of which counts.
    for answer in (
        text("Y"), text(" Y  "), text("Y\x00"), text("y"), text("N"), text("WITHDRAWN"), text(""), text("yes"), text("\ud83d"), NULL, {"bool": False},
        {"bool": True}, whole(0), whole(1), text("Y."),
    ):
        add(lambda customer, n, answer=answer: customer["consents"].append(consent(answer)))
        add(lambda customer, n, answer=answer: customer["consents"].extend([consent(text("Y"), "2025-01-01"), consent(answer)]))
        add(lambda customer, n, answer=answer: customer["consents"].extend([consent(text("N"), "2025-01-01"), consent(answer)]))
    add(lambda customer, n: customer["consents"].append(consent(text("N"), "2026-07-01")))
    add(lambda customer, n: customer["consents"].append(consent(text("N"), "2026-06-30 23:59:59")))
    # Birthdays about the age limits.
    for born in ("2008-07-01", "2008-06-30", "2008-07-02", "1961-07-01", "1961-06-30", "1961-07-02", "2008-02-29", "1960-02-29", "2027-01-01", "1890-01-01"):
        add(cell("customer", "DATEOFBIRTH", text(born)))
    for value in times():
        add(cell("customer", "DATEOFBIRTH", value))
        add(cell("accounts", "ORIGINATIONDATE", value))
    for value in numbers(draw)[::2]:
        add(cell("accounts", "PRINCIPALAMOUNT", value))
    for value in words(["Springfield"], draw)[::2]:
        add(cell("customer", "CITY", value))
    for value in (text(" SALARY "), text("salary"), text("FEE\x00"), NULL, whole(7), {"bool": True}, fraction(0.5)):
        add(lambda customer, n, value=value: customer["transactions"].append(
            {"TRANSACTIONINITIATEDTIMESTAMP": text("2026-06-20 10:00:00"), "TRANSACTIONAMOUNT": whole(100), "TRANSACTIONTYPEID": value}))
    # Names that the model does not know, and shapes that no customer has.
    add(lambda customer, n: customer.update(transactons=[]))
    add(lambda customer, n: customer["customer"].update(BIRTHDAY=text("x"), __proto__=NULL))
    add(lambda customer, n: [row.update(AMOUNT=whole(1)) for row in customer["accounts"]])
    add(lambda customer, n: customer.update({f"table {i}": [] for i in range(30)}))
    add(lambda customer, n: customer["customer"].update(BIRTHDAY=text("x")), options={"strict": {"bool": True}})
    add(lambda customer, n: customer.update(accuonts=[]), options={"strict": {"bool": True}})
    for shape in ({"list": None}, {"text": "x"}, NULL, whole(3), {"bool": True}):
        add(lambda customer, n, shape=shape: customer.update(customer=shape))
        add(lambda customer, n, shape=shape: customer.update(accounts=shape))
        add(lambda customer, n, shape=shape: customer.update(accounts=[shape]))
        add(whole_customer=shape)
    add(lambda customer, n: customer.update(accounts={}))
    add(lambda customer, n: customer.pop("customer"))
    add(lambda customer, n: [customer.pop(table) for table in ("accounts", "transactions", "communications", "consents")])
    # Options.
    for name, values in {
        "top": (whole(1), whole(5), fraction("2.0"), fraction(3.5), whole(0), whole(-1), text("3"), {"bool": True}, NULL, *NO_CELLS, fraction("1e300")),
        "explain": ({"bool": False}, text("yes"), whole(1), NULL),
        "counterfactual": ({"bool": True}, whole(1)),
        "channel": (text("WEB"), text("BRANCH"), text("web"), text("FAX"), whole(1), NULL),
        "strict": ({"bool": False}, text("true")),
        "asOf": (text("2026-06-30 23:59:59"), text("soon"), whole(20260701), {"bool": True}, {"instant": "2026-07-01T00:00:00Z"}),
        "chanel": (text("WEB"),),
        "TOP": (whole(1),),
    }.items():
        for value in values:
            add(options={name: value})
    while len(cases) < count:
        add()
    return cases
