"""The node's HTTP interface: JSON-RPC at `/`, one call or many at once, and faults on the way."""

import json
import socket
from typing import Any

from flask import Flask, Response, jsonify, request

from sandbox.chain.rpc import Node, RpcError
from sandbox.simulated.faults import Faults, Rule

_BODY_MAX_BYTES = 5_000_000
_BAD_JSON = -32700
_BAD_REQUEST = -32600
_TOO_MUCH = -32005


class _LostError(Exception):
    """A fault strikes a call: there is another answer, or none."""

    def __init__(self, rule: Rule) -> None:
        super().__init__(rule.fault)
        self.rule = rule


def create_app(node: Node, faults: Faults) -> Flask:
    """The node as a Flask app; rules of faults name JSON-RPC methods as their `path`."""
    app = Flask("local-chain", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = _BODY_MAX_BYTES

    @app.post("/")
    def rpc() -> Response:
        try:
            asked = json.loads(request.get_data())
        except ValueError:
            return jsonify(_error(None, _BAD_JSON, "parse error"))
        try:
            if isinstance(asked, list):
                return jsonify([_answer(node, faults, one) for one in asked])
            return jsonify(_answer(node, faults, asked))
        except _LostError as lost:
            return _lose(lost.rule)

    @app.get("/healthz")
    def health() -> Response:
        return jsonify(ok=True)

    return app


def _answer(node: Node, faults: Faults, asked: Any) -> dict[str, Any]:
    if not isinstance(asked, dict) or not isinstance(asked.get("method"), str):
        return _error(None, _BAD_REQUEST, "invalid request")
    method, number = asked["method"], asked.get("id")
    _strike(faults, method, "before")
    try:
        result = node.call(method, asked.get("params") or ())
    except RpcError as error:
        answer = _error(number, error.code, str(error), error.data)
    else:
        answer = {"jsonrpc": "2.0", "id": number, "result": result}
    _strike(faults, method, "after")
    return answer


def _strike(faults: Faults, method: str, when: str) -> None:
    rule = faults.strike("POST", method, when)
    if rule is not None:
        faults.wait(rule.wait_s)
        if rule.fault != "slow":
            raise _LostError(rule)


def _lose(rule: Rule) -> Response:
    if rule.fault == "close":
        connection: socket.socket = request.environ["werkzeug.socket"]
        connection.shutdown(socket.SHUT_RDWR)
    answer = jsonify(_error(None, _TOO_MUCH, "the sandbox was told to fail"))
    answer.status_code = rule.status
    return answer


def _error(number: Any, code: int, message: str, error_data: str | None = None) -> dict[str, Any]:
    error: dict[str, Any] = {"code": code, "message": message}
    if error_data is not None:
        error["data"] = error_data
    return {"jsonrpc": "2.0", "id": number, "error": error}
