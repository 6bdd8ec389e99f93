"""Holds: money reserved on a strict account until it is captured, voided or expires."""

import datetime as dt
from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from ledger.entries import Entry, Posted, fingerprint
from ledger.errors import (
    EffectKeyReusedError,
    HoldClosedError,
    HoldExceededError,
    InsufficientFundsError,
    MalformedEntryError,
    UnknownAccountError,
    UnknownHoldError,
)
from ledger.posting import lock_accounts, post

EXPIRE_BATCH = 500


class Hold(NamedTuple):
    """A hold; amounts in minor units. `state`: open, captured, voided or expired."""

    id: int
    effect_key: str
    account_id: int
    amount: int
    captured: int
    state: str
    expires_at: dt.datetime | None


def place_hold(
    connection: Connection,
    *,
    effect_key: str,
    account_id: int,
    amount: int,
    now: dt.datetime,
    expires_at: dt.datetime | None = None,
) -> Hold:
    """Reserve `amount` of what a strict account has; the same key again returns the same hold.

    Raises:
        InsufficientFundsError: less than that is available.
        EffectKeyReusedError: the key stands for a hold of another account or amount.
        MalformedEntryError: the amount is not a positive int, or the account is deferred.
        UnknownAccountError: there is no such account.
    """
    if type(amount) is not int or amount <= 0:
        raise MalformedEntryError(f"{effect_key}: a hold is for a positive number of minor units")
    lock_accounts(connection, [account_id])
    existing = _find(connection, _BY_KEY, effect_key)
    if existing is not None:
        return _same_hold(existing, account_id, amount, expires_at)
    mode = connection.exec_driver_sql(
        "SELECT mode FROM ledger.balances WHERE account_id = %s", (account_id,)
    ).scalar_one_or_none()
    if mode is None:
        raise UnknownAccountError(f"there is no account {account_id}")
    if mode != "strict":
        raise MalformedEntryError(f"account {account_id} is deferred; only strict ones hold")
    try:
        with connection.begin_nested():
            connection.exec_driver_sql(
                "SELECT ledger.place_hold(%s, %s, %s::numeric, %s, %s)",
                (effect_key, account_id, str(amount), expires_at, now),
            )
    except IntegrityError as error:
        constraint = getattr(getattr(error.orig, "diag", None), "constraint_name", None)
        if constraint == "balances_floor":
            raise InsufficientFundsError(
                f"{effect_key}: account {account_id} has less than {amount} available"
            ) from None
        if constraint != "holds_effect_key":
            raise
    hold = _find(connection, _BY_KEY, effect_key)
    if hold is None:
        raise AssertionError("a hold that was placed is there")
    return _same_hold(hold, account_id, amount, expires_at)


def capture_hold(
    connection: Connection,
    hold_id: int,
    entry: Entry,
    *,
    amount: int,
    now: dt.datetime,
    release_rest: bool = False,
) -> Posted:
    """Take `amount` out of a hold and post `entry`, which uses it, as one step.

    A hold may be captured several times up to its amount; `release_rest` gives back what is left.
    The same entry again is a replay and takes nothing more out.

    Raises:
        UnknownHoldError, HoldClosedError, HoldExceededError: the hold does not allow it.
        MalformedEntryError: the entry does not take exactly `amount` from the hold's account.
        LedgerError: as `post`; the hold is then as it was.
    """
    hold = _hold(connection, hold_id)
    lock_accounts(connection, [hold.account_id, *(account for account, _ in entry.postings)])
    replayed = _replay(connection, entry)
    if replayed is not None:
        return replayed
    hold = _hold(connection, hold_id)  # again, now that nobody else can change it
    _check_capture(connection, hold, entry, amount=amount, now=now)
    with connection.begin_nested():
        connection.exec_driver_sql(
            "SELECT ledger.take_from_hold(%s, %s::numeric, %s, %s)",
            (hold_id, str(amount), release_rest, now),
        )
        return post(connection, entry)


