"""The demo's fourth part: an order paid into a contract, and sellers who get their money."""

from collections.abc import Mapping
from typing import Any

import requests

from sandbox.calls import TIMEOUT_S, balance_of, created, says, trial_balance, until
from sandbox.demo_sequels import Stage
from sandbox.escrow_calls import (
    Escrow,
    chain_order,
    coins_of,
    in_contract,
    open_escrow,
    pay_in,
    release,
)
from sandbox.listener import LiveEvent

_PATIENCE_S = 90
_AVAILABLE_AT_ONCE = "pm_card_bypassPending"
_DOLLAR = 10**6


def play_escrow(stage: Stage) -> None:
    """Pay on chain, release on chain, and release what came by card."""
    if stage.way_in.chain_rpc_url is None:
        stage.tell.chapter("18. On chain: left out, the chain is not the sandbox's own")
    else:
        escrow = fund(stage)
        release_on_chain(stage, escrow)
    release_card_money(stage)


def fund(stage: Stage) -> Escrow:
    """Have a contract made for an order, and pay it from the buyer's test wallet."""
    tell, way_in, cast = stage.tell, stage.way_in, stage.cast
    tell.chapter("18. An order is paid into a contract of its own, on chain")
    url = f"{way_in.base_url}/api/orders"
    order = created(cast.backend.post(url, json=chain_order(cast), timeout=TIMEOUT_S))
    escrow = open_escrow(way_in, cast.buyer, order)
    told = f"{escrow['id']}: {_dollars(escrow['amount'])} at {escrow['contract_address']}"
    tell.step("POST /api/escrow/deploy-contract", told)
    ready = _hear(stage, "escrow.updated", escrow, "awaiting_deposit")
    early = release(way_in, cast.backend, escrow_id=escrow["id"])
    code = early.json().get("code")
    tell.check(f"nothing can be released that nobody paid ({code})", holds=not early.ok)
    had = coins_of(way_in, escrow, escrow["depositor"])
    tell.step("the buyer's wallet sends what the escrow asks for", pay_in(way_in, ready))
    _hear(stage, "escrow.updated", escrow, "funded")
    paid = had - coins_of(way_in, escrow, escrow["depositor"])
    tell.check(f"the wallet paid {_dollars(paid)}", holds=paid == int(escrow["amount"]))
    _compare(stage, escrow, int(escrow["amount"]))
    held = _balance(stage, f"liabilities:escrow:{order['id']}", "USDC")
    tell.check(f"the ledger holds {_dollars(held)} for the order", holds=held == paid)
    return escrow


def release_on_chain(stage: Stage, escrow: Escrow) -> None:
    """Have the contract pay the seller, once."""
    tell, way_in, cast = stage.tell, stage.way_in, stage.cast
    tell.chapter("19. The parcel has arrived: the contract pays the seller")
    had = coins_of(way_in, escrow, escrow["beneficiary"])
    asked = created(release(way_in, cast.backend, escrow_id=escrow["id"]))
    tell.step("POST /api/escrow/release", f"{asked['id']}: {_dollars(asked['amount'])}")
    again = release(way_in, cast.backend, escrow_id=escrow["id"])
    refused = again.status_code == requests.codes.conflict
    tell.check(f"the same money twice is refused ({again.json().get('code')})", holds=refused)
    posted = _hear(stage, "release.updated", asked, "posted")
    transaction = posted["transaction"]
    told = f"{transaction['confirmations']} confirmations"
    tell.step(f"transaction {transaction['hash']}", told)
    got = coins_of(way_in, escrow, escrow["beneficiary"]) - had
    tell.check(f"the seller's wallet got {_dollars(got)}", holds=got == int(escrow["amount"]))
    ours = int(posted["platform_fee"]) + int(posted["tax"])
    tell.step("fee and tax of it are the seller's debt", _dollars(ours))
    _compare(stage, escrow, 0)


def release_card_money(stage: Stage) -> None:
    """Release what was paid by card, and see the seller paid by a transfer at Stripe."""
    tell, way_in, cast = stage.tell, stage.way_in, stage.cast
    tell.chapter("20. Money of a card is released, and the seller is paid")
    payment = stage.payment()
    stage.confirm(payment, _AVAILABLE_AT_ONCE)
    stage.listener.wait_for(says(payment, "succeeded"))
    before = _parts(stage)
    made = created(release(way_in, cast.backend, order_id=payment["order_id"]))
    tell.step("POST /api/escrow/release", f"{made['id']}: {int(made['amount']):,} {made['status']}")
    split = {"income:platform-fees": int(made["platform_fee"]), "liabilities:tax": int(made["tax"])}
    parts = _parts(stage)
    grown = {path: parts[path] - before[path] for path in split}
    fee, tax = grown.values()
    tell.check(f"the ledger has {fee:,} as our fee, {tax:,} as tax", holds=grown == split)
    url = f"{way_in.base_url}/api/payouts/{made['payout']['id']}"

    def over() -> dict[str, Any] | None:
        payout = created(cast.finance.get(url, timeout=TIMEOUT_S))
        return payout if payout["status"] in ("paid", "failed") else None

    payout = until(over)
    told = f"{payout['id']}: {int(payout['amount_paid']):,} {payout['currency']}"
    tell.step("Stripe transfers the rest to the seller's account", told)
    whole = int(payout["amount_paid"]) + fee + tax + int(made["set_off"]) == int(made["amount"])
    tell.check("the seller is paid the rest", holds=whole and payout["status"] == "paid")
    tell.check("nothing is held any more for the order", holds=stage.held_for(payment) == 0)


def _hear(stage: Stage, topic: str, of: Mapping[str, Any], status: str) -> dict[str, Any]:
    """Wait until the buyer's page hears of a status, and tell of those before it, too."""
    told: list[str] = []

    def wanted(event: LiveEvent) -> bool:
        if (event.topic, event.data.get("id")) != (topic, of["id"]):
            return False
        now = str(event.data["status"])
        if now not in told:
            told.append(now)
            stage.tell.heard(f"{topic}: {now}")
        return now == status

    return stage.listener.wait_for(wanted, timeout_s=_PATIENCE_S).data


def _compare(stage: Stage, escrow: Escrow, expected: int) -> None:
    path = f"assets:chain:{escrow['chain']}:escrow:{escrow['contract_address']}"
    real, ours = in_contract(stage.way_in, escrow), _balance(stage, path, escrow["asset"])
    equal = real == ours == expected
    stage.tell.check(
        f"the contract has {_dollars(real)}, the ledger says {_dollars(ours)}", holds=equal
    )


def _balance(stage: Stage, path: str, asset: str) -> int:
    return balance_of(trial_balance(stage.way_in, stage.cast), path, asset)


def _parts(stage: Stage) -> dict[str, int]:
    accounts = trial_balance(stage.way_in, stage.cast)
    paths = ("income:platform-fees", "liabilities:tax")
    return {path: balance_of(accounts, path, "USD") for path in paths}


def _dollars(amount: str | int) -> str:
    whole, rest = divmod(int(amount), _DOLLAR)
    return f"{whole:,}.{rest // 10_000:02} USDC"
