"""Idempotency keys: one effect for each, and its answer again for whoever asks again."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass

from sandbox.simulated.store import Resource, Store, Transaction

KEPT_S = 24 * 3600


class KeyReusedError(Exception):
    """The key was used for another request."""


class KeyInUseError(Exception):
    """The first request with the key is still running."""


@dataclass(frozen=True)
class Answer:
    """One HTTP answer: a status and a JSON body."""

    status: int
    body: Resource


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


def fingerprint(path: str, content: object) -> str:
    """What must be the same for two requests with one key to count as the same request."""
    return hashlib.sha256(json.dumps([path, content], sort_keys=True).encode()).hexdigest()


def once(
    store: Store,
    now: float,
    keyed: Keyed,
    effect: Callable[[Transaction], Answer],
    *,
    claimed: Callable[[], None] = lambda: None,
) -> Outcome:
    """Run the effect unless its key has an answer; the answer is kept with the effect itself.

    `claimed` is called when the key is taken and nothing has happened yet. A refusal changes
    nothing and frees the key, as at Stripe, so that it can be used again.

    Raises:
        KeyReusedError, KeyInUseError: nothing was done.
    """
    kept = claim(store, now, keyed)
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


def claim(store: Store, now: float, keyed: Keyed) -> Outcome | None:
    """Take the key, or return the answer it has.

    Raises:
        KeyReusedError, KeyInUseError: it cannot be taken for this request.
    """
    with store.transaction() as transaction:
        transaction.sql.execute("DELETE FROM idempotency_keys WHERE created < ?", (now - KEPT_S,))
        row = transaction.sql.execute(
            "SELECT fingerprint, status, body, request_id FROM idempotency_keys WHERE key = ?",
            (keyed.key,),
        ).fetchone()
        if row is None:
            transaction.sql.execute(
                "INSERT INTO idempotency_keys (key, fingerprint, request_id, created)"
                " VALUES (?, ?, ?, ?)",
                (keyed.key, keyed.fingerprint, keyed.request_id, now),
            )
            return None
    first_fingerprint, status, body, request_id = row
    if first_fingerprint != keyed.fingerprint:
        raise KeyReusedError
    if status is None:
        raise KeyInUseError
    return Outcome(Answer(status, json.loads(body)), replayed_from=request_id)