def void_hold(connection: Connection, hold_id: int, *, now: dt.datetime) -> bool:
    """Give back what is left of a hold; False if it was closed before.

    Raises:
        UnknownHoldError: there is no such hold.
    """
    _hold(connection, hold_id)
    return bool(_close(connection, [hold_id], "voided", now))


def expire_holds(connection: Connection, *, now: dt.datetime) -> list[int]:
    """Give back up to 500 holds whose time is over; return their ids."""
    due = connection.exec_driver_sql(
        "SELECT id FROM ledger.holds WHERE state = 'open' AND expires_at <= %s"
        " ORDER BY expires_at, id LIMIT %s",
        (now, EXPIRE_BATCH),
    ).scalars()
    return _close(connection, list(due), "expired", now)


def find_hold(connection: Connection, hold_id: int) -> Hold:
    """Return a hold by its id.

    Raises:
        UnknownHoldError: there is no such hold.
    """
    return _hold(connection, hold_id)


def _hold(connection: Connection, hold_id: int) -> Hold:
    hold = _find(connection, _BY_ID, hold_id)
    if hold is None:
        raise UnknownHoldError(f"there is no hold {hold_id}")
    return hold


_SELECT = (
    "SELECT id, effect_key, account_id, amount::text, captured::text, state, expires_at"
    "  FROM ledger.holds WHERE "
)
_BY_ID = f"{_SELECT} id = %s"
_BY_KEY = f"{_SELECT} effect_key = %s"


def _find(connection: Connection, query: str, value: object) -> Hold | None:
    row = connection.exec_driver_sql(query, (value,)).one_or_none()
    if row is None:
        return None
    hold_id, effect_key, account_id, amount, captured, state, expires_at = row
    return Hold(hold_id, effect_key, account_id, int(amount), int(captured), state, expires_at)


def _same_hold(hold: Hold, account_id: int, amount: int, expires_at: dt.datetime | None) -> Hold:
    if (hold.account_id, hold.amount, hold.expires_at) != (account_id, amount, expires_at):
        raise EffectKeyReusedError(f"{hold.effect_key} stands for another hold: {hold.id}")
    return hold


def _replay(connection: Connection, entry: Entry) -> Posted | None:
    query = "SELECT id, fingerprint FROM ledger.entries WHERE effect_key = %s"
    row = connection.exec_driver_sql(query, (entry.effect_key,)).one_or_none()
    if row is None:
        return None
    if bytes(row.fingerprint) != fingerprint(entry):
        raise EffectKeyReusedError(f"{entry.effect_key} was posted before, differently")
    return Posted(row.id, replayed=True)


def _check_capture(
    connection: Connection, hold: Hold, entry: Entry, *, amount: int, now: dt.datetime
) -> None:
    if hold.state != "open" or (hold.expires_at is not None and hold.expires_at <= now):
        state = "expired" if hold.state == "open" else hold.state
        raise HoldClosedError(f"hold {hold.id} is {state}")
    if amount > hold.amount - hold.captured:
        left = hold.amount - hold.captured
        raise HoldExceededError(f"hold {hold.id} has {left} left, not {amount}")
    side = connection.exec_driver_sql(
        "SELECT side FROM ledger.balances WHERE account_id = %s", (hold.account_id,)
    ).scalar_one()
    taken = -side * sum(change for account, change in entry.postings if account == hold.account_id)
    if type(amount) is not int or amount <= 0 or taken != amount:
        raise MalformedEntryError(
            f"{entry.effect_key}: the entry takes {taken} from the hold's account, not {amount}"
        )


def _close(
    connection: Connection, hold_ids: Sequence[int], state: str, now: dt.datetime
) -> list[int]:
    query = "SELECT * FROM ledger.close_holds(%s::bigint[], %s, %s)"
    return list(connection.exec_driver_sql(query, (list(hold_ids), state, now)).scalars())
