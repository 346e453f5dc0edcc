"""Whether results agree."""

import sys

import polars as pl

KEY = "CUSTOMERID"
COUNTS = ["count_30d", "count_180d", "types_90d"]
LAST = "last_balance_180d"


def compare(results, data, cutoff):
    """Fails where the peers' values are not ours: counts exactly, others to single precision. Gives how many rows
    were read and how many there are in a result."""
    ours = pl.read_parquet(results["nextbest"]).sort(KEY)
    for peer in ["polars", "duckdb"]:
        theirs = pl.read_parquet(results[peer]).sort(KEY)
        if not theirs[KEY].equals(ours[KEY]):
            sys.exit(f"{peer} has {theirs.height} customers, nextbest {ours.height}, or others")
        for column in theirs.columns[1:]:
            mine, value = ours[column].cast(pl.Float64), theirs[column].cast(pl.Float64)
            # One step of single precision; sums that cancel out are left with the rounding errors of doubles.
            allowed = pl.Series([0.0]) if column in COUNTS else value.abs() * 2**-23 + 1e-6
            same = ((mine - value).abs() <= allowed) | (mine.is_null() & value.is_null())
            other = theirs.filter(~same.fill_null(False))
            if column == LAST:
                other = other.filter(~pl.col(KEY).is_in(tied(data, other[KEY], cutoff).implode()))
            if other.height > 0:
                sys.exit(f"{peer}: {column} differs for {other.height} customers:\n{other.select(KEY, column).head()}")
    read = pl.scan_parquet(data / "TRANSACTION.parquet").select(pl.len()).collect().item()
    return read, ours.height


def tied(data, customers, cutoff):
    """Those of the customers whose latest balances were recorded in the same second: any of them is the last."""
    if customers.is_empty():
        return customers
    at = pl.col("TRANSACTIONINITIATEDTIMESTAMP")
    accounts = pl.scan_parquet(data / "CUSTOMER_ACCOUNT.parquet").filter(pl.col(KEY).is_in(customers.implode()))
    rows = (
        pl.scan_parquet(data / "TRANSACTION.parquet")
        .filter(at < pl.lit(cutoff).str.to_datetime(), pl.col("BALANCEAFTER").is_not_null())
        .join(accounts, on="CUSTOMERACCOUNTID")
        .filter(at == at.max().over(KEY))
    )
    return rows.group_by(KEY).len().filter(pl.col("len") > 1).collect()[KEY]
