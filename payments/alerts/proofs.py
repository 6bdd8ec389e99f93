"""Keeps what the latest proof of the books found, for whoever may not walk through all of them."""

import datetime as dt
from collections.abc import Mapping

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from payments.alerts.tables import Proof

BOOKS = "books"


def keep_proof(
    session: Session, name: str, *, broken: Mapping[str, int], took_ms: int, now: dt.datetime
) -> None:
    """Keep the result of a proof that began at `now`; an older one does not overwrite it."""
    values = {"proven_at": now, "took_ms": took_ms, "broken": dict(broken)}
    kept = insert(Proof).values(name=name, **values)
    session.execute(
        kept.on_conflict_do_update(
            index_elements=["name"], set_=values, where=Proof.proven_at <= now
        )
    )
