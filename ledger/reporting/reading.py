"""Rows read as they are wanted: a cursor on the server, and a few thousand rows at a time here."""

from collections.abc import Iterator
from typing import Any

import psycopg
from sqlalchemy import Connection

ROWS_AT_A_TIME = 2_000


def read(connection: Connection, query: str, values: tuple[object, ...]) -> Iterator[Any]:
    """Yield the rows of a query from a cursor on the server, which is closed at the end.

    The connection can be used for other queries meanwhile.
    """
    streaming = {"stream_results": True, "yield_per": ROWS_AT_A_TIME}
    with connection.exec_driver_sql(query, values, execution_options=streaming) as result:
        for rows in result.partitions(ROWS_AT_A_TIME):  # of text, SQLAlchemy drops `yield_per`
            yield from rows


def fetch(connection: Connection, query: str, values: tuple[object, ...]) -> list[tuple[Any, ...]]:
    """Return all rows of a query that gives a few thousand, as plain tuples.

    In PostgreSQL's binary form and straight from the driver, which is several times faster where
    millions are read so. The connection must be in a transaction.
    """
    driver = connection.connection.driver_connection
    if not isinstance(driver, psycopg.Connection):
        raise TypeError("the ledger needs psycopg")
    with driver.cursor(binary=True) as cursor:
        return cursor.execute(query.encode(), values).fetchall()
