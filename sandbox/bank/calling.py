"""How each kind of call runs: in one transaction, and with its Idempotency-Key at most once."""

from collections.abc import Callable
from typing import TypeVar

from flask import Response, g, jsonify, request

from sandbox.bank import access
from sandbox.bank.account import Account
from sandbox.bank.books import Books
from sandbox.bank.refusals import Refusal
from sandbox.simulated import replays
from sandbox.simulated.deliveries import Deliveries
from sandbox.simulated.replays import Answer, Keyed, KeyInUseError, KeyReusedError
from sandbox.simulated.store import Resource, Store

Found = TypeVar("Found")


class Calls:
    """Runs what routes ask for on the bank's books."""

    def __init__(self, store: Store, account: Account, deliveries: Deliveries) -> None:
        self._store = store
        self._account = account
        self._deliveries = deliveries

    def look_up(self, effect: Callable[[Books], Resource]) -> Response:
        """Answer a GET of our own server."""
        with self._store.transaction() as transaction:
            access.check_token(transaction, self._account, request.headers.get("Authorization"))
            return respond(Answer(200, effect(Books(transaction, self._account))))

    def change(self, effect: Callable[[Books, Resource], Answer]) -> Response:
        """Answer a signed POST of our own server, once for each Idempotency-Key."""
        with self._store.transaction() as transaction:
            access.check_token(transaction, self._account, request.headers.get("Authorization"))
        access.check_signature(self._account, request)
        wanted = body()
        keyed = Keyed(
            request.headers["Idempotency-Key"],
            replays.fingerprint(request.path, wanted),
            g.trace_id,
        )
        claimed = g.get("when_claimed") or (lambda: None)
        try:
            outcome = replays.once(
                self._store,
                self._account.now(),
                keyed,
                lambda transaction: effect(Books(transaction, self._account), wanted),
                claimed=claimed,
            )
        except KeyReusedError:
            raise Refusal(422, "The Idempotency-Key was used with another request.") from None
        except KeyInUseError:
            raise Refusal(
                409,
                "The first request with this Idempotency-Key is still running.",
                title="Idempotency-Key Concurrency Conflict",
            ) from None
        self._deliveries.wake()
        return respond(outcome.answer)

    def freely(self, effect: Callable[[Books], Found]) -> Found:
        """Do what the token endpoint, a page or a knob does; who may is its own affair."""
        with self._store.transaction() as transaction:
            found = effect(Books(transaction, self._account))
        self._deliveries.wake()
        return found

    def knob(self, effect: Callable[[Books, Resource], Found]) -> Found:
        """Turn a knob: allowed with the client secret."""
        access.check_secret(self._account, request.headers.get("Authorization"))
        return self.freely(lambda books: effect(books, body()))


def body() -> Resource:
    """The JSON object that was sent; nothing sent is an empty one."""
    if not request.get_data():
        return {}
    wanted = request.get_json(force=True, silent=True)
    if not isinstance(wanted, dict):
        raise Refusal(400, "The request body has to be a JSON object.")
    return wanted


def respond(answer: Answer) -> Response:
    """The HTTP answer; one without content has no body."""
    if not answer.body:
        return Response(status=answer.status)
    told = jsonify(answer.body)
    told.status_code = answer.status
    return told
