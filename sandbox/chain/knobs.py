"""Knobs for tests and demos, over HTTP with JSON bodies; hashes and raw transactions are hex.

`POST /_sandbox/mine` `{"count": 3}`: make blocks, the first with all that can be in one.
`POST /_sandbox/reorganise` `{"depth": 3, "length": 4, "at": 0, "drop": ["0x…"], "hold": ["0x…"],
    "include": ["0x…"]}`: another branch takes the place of the last blocks (local_chain.py).
`POST /_sandbox/clock` `{"advance_s": 86400}`: let time pass, and make a block then.
`PUT /_sandbox/mining` `{"every_s": 1}`: make blocks by itself, while something waits or was mined
    lately; 0 makes one at each transaction, null makes none.
`PUT /_sandbox/node` `{"behind": 2, "log_range": 2000, "minimum_tip": "1000000000"}`: the node has
    not heard of the last blocks; gives logs over so many blocks at once; blocks hold nothing that
    tips less for each unit of gas, in wei.
`PUT /_sandbox/faults` `{"seed": 7, "rules": [...]}`, `GET /_sandbox/faults`: as for the simulated
    providers (simulated/faults.py); a rule's `path` is a JSON-RPC method, such as eth_send*.
`POST /_sandbox/faucet` `{"address": "0x…", "wei": "…", "tokens": "…"}`: be given coins and tokens.
`PUT /_sandbox/balances` `{"0x…": "0"}`: have accounts hold just so much wei, in a block of its own.
`POST /_sandbox/forget` `{"hash": "0x…"}`: the node forgets a transaction that waits.
`GET /_sandbox/state`: head, time, what waits, and where the contracts are.
"""

from collections.abc import Callable
from typing import Any

from flask import Flask, Response, jsonify, request

from sandbox.chain.contracts_at_start import Gift, give
from sandbox.chain.local_chain import LocalChain, Reorganisation
from sandbox.chain.miner import Miner
from sandbox.chain.places import FACTORY, TOKEN
from sandbox.chain.pool import RefusedError
from sandbox.chain.rpc import Node
from sandbox.chain.shown import data
from sandbox.simulated.delivery_faults import KnobError
from sandbox.simulated.faults import Faults

Wanted = dict[str, Any]
_MINED_AT_ONCE_MAX = 1_000


class Knobs:
    """What each knob does; answers are what is shown of it."""

    def __init__(self, chain: LocalChain, node: Node, miner: Miner, faults: Faults) -> None:
        self._chain = chain
        self._node = node
        self._miner = miner
        self._faults = faults

    def mine(self, wanted: Wanted) -> Wanted:
        """Make blocks."""
        count = int(wanted.get("count", 1))
        if not 0 < count <= _MINED_AT_ONCE_MAX:
            raise KnobError("count", f"count lies between 1 and {_MINED_AT_ONCE_MAX}")
        return {"blocks": [data(block.hash) for block in self._chain.mine(count)]}

    def reorganise(self, wanted: Wanted) -> Wanted:
        """Replace the last blocks."""
        branch = self._chain.reorganise(
            Reorganisation(
                depth=int(wanted["depth"]),
                length=wanted.get("length"),
                at=int(wanted.get("at", 0)),
                **{name: _all_bytes(wanted.get(name, [])) for name in ("drop", "hold", "include")},
            )
        )
        return {"blocks": [data(block.hash) for block in branch]}

    def put_forward(self, wanted: Wanted) -> Wanted:
        """Let time pass."""
        return {"now": self._chain.pass_time(int(wanted["advance_s"])).timestamp}

    def set_mining(self, wanted: Wanted) -> Wanted:
        """Start or stop making blocks."""
        self._miner.every_s = wanted["every_s"]
        return {"every_s": self._miner.every_s}

    def set_node(self, wanted: Wanted) -> Wanted:
        """Have the node know less, or ask for more."""
        self._node.behind = int(wanted.get("behind", self._node.behind))
        self._node.log_range = wanted.get("log_range", self._node.log_range)
        pool = self._chain.pool
        pool.minimum_tip = int(wanted.get("minimum_tip", pool.minimum_tip))
        return {
            "behind": self._node.behind,
            "log_range": self._node.log_range,
            "minimum_tip": str(pool.minimum_tip),
        }

    def set_faults(self, wanted: Wanted) -> Wanted:
        """Put other rules in force."""
        self._faults.replace(wanted.get("rules", []), seed=wanted.get("seed", 0))
        return self.show_faults(wanted)

    def show_faults(self, _wanted: Wanted) -> Wanted:
        """Show the rules in force."""
        return {"rules": self._faults.shown()}

    def give(self, wanted: Wanted) -> Wanted:
        """Give coins and tokens, in the next block."""
        gift = Gift(wanted["address"], int(wanted.get("wei", 0)), int(wanted.get("tokens", 0)))
        hashes = give(self._chain, gift)
        self._miner.wake()
        return {"transactions": hashes}

    def set_balances(self, wanted: Wanted) -> Wanted:
        """Have accounts hold just so much."""
        block = self._chain.set_balances(
            {_bytes(account): int(wei) for account, wei in wanted.items()}
        )
        return {"blocks": [data(block.hash)]}

    def forget(self, wanted: Wanted) -> Wanted:
        """Forget what waits."""
        return {"was_there": self._chain.forget(_bytes(wanted["hash"]))}

    def show(self, _wanted: Wanted) -> Wanted:
        """Show how the chain stands."""
        with self._chain.turn:
            return {
                "head": self._chain.head.number,
                "hash": data(self._chain.head.hash),
                "now": self._chain.now(),
                "waiting": [data(one.hash) for one in self._chain.pool.waiting()],
                "every_s": self._miner.every_s,
                "factory": FACTORY,
                "token": TOKEN,
            }


def add_knobs(app: Flask, knobs: Knobs) -> None:
    """Register the knobs."""
    turns: dict[tuple[str, str], Callable[[Wanted], Wanted]] = {
        ("POST", "mine"): knobs.mine,
        ("POST", "reorganise"): knobs.reorganise,
        ("POST", "clock"): knobs.put_forward,
        ("PUT", "mining"): knobs.set_mining,
        ("PUT", "node"): knobs.set_node,
        ("PUT", "faults"): knobs.set_faults,
        ("GET", "faults"): knobs.show_faults,
        ("POST", "faucet"): knobs.give,
        ("PUT", "balances"): knobs.set_balances,
        ("POST", "forget"): knobs.forget,
        ("GET", "state"): knobs.show,
    }
    for (method, path), turn in turns.items():
        _add(app, method, path, turn)


def _add(app: Flask, method: str, path: str, turn: Callable[[Wanted], Wanted]) -> None:
    def run() -> Response:
        try:
            return jsonify(turn(request.get_json(silent=True) or {}))
        except (KeyError, TypeError, ValueError, KnobError, RefusedError) as fault:
            answer = jsonify(error=f"{type(fault).__name__}: {fault}")
            answer.status_code = 400
            return answer

    app.add_url_rule(f"/_sandbox/{path}", f"{method} {path}", run, methods=[method])


def _all_bytes(texts: list[str]) -> list[bytes]:
    return [_bytes(text) for text in texts]


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))
