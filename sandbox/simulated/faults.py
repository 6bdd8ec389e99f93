"""What goes wrong with calls: lost answers, errors and slowness, before or after the effect."""

import json
import socket
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from fnmatch import fnmatchcase
from random import Random
from typing import Any

from flask import Flask, Response, g, jsonify, request

from sandbox.simulated.delivery_faults import KnobError
from sandbox.simulated.store import Resource, Store

KINDS = ("close", "answer", "slow")
MOMENTS = ("before", "during", "after")

ErrorBody = Callable[[int], Resource]
"""What a provider says beside a status such as 429, 500 or 503."""


@dataclass(frozen=True)
class Rule:
    """One fault, for the calls whose method and path (with `*`) it names; see stripe/knobs.py."""

    fault: str
    when: str = "before"
    method: str = "POST"
    path: str = "*"
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
        raise KnobError("rules", f"A rule is an object with some of {', '.join(sorted(known))}")
    if wanted.get("fault") not in KINDS or wanted.get("when", "before") not in MOMENTS:
        raise KnobError(
            "rules", f"`fault` is of {', '.join(KINDS)}; `when` of {', '.join(MOMENTS)}"
        )
    if wanted.get("when") == "during" and wanted["fault"] != "slow":
        raise KnobError("rules", "A fault during the effect can only be slow")
    return Rule(**wanted)


def add_faults(
    app: Flask,
    faults: Faults,
    store: Store,
    *,
    covers: Callable[[str], bool],
    error_body: ErrorBody,
) -> None:
    """Let the rules strike every call of the provider's interface: the paths it `covers`."""

    def strike(when: str) -> Rule | None:
        if not covers(request.path):
            return None
        rule = faults.strike(request.method, request.path, when)
        if rule is not None:
            faults.wait(rule.wait_s)
        return rule

    @app.before_request
    def before() -> Response | None:
        rule = strike("before")
        g.struck = rule is not None
        g.when_claimed = lambda: strike("during")
        return None if rule is None else _apply(rule, error_body)

    @app.after_request
    def after(answer: Response) -> Response:
        rule = None if g.get("struck") else strike("after")
        if rule is None:
            return answer
        if rule.fault == "answer" and rule.kept:
            _keep(store, rule.status, error_body(rule.status))
        return _apply(rule, error_body) or answer


def _apply(rule: Rule, error_body: ErrorBody) -> Response | None:
    if rule.fault == "slow":
        return None
    if rule.fault == "close":
        connection: socket.socket = request.environ["werkzeug.socket"]
        connection.shutdown(socket.SHUT_RDWR)
    answer = jsonify(error_body(rule.status))
    answer.status_code = rule.status
    return answer


def _keep(store: Store, status: int, body: Resource) -> None:
    """Have the call's Idempotency-Key answered with this error from now on."""
    key = request.headers.get("Idempotency-Key")
    with store.transaction() as transaction:
        transaction.sql.execute(
            "UPDATE idempotency_keys SET status = ?, body = ? WHERE key = ? AND status IS NOT NULL",
            (status, json.dumps(body), key),
        )
