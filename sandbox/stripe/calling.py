"""How each kind of call runs: in one transaction, and with an Idempotency-Key at most once."""

from collections.abc import Callable
from typing import TypeVar

from flask import Response, g, jsonify, request

from sandbox.simulated import replays
from sandbox.simulated.deliveries import Deliveries
from sandbox.simulated.replays import Keyed, KeyInUseError, KeyReusedError, Outcome
from sandbox.simulated.store import Store, Transaction
from sandbox.stripe import access
from sandbox.stripe.account import Account
from sandbox.stripe.attempts import Attempt
from sandbox.stripe.events import Request
from sandbox.stripe.expansion import expand
from sandbox.stripe.forms import Parameters, nest
from sandbox.stripe.refusals import Answer, Refusal, Resource

KEY_LENGTH_MAX = 255

Found = TypeVar("Found")
Effect = Callable[[Transaction, Parameters, Request], Resource]


class Calls:
    """How each kind of call runs: one transaction, and with an Idempotency-Key at most once."""

    def __init__(self, store: Store, account: Account, deliveries: Deliveries) -> None:
        self._store = store
        self._account = account
        self._deliveries = deliveries

    def from_browser(self) -> bool:
        """Whether the call came with the publishable key."""
        return access.is_browser(
            self._account, request.headers.get("Authorization"), request.values.get("key")
        )

    def look_up(self, effect: Effect) -> Response:
        """Answer a GET; `expand` is taken off the parameters and applied here."""
        if self.from_browser():
            raise access.refuse_browser()
        parameters = _parameters()
        paths = parameters.texts("expand")
        with self._store.transaction() as transaction:
            found = effect(transaction, parameters, _asker())
            parameters.refuse_rest()
            return respond(Outcome(Answer(200, expand(transaction, found, paths))))

    def change(self, effect: Effect) -> Response:
        """Answer a POST of the platform's backend with 200, or the refusal it raises."""
        if self.from_browser():
            raise access.refuse_browser()
        return self.attempt(lambda *call: Answer(200, effect(*call)))

    def attempt(self, effect: Callable[[Transaction, Parameters, Request], Answer]) -> Response:
        """Answer a POST whose effect decides on the status itself."""
        parameters = _parameters()
        paths = parameters.texts("expand")

        def run(transaction: Transaction) -> Answer:
            answer = effect(transaction, parameters, _asker())
            if answer.status == 200:  # noqa: PLR2004 - the HTTP status
                expand(transaction, answer.body, paths)
            return answer

        outcome = self._once(run)
        self._deliveries.wake()
        return respond(outcome)

    def attempt_of(self, transaction: Transaction, *, from_browser: bool = False) -> Attempt:
        """An attempt to pay, made by the present request."""
        base_url = request.host_url.rstrip("/")
        return Attempt(transaction, self._account, _asker(), from_browser, base_url)

    def on_page(self, effect: Callable[[Attempt], Found]) -> Found:
        """What a hosted page shows or does: whoever knows its address may, without a key."""
        with self._store.transaction() as transaction:
            found = effect(self.attempt_of(transaction))
        self._deliveries.wake()
        return found

    def _once(self, run: Callable[[Transaction], Answer]) -> Outcome:
        key = request.headers.get("Idempotency-Key")
        if key is None:
            with self._store.transaction() as transaction:
                return Outcome(run(transaction))
        if len(key) > KEY_LENGTH_MAX:
            raise Refusal(400, f"Idempotency keys have up to {KEY_LENGTH_MAX} characters.")
        pairs = sorted(request.form.items(multi=True))
        keyed = Keyed(key, replays.fingerprint(request.path, pairs), g.request_id)
        claimed = g.get("when_claimed") or (lambda: None)
        try:
            return replays.once(self._store, self._account.now(), keyed, run, claimed=claimed)
        except KeyReusedError:
            raise _key_reused(key) from None
        except KeyInUseError:
            raise _key_in_use(key) from None


def _key_reused(key: str) -> Refusal:
    return Refusal(
        400,
        "Keys for idempotent requests can only be used with the same parameters they were"
        f" first used with. Try using a key other than '{key}'.",
        kind="idempotency_error",
    )


def _key_in_use(key: str) -> Refusal:
    return Refusal(
        409,
        f"Another request with the idempotency key '{key}' is still running.",
        code="idempotency_key_in_use",
        kind="idempotency_error",
    )


def _asker() -> Request:
    return Request(g.request_id, request.headers.get("Idempotency-Key"))


def _parameters() -> Parameters:
    source = request.args if request.method == "GET" else request.form
    pairs = [(name, value) for name, value in source.items(multi=True) if name != "key"]
    return Parameters(nest(pairs))


def respond(outcome: Outcome) -> Response:
    """The HTTP answer, marked if it is a replay."""
    answer = jsonify(outcome.answer.body)
    answer.status_code = outcome.answer.status
    if outcome.replayed_from is not None:
        answer.headers["Idempotent-Replayed"] = "true"
        answer.headers["Original-Request"] = outcome.replayed_from
    return answer
