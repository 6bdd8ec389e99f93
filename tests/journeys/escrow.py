"""What the people of an escrow do, and what its chain is made to do, for journeys over HTTP."""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import requests
from sqlalchemy import Engine, text

from payments.database import in_transaction
from sandbox.calls import TIMEOUT_S, created, new_order
from sandbox.chain.wallet import Wallet, calldata
from sandbox.escrow_calls import (
    at_chain,
    at_node,
    call_contract,
    chain_order,
    coins_of,
    in_contract,
    look_at,
    open_escrow,
    pay_in,
    release,
)
from sandbox.listener import LiveEvent
from sandbox.way_in import loopback_session
from tests.conditions import wait_until

if TYPE_CHECKING:
    from tests.journeys.conftest import System

USDC = 10**6
AMOUNT = 135 * USDC
PATIENCE_S = 40

Body = dict[str, Any]

_CONFIRMATIONS = 3
_LOOK_EVERY_S = 0.1
_NUDGE_EVERY_S = 0.25
_NUDGE = text(
    "UPDATE strongroom.periodic_jobs SET next_at = now()"
    " WHERE job IN ('send_transactions', 'watch_chains', 'pay_sellers') AND next_at > now()"
)


@dataclass
class EscrowRail:
    """The running system seen from the crypto rail."""

    system: "System"
    engine: Engine
    opened: list[Body] = field(default_factory=list)
    _nudged_at: float = 0

    # ---- callers -------------------------------------------------------------------------------

    @cached_property
    def finance(self) -> requests.Session:
        """Who asks for releases and agrees to them."""
        return loopback_session(self.system.way_in.api_keys["finance"])

    @cached_property
    def admin(self) -> requests.Session:
        """Another person at the desk."""
        return loopback_session(self.system.way_in.api_keys["admin"])

    @cached_property
    def operator(self) -> requests.Session:
        """Who watches over the system."""
        return loopback_session(self.system.way_in.api_keys["operator"])

    def know(self, party: Body, level: str) -> None:
        """Note how well the platform knows a party."""
        url = f"{self.system.way_in.base_url}/api/parties/{party['id']}/kyc"
        backend = self.system.cast.backend
        created(backend.put(url, json={"level": level}, timeout=TIMEOUT_S))

    def wallet(self, name: str) -> Wallet:
        """Return somebody's wallet."""
        return self.system.way_in.people.wallet(name)

    def call(
        self, path: str, body: Body | None = None, *, who: requests.Session | None = None
    ) -> requests.Response:
        """Call our API as the platform's backend, or as somebody else; a body is posted."""
        caller = who or self.system.cast.backend
        url = f"{self.system.way_in.base_url}/api/{path}"
        if body is None:
            return caller.get(url, timeout=TIMEOUT_S)
        asked = {"reference": secrets.token_hex(16), **body}
        return caller.post(url, json=asked, timeout=TIMEOUT_S)

    # ---- escrows -------------------------------------------------------------------------------

    def order(self, asset: str = "USDC", **other: Any) -> Body:
        """Place an order of 135 USDC, or 1.35 ETH."""
        return created(self.call("orders", chain_order(self.system.cast, asset, **other)))

    def open(self, order: Body | None = None, **other: str) -> Body:
        """Return an escrow that waits for its deposit."""
        backend = self.system.cast.backend
        escrow = open_escrow(self.system.way_in, backend, order or self.order(), **other)
        self.opened.append(escrow)
        return self.becomes(escrow, "awaiting_deposit")

    def funded(self, order: Body | None = None, **other: str) -> Body:
        """Return an escrow whose deposit is final."""
        escrow = self.open(order, **other)
        self.pay_in(escrow)
        return self.becomes(escrow, "funded")

    def pay_in(self, escrow: Body) -> str:
        """Have the buyer's wallet pay; it waits for a block. The deposit's hash."""
        return pay_in(self.system.way_in, escrow)

    def now(self, escrow: Body, who: requests.Session | None = None) -> Body:
        """Return an escrow as it is known now."""
        return look_at(self.system.way_in, who or self.system.cast.backend, escrow)

    def becomes(self, escrow: Body, status: str, *, with_blocks: bool = True) -> Body:
        """Wait until an escrow has a status, with blocks for what waits for one."""
        return self.wait(
            lambda: self.now(escrow),
            lambda found: found["status"] == status,
            with_blocks=with_blocks,
        )

    def holds(self, escrow: Body, amount: int) -> Body:
        """Wait until an escrow holds just so much by what is final."""
        return self.until(lambda: self.now(escrow), lambda now: now["amount_held"] == str(amount))

    def payment_of(self, escrow: Body) -> Body:
        """Return the escrow's payment."""
        return created(self.call(f"payments/{escrow['payment_id']}"))

    def payment_of_other_buyer(self) -> Body:
        """Have another buyer start to pay an order of their own by card."""
        other = self.system.cast.other_buyer
        url = f"{self.system.way_in.base_url}/api/session"
        party_id = created(other.post(url, timeout=TIMEOUT_S))["party_id"]
        asked = new_order(self.system.cast) | {"buyer_id": party_id}
        order = created(self.call("orders", asked))
        return created(self.call("payments/intents", {"order_id": order["id"]}, who=other))

    def order_status(self, escrow: Body) -> str:
        """Return the status of the escrow's order."""
        return str(created(self.call(f"orders/{escrow['order_id']}"))["status"])

    def history(self, escrow: Body) -> list[str]:
        """Return the statuses that the escrow's payment had, oldest first."""
        timeline = created(self.call(f"payments/{escrow['payment_id']}/timeline"))
        return [event["to_status"] for event in timeline["events"]]

    # ---- releases and refunds ------------------------------------------------------------------

    def ask_release(
        self, escrow: Body, amount: int | None = None, *, who: requests.Session | None = None
    ) -> requests.Response:
        """Ask for a part, or all that is held, to go to the seller."""
        asked = {"escrow_id": escrow["id"]} | ({} if amount is None else {"amount": str(amount)})
        return release(self.system.way_in, who or self.system.cast.backend, **asked)

    def release(self, escrow: Body, amount: int | None = None) -> Body:
        """Release a part, or all; return it when it is final and booked."""
        asked = created(self.ask_release(escrow, amount))
        return self.release_becomes(asked, "posted")

    def release_now(self, asked: Body) -> Body:
        """Return a release as it is now."""
        return created(self.call(f"releases/{asked['id']}"))

    def release_becomes(self, asked: Body, status: str, *, with_blocks: bool = True) -> Body:
        """Wait until a release has a status."""
        return self.wait(
            lambda: self.release_now(asked),
            lambda now: now["status"] == status,
            with_blocks=with_blocks,
        )

    def refund(self, escrow: Body, amount: int | None = None) -> Body:
        """Refund a part, or all that is left; return it when it is final and booked."""
        asked = {} if amount is None else {"amount": str(amount)}
        made = created(self.call(f"escrow/{escrow['id']}/refund", asked))
        return self.until(
            lambda: created(self.call(f"refunds/{made['id']}")),
            lambda now: now["status"] == "succeeded",
        )

    # ---- the chain -----------------------------------------------------------------------------

    def knob(self, path: str, body: Body | None = None, *, method: str = "POST") -> Any:
        """Turn a knob of the local chain."""
        return at_chain(self.system.way_in, path, body or {}, method=method)

    def mine(self, count: int = _CONFIRMATIONS) -> None:
        """Make blocks; with three, what waited is final."""
        self.knob("mine", {"count": count})

    def chain_time(self) -> int:
        """Return the chain's time, in seconds since 1970."""
        return int(self.knob("state", method="GET")["now"])

    def send(
        self, who: str, escrow: Body, signature: str, *arguments: Any, gas: int | None = None
    ) -> str:
        """Have somebody's wallet call the contract; it waits for a block."""
        wallet = self.wallet(who)
        return call_contract(self.system.way_in, escrow, wallet, signature, *arguments, gas=gas)

    def transfer(self, who: str, escrow: Body, amount: int) -> None:
        """Have somebody's wallet send tokens straight to the contract."""
        call = calldata("transfer(address,uint256)", escrow["contract_address"], amount)
        node = at_node(self.system.way_in)
        self.wallet(who).send(node, to=escrow["token_address"], data=call)

    def coins(self, who: str, escrow: Body) -> int:
        """Return what somebody's wallet has of the escrow's asset."""
        return coins_of(self.system.way_in, escrow, self.wallet(who).address)

    def coins_of(self, address: str, escrow: Body) -> int:
        """Return what an address has of the escrow's asset."""
        return coins_of(self.system.way_in, escrow, address)

    def mined_in(self, tx_hash: str) -> int:
        """Return the number of a transaction's block."""
        receipt = at_node(self.system.way_in).call("eth_getTransactionReceipt", tx_hash)
        return int(receipt["blockNumber"], 16)

    def in_contract(self, escrow: Body) -> int:
        """Return what the escrow's contract really holds in escrow, without what strayed to it."""
        return in_contract(self.system.way_in, escrow) - int(self.now(escrow)["amount_stray"])

    def in_books(self, escrow: Body) -> int:
        """Return what the ledger says the escrow's contract has."""
        path = f"assets:chain:{escrow['chain']}:escrow:{escrow['contract_address']}"
        return self.system.balance(path, escrow["asset"])

    def held_for(self, escrow: Body) -> int:
        """Return what the ledger holds for the escrow's order."""
        return self.system.balance(f"liabilities:escrow:{escrow['order_id']}", escrow["asset"])

    def owed_by_seller(self, asset: str = "USDC") -> int:
        """Return the seller's debt: fees and taxes of what contracts paid out whole."""
        return self.system.balance(f"assets:debts:{self.system.cast.seller_id}", asset)

    # ---- waiting -------------------------------------------------------------------------------

    def until(self, look: Callable[[], Body], wanted: Callable[[Body], bool]) -> Body:
        """Look again until it is as wanted; whatever waits for a block gets it meanwhile."""
        return self.wait(look, wanted, with_blocks=True)

    def wait(
        self, look: Callable[[], Body], wanted: Callable[[Body], bool], *, with_blocks: bool
    ) -> Body:
        """Look again until it is as wanted, and return it."""
        found: Body = {}
        looked_at = 0.0

        def is_so() -> bool:
            nonlocal found, looked_at
            if time.monotonic() - looked_at < _LOOK_EVERY_S:
                return False
            looked_at = time.monotonic()
            self._nudge(with_blocks=with_blocks)
            found = look()
            return wanted(found)

        try:
            wait_until(is_so, timeout_s=PATIENCE_S)
        except AssertionError:
            raise AssertionError(f"it did not become so in time: {found}") from None
        return found

    def _nudge(self, *, with_blocks: bool) -> None:
        """Have the chain read and written to now, and not within two seconds."""
        now = time.monotonic()
        if now - self._nudged_at < _NUDGE_EVERY_S:
            return
        self._nudged_at = now
        if with_blocks and self.knob("state", method="GET")["waiting"]:
            self.mine()
        in_transaction(self.engine, lambda session: session.execute(_NUDGE))


def tells(topic: str, of: Body, status: str) -> Callable[[LiveEvent], bool]:
    """Return a question: does a live event say that this has this status?"""
    return lambda event: (
        (event.topic, event.data.get("id"), event.data.get("status")) == (topic, of["id"], status)
    )
