"""Escrows of the whole system, on a local chain that makes its blocks quickly."""

from dataclasses import dataclass, field
from typing import Any

import requests
from sqlalchemy import text

import ledger
from sandbox.calls import created
from sandbox.escrow_calls import at_chain, chain_order, coins_of, in_contract, look_at, pay_in
from tests.faults.harness.system import System

USDC = 10**6
_BLOCKS_EVERY_S = 0.2

Body = dict[str, Any]


@dataclass
class Escrows:
    """What is asked of escrows, however often it takes, and what their chain has."""

    system: System
    opened: list[Body] = field(default_factory=list)

    def quicken(self) -> None:
        """Have blocks made quickly."""
        at_chain(self.system.way_in, "mining", {"every_s": _BLOCKS_EVERY_S}, method="PUT")

    def slow_down(self) -> None:
        """Have blocks made as usual again."""
        at_chain(self.system.way_in, "mining", {"every_s": 1}, method="PUT")

    def to_open(self) -> tuple[str, Body]:
        """Return how an escrow for a new order of 135 USDC is asked for."""
        order = self.ask("/api/orders", chain_order(self.system.cast, "USDC"))
        reference = f"escrow-{order['id']}"
        body = {"reference": reference, "order_id": order["id"], "asset": "USDC"}
        return "/api/escrow/deploy-contract", body

    def open(self) -> Body:
        """Return an escrow that waits for its deposit."""
        return self.opens(self.ask(*self.to_open()))

    def opens(self, escrow: Body) -> Body:
        """Wait until an escrow that was asked for waits for its deposit."""
        self.opened.append(escrow)
        return self.becomes(escrow, "awaiting_deposit")

    def funded(self) -> Body:
        """Return an escrow whose deposit is final and booked."""
        escrow = self.open()
        pay_in(self.system.way_in, escrow)
        return self.becomes(escrow, "funded")

    def becomes(self, escrow: Body, status: str) -> Body:
        """Wait until an escrow has a status."""
        self.system.let_time_pass_until(lambda: self.now(escrow)["status"] == status)
        return self.now(escrow)

    def now(self, escrow: Body) -> Body:
        """Return an escrow as it is known now."""
        return look_at(self.system.way_in, self.system.cast.backend, escrow)

    def ask(self, path: str, body: Body, *, who: requests.Session | None = None) -> Body:
        """Ask until there is an answer, which is a good one."""
        return created(self.system.insist(who or self.system.cast.backend, path, body))

    def paid_to_seller(self, escrow: Body) -> int:
        """Return what the seller's wallet has of the escrow's asset."""
        return coins_of(self.system.way_in, escrow, escrow["beneficiary"])

    def differences(self) -> list[str]:
        """Return which contracts have something else than the ledger says they have."""
        found = []
        with self.system.engine.connect() as connection:
            for escrow in self.opened:
                path = f"assets:chain:{escrow['chain']}:escrow:{escrow['contract_address']}"
                ids = ledger.find_account_ids(connection, [(path, escrow["asset"])])
                booked = ledger.balance(connection, ids[path, escrow["asset"]]) if ids else 0
                there = in_contract(self.system.way_in, escrow)
                if there != booked:
                    found.append(f"{escrow['id']}: {there} in its contract, {booked} booked")
        return found

    def paid_more_than_once(self) -> list[str]:
        """Return the releases and refunds that two transactions of ours were mined for."""
        query = text(
            "SELECT operation_id FROM strongroom.escrow_effects WHERE state <> 'orphaned'"
            " AND operation_id IS NOT NULL GROUP BY operation_id HAVING count(*) > 1"
        )
        with self.system.engine.connect() as connection:
            return list(connection.execute(query).scalars())
