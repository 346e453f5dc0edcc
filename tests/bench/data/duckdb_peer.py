"""The ten aggregates of config.yaml in DuckDB's SQL: `duckdb_peer.py FOLDER CUTOFF RESULT`."""

import sys

import duckdb

folder, cutoff, result = sys.argv[1:]

SQL = f"""
COPY (
    WITH recent AS (
        SELECT
            CUSTOMERID,
            TRANSACTIONINITIATEDTIMESTAMP AS moment,
            TRANSACTIONAMOUNT AS amount,
            TRANSACTIONTYPEID AS type,
            BALANCEAFTER AS balance,
            moment >= TIMESTAMP '{cutoff}' - INTERVAL 30 DAY AS short_term,
            moment >= TIMESTAMP '{cutoff}' - INTERVAL 90 DAY AS medium_term
        FROM '{folder}/TRANSACTION.parquet'
        JOIN '{folder}/CUSTOMER_ACCOUNT.parquet' USING (CUSTOMERACCOUNTID)
        WHERE moment >= TIMESTAMP '{cutoff}' - INTERVAL 180 DAY AND moment < TIMESTAMP '{cutoff}'
    ),
    features AS (
        SELECT
            CUSTOMERID,
            count(*) FILTER (short_term) AS count_30d,
            count(*) AS count_180d,
            sum(amount) FILTER (medium_term) AS sum_90d,
            avg(amount) FILTER (type = 'SALARY') AS mean_salary_180d,
            min(balance) FILTER (medium_term) AS min_balance_90d,
            max(amount) FILTER (type IN ('TRANSFER_IN', 'TRANSFER_OUT')) AS max_transfer_180d,
            stddev_pop(amount) FILTER (type = 'CARD') AS std_card_180d,
            count(DISTINCT type) FILTER (medium_term) AS types_90d,
            arg_max(balance, moment) AS last_balance_180d,
            max(moment) FILTER (type = 'CARD') AS last_card
        FROM recent
        GROUP BY CUSTOMERID
    )
    SELECT
        CUSTOMERID,
        coalesce(count_30d, 0) AS count_30d,
        coalesce(count_180d, 0) AS count_180d,
        coalesce(sum_90d, 0) AS sum_90d,
        mean_salary_180d,
        min_balance_90d,
        max_transfer_180d,
        std_card_180d,
        coalesce(types_90d, 0) AS types_90d,
        last_balance_180d,
        epoch(TIMESTAMP '{cutoff}' - last_card) / 86400 AS days_since_card_180d
    FROM '{folder}/CUSTOMER.parquet'
    LEFT JOIN features USING (CUSTOMERID)
    WHERE CUSTOMERESTABLISHEDDATE < DATE '{cutoff}'
) TO '{result}' (FORMAT parquet)
"""

connection = duckdb.connect()
# The order of the rows is nobody's concern, and keeping it costs memory.
connection.execute("SET preserve_insertion_order = false")
connection.execute(SQL)
