"""The bare floor: two balances changed and two rows kept, with no key, check, index or history.

It guarantees nothing but durability. What the ledger costs is told as a share of it.
"""

from sqlalchemy import Connection, Engine

SCHEMA = """
CREATE SCHEMA floor;
CREATE TABLE floor.balances (id bigint PRIMARY KEY, amount bigint NOT NULL) WITH (fillfactor = 70);
CREATE TABLE floor.entries (key text, kind text, at timestamptz);
CREATE TABLE floor.postings (account_id bigint, amount bigint);
INSERT INTO floor.balances SELECT n, 0 FROM generate_series(1, 10001) n;
GRANT USAGE ON SCHEMA floor TO strongroom_app;
GRANT ALL ON ALL TABLES IN SCHEMA floor TO strongroom_app;
"""

_BATCH = """
WITH lines AS MATERIALIZED (
  SELECT * FROM unnest(%s::bigint[], %s::bigint[]) AS l (account_id, amount)),
moved AS (
  UPDATE floor.balances b SET amount = b.amount + m.amount
    FROM (SELECT account_id, sum(amount) AS amount FROM lines
           GROUP BY account_id ORDER BY account_id) m
   WHERE b.id = m.account_id),
kept AS (
  INSERT INTO floor.entries SELECT k.key, 'card.charged', now() FROM unnest(%s::text[]) AS k (key))
INSERT INTO floor.postings SELECT account_id, amount FROM lines
"""


def create_floor(owner: Engine) -> None:
    """Create the floor's tables, with balances 1 (hot) to 10,001."""
    with owner.begin() as connection:
        connection.exec_driver_sql(SCHEMA)


def post_floor(connection: Connection, keys: list[str], moves: list[tuple[int, int]]) -> None:
    """Move one minor unit for each key from the second account to the first."""
    accounts = [account for move in moves for account in move]
    amounts = [1, -1] * len(moves)
    connection.exec_driver_sql(
        _BATCH,
        (
            "{" + ",".join(map(str, accounts)) + "}",
            "{" + ",".join(map(str, amounts)) + "}",
            "{" + ",".join(keys) + "}",
        ),
    )
