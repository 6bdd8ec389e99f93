"""What a run matches: lines that nothing explains yet, and what is still open of what is expected.

A line whose match a person took back is theirs: no run matches it again.
"""

from collections.abc import Iterator

from sqlalchemy import Connection, Engine, text

from payments.reconciliation.matching.model import OpenExpectation, OpenLine

UNDONE = "undone"
"""Why a line is unmatched that a person took out of its match."""

_FETCHED = 5_000

_LINES = text(f"""
    SELECT id, CAST(amount AS text) AS amount, currency, booked_on, bank_ref, end_to_end_id,
           batch_ref, is_bank_charge, reference_keys
      FROM strongroom.statement_lines
     WHERE state IN ('new', 'unmatched') AND reason IS DISTINCT FROM '{UNDONE}'
       AND currency IN (SELECT code FROM ledger.assets)
""")  # noqa: S608 - the reason is a constant
_EXPECTATIONS = text("""
    SELECT id, kind, CAST(amount - matched_amount AS text) AS amount, currency, occurred_on,
           provider_ref, reference_key, batch_ref
      FROM strongroom.expectations WHERE matched_amount <> amount
""")
# What open lines name and an earlier run has matched: such a line is one too many.
_MATCHED = text("""
    SELECT e.id, e.kind, '0' AS amount, e.currency, e.occurred_on, e.provider_ref,
           e.reference_key, e.batch_ref
      FROM strongroom.expectations e
     WHERE e.matched_amount = e.amount AND e.id IN (
       SELECT x.id FROM strongroom.statement_lines l
        CROSS JOIN LATERAL unnest(l.reference_keys) AS k (reference_key)
         JOIN strongroom.expectations x ON x.reference_key = k.reference_key
        WHERE l.state IN ('new', 'unmatched')
       UNION ALL
       SELECT x.id FROM strongroom.statement_lines l
         JOIN strongroom.expectations x ON x.provider_ref IN (l.end_to_end_id, l.bank_ref)
        WHERE l.state IN ('new', 'unmatched'))
""")


def open_lines(engine: Engine) -> list[OpenLine]:
    """Return the lines that a run may match."""
    with engine.connect() as connection:
        rows = connection.execution_options(yield_per=_FETCHED).execute(_LINES)
        return [
            OpenLine(
                id_,
                int(amount),
                currency,
                booked_on,
                bank_ref,
                end_to_end_id,
                batch_ref,
                is_bank_charge,
                tuple(reference_keys),
            )
            for (
                id_,
                amount,
                currency,
                booked_on,
                bank_ref,
                end_to_end_id,
                batch_ref,
                is_bank_charge,
                reference_keys,
            ) in rows
        ]


def open_expectations(engine: Engine) -> list[OpenExpectation]:
    """Return what is expected and open, and with an amount of 0 what open lines name in vain."""
    with engine.connect() as connection:
        return [*_read(connection, _EXPECTATIONS), *_read(connection, _MATCHED)]


def _read(connection: Connection, query: object) -> Iterator[OpenExpectation]:
    rows = connection.execution_options(yield_per=_FETCHED).execute(query)  # type: ignore[call-overload] # one of the two above
    for id_, kind, amount, *rest in rows:
        yield OpenExpectation(id_, kind, int(amount), *rest)
