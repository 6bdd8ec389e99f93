"""Idempotency keys as https://docs.stripe.com/api/idempotent_requests describes them."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass

from sandbox.stripe.account import Account
from sandbox.stripe.refusals import Answer, Refusal
from sandbox.stripe.store import Store, Transaction

KEY_LENGTH_MAX = 255
KEPT_S = 24 * 3600


@dataclass(frozen=True)
class Keyed:
    """One POST with an Idempotency-Key: what is asked for, and by which request."""

    key: str
    fingerprint: str
    request_id: str


@dataclass(frozen=True)
class Outcome:
    """The answer, and the request that first gave it if it is a replay."""

    answer: Answer
    replayed_from: str | None = None


def fingerprint(path: str, pairs: list[tuple[str, str]]) -> str:
    """What must be the same for two requests with one key to count as the same request."""
    return hashlib.sha256(json.dumps([path, sorted(pairs)]).encode()).hexdigest()


def once(
    store: Store,
    account: Account,
    keyed: Keyed,
    effect: Callable[[Transaction], Answer],
    *,
    claimed: Callable[[], None] = lambda: None,
) -> Outcome:
    """Run the effect unless its key has an answer; the answer is kept with the effect itself.

    `claimed` is called when the key is taken and nothing has happened yet. A refusal changes
    nothing and frees the key, as at Stripe, so that it can be used again.
    """
    kept = _claim(store, account, keyed)
    if kept is not None:
        return kept
    try:
        claimed()
        with store.transaction() as transaction:
            answer = effect(transaction)
            transaction.sql.execute(
                "UPDATE idempotency_keys SET status = ?, body = ? WHERE key = ?",
                (answer.status, json.dumps(answer.body), keyed.key),
            )
    except BaseException:
        with store.transaction() as transaction:
            transaction.sql.execute("DELETE FROM idempotency_keys WHERE key = ?", (keyed.key,))
        raise
    return Outcome(answer)


def _claim(store: Store, account: Account, keyed: Keyed) -> Outcome | None:
    if len(keyed.key) > KEY_LENGTH_MAX:
        raise Refusal(400, f"Idempotency keys have up to {KEY_LENGTH_MAX} characters.")
    with store.transaction() as transaction:
        transaction.sql.execute(
            "DELETE FROM idempotency_keys WHERE created < ?", (account.now() - KEPT_S,)
        )
        row = transaction.sql.execute(
            "SELECT fingerprint, status, body, request_id FROM idempotency_keys WHERE key = ?",
            (keyed.key,),
        ).fetchone()
        if row is None:
            transaction.sql.execute(
                "INSERT INTO idempotency_keys (key, fingerprint, request_id, created)"
                " VALUES (?, ?, ?, ?)",
                (keyed.key, keyed.fingerprint, keyed.request_id, account.now()),
            )
            return None
    first_fingerprint, status, body, request_id = row
    if first_fingerprint != keyed.fingerprint:
        raise Refusal(
            400,
            "Keys for idempotent requests can only be used with the same parameters they were"
            f" first used with. Try using a key other than '{keyed.key}'.",
            kind="idempotency_error",
        )
    if status is None:
        raise Refusal(
            409,
            f"Another request with the idempotency key '{keyed.key}' is still running.",
            code="idempotency_key_in_use",
            kind="idempotency_error",
        )
    return Outcome(Answer(status, json.loads(body)), replayed_from=request_id)
