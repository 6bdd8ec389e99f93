"""What goes wrong with calls: lost answers, errors and slowness, before or after the effect."""

import json
import socket
import threading
from dataclasses import asdict, dataclass, fields
from fnmatch import fnmatchcase
from random import Random
from typing import Any

from flask import Flask, Response, g, jsonify, request

from sandbox.stripe.refusals import Refusal, Resource, invalid
from sandbox.stripe.store import Store

KINDS = ("close", "answer", "slow")
MOMENTS = ("before", "during", "after")
_MESSAGES = {
    429: ("rate_limit", "Too many requests hit the API too quickly."),
    500: (None, "An unknown error occurred."),
    503: (None, "Stripe is not available at the moment."),
}


@dataclass(frozen=True)
class Rule:
    """One fault, for the calls whose method and path (with `*`) it names; see knobs.py."""

    fault: str
    when: str = "before"
    method: str = "POST"
    path: str = "/v1/*"
    status: int = 500
    kept: bool = False
    wait_s: float = 0.0
    probability: float = 1.0
    times: int | None = None


class _Counted:
    """A rule, its own row of random numbers, and how often it was looked at and struck."""

    def __init__(self, rule: Rule, seed: str) -> None:
        self.rule = rule
        self.seen = self.struck = 0
        self._random = Random(seed)  # noqa: S311 - reproducible, not secret

    def strikes(self, method: str, path: str, when: str) -> bool:
        """Whether it strikes this call now; each call it is meant for takes one number."""
        rule = self.rule
        meant = rule.when == when and rule.method in (method, "*") and fnmatchcase(path, rule.path)
        if not meant or (rule.times is not None and self.struck >= rule.times):
            return False
        self.seen += 1
        if self._random.random() >= rule.probability:
            return False
        self.struck += 1
        return True


class Faults:
    """The rules in force; the first that strikes a call is the one that happens."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._rules: list[_Counted] = []
        self._stopping = threading.Event()

    def replace(self, wanted: list[Resource], *, seed: int) -> None:
        """Put other rules in force, each with random numbers of its own from the seed."""
        rules = [_read_rule(one) for one in wanted]
        with self._turn:
            self._rules = [_Counted(rule, f"{seed} {at}") for at, rule in enumerate(rules)]

    def shown(self) -> list[Resource]:
        """The rules in force, with `seen` calls and `struck` ones."""
        with self._turn:
            return [
                asdict(one.rule) | {"seen": one.seen, "struck": one.struck} for one in self._rules
            ]

    def strike(self, method: str, path: str, when: str) -> Rule | None:
        """The rule that strikes this call, if any."""
        with self._turn:
            return next((one.rule for one in self._rules if one.strikes(method, path, when)), None)

    def wait(self, seconds: float) -> None:
        """Let the caller wait, unless the server stops."""
        self._stopping.wait(seconds)

    def stop(self) -> None:
        """Let nobody wait any more."""
        self._stopping.set()


def _read_rule(wanted: Any) -> Rule:
    known = {field.name for field in fields(Rule)}
    if not isinstance(wanted, dict) or not set(wanted) <= known:
        raise invalid("rules", f"A rule is an object with some of {', '.join(sorted(known))}")
    if wanted.get("fault") not in KINDS or wanted.get("when", "before") not in MOMENTS:
        raise invalid("rules", f"`fault` is of {', '.join(KINDS)}; `when` of {', '.join(MOMENTS)}")
    if wanted.get("when") == "during" and wanted["fault"] != "slow":
        raise invalid("rules", "A fault during the effect can only be slow")
    return Rule(**wanted)


def add_faults(app: Flask, faults: Faults, store: Store) -> None:
    """Let the rules strike every call of Stripe's interface."""

    @app.before_request
    def before() -> Response | None:
        rule = _strike(faults, "before")
        g.struck = rule is not None
        g.when_claimed = lambda: _strike(faults, "during")
        return None if rule is None else _apply(rule)

    @app.after_request
    def after(answer: Response) -> Response:
        rule = None if g.get("struck") else _strike(faults, "after")
        if rule is None:
            return answer
        if rule.fault == "answer" and rule.kept:
            _keep(store, _error(rule))
        return _apply(rule) or answer


def _strike(faults: Faults, when: str) -> Rule | None:
    if not request.path.startswith("/v1/"):
        return None
    rule = faults.strike(request.method, request.path, when)
    if rule is not None:
        faults.wait(rule.wait_s)
    return rule


def _apply(rule: Rule) -> Response | None:
    if rule.fault == "slow":
        return None
    if rule.fault == "close":
        connection: socket.socket = request.environ["werkzeug.socket"]
        connection.shutdown(socket.SHUT_RDWR)
    answer = jsonify(_error(rule).answer().body)
    answer.status_code = rule.status
    return answer


def _error(rule: Rule) -> Refusal:
    code, message = _MESSAGES.get(rule.status, (None, "The simulated Stripe was told to fail."))
    kind = "invalid_request_error" if code else "api_error"
    return Refusal(rule.status, message, code=code, kind=kind)


def _keep(store: Store, refusal: Refusal) -> None:
    """Have the call's Idempotency-Key answered with this error from now on, as Stripe does."""
    key = request.headers.get("Idempotency-Key")
    with store.transaction() as transaction:
        transaction.sql.execute(
            "UPDATE idempotency_keys SET status = ?, body = ? WHERE key = ? AND status IS NOT NULL",
            (refusal.status, json.dumps(refusal.answer().body), key),
        )
