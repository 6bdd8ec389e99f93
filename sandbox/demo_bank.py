"""The demo's third part: payments by bank, and every cent on the bank's statement explained."""

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from sandbox.bank_calls import at_bank, link, push, say_yes, statement, transfer
from sandbox.calls import balance_of, trial_balance, until
from sandbox.card_calls import pay_out
from sandbox.demo_sequels import Stage
from sandbox.finance_calls import Desk
from sandbox.listener import LiveEvent

ACCOUNT, CURRENCY = "main", "EUR"

_SHORT, _REST, _OVER, _FEE = 10_000, 3_500, 15_000, 490
_AVAILABLE_AT_ONCE = "pm_card_bypassPending"
_FIGURES = (
    ("by_provider_id", "matched by a provider's id"),
    ("by_reference", "by a reference"),
    ("lines_received", "taken in for the payments they quote"),
    ("by_bank_charge", "the bank's own fee"),
    ("lines_suspended", "left to a person"),
)
_BY_HAND = {"execution_s": None, "settlement_s": None}


@dataclass(frozen=True)
class Explained:
    """What the bank says, what our books say, and what nothing explains yet, in minor units."""

    at_bank: int
    in_books: int
    on_its_way: int
    in_suspense: int
    findings: frozenset[str]

    @property
    def unexplained(self) -> int:
        """Everything that keeps bank and books apart, whatever its sign."""
        return sum(map(abs, (self.at_bank - self.in_books, self.on_its_way, self.in_suspense)))

    def since(self, before: "Explained") -> "Explained":
        """Return this without what was open before: somebody else may have played here."""
        return replace(
            self,
            on_its_way=self.on_its_way - before.on_its_way,
            in_suspense=self.in_suspense - before.in_suspense,
            findings=self.findings - before.findings,
        )


@dataclass(frozen=True)
class BankStage:
    """The stage with the bank's account and finance's desk on it."""

    stage: Stage
    desk: Desk

    def balance(self, path: str) -> int:
        """Return an account's balance on its own side."""
        return balance_of(trial_balance(self.stage.way_in, self.stage.cast), path, CURRENCY)

    def link(self) -> dict[str, Any]:
        """Place an order in euros, and start paying it by bank."""
        stage = self.stage
        payment = link(stage.way_in, stage.cast, stage.order(CURRENCY))
        stage.tell.step(
            "POST /api/payments/bank/link", f"{payment['id']}: {payment['bank_reference']}"
        )
        return payment

    def hear(self, payment: Mapping[str, Any], **bank: str) -> dict[str, Any]:
        """Wait until the buyer's page hears what the bank says of a payment."""

        def wanted(event: LiveEvent) -> bool:
            told = event.data.get("bank") or {}
            is_meant = event.data.get("id") == payment["id"]
            return is_meant and all(told.get(name) == value for name, value in bank.items())

        heard = self.stage.listener.wait_for(wanted).data
        known = heard["bank"]
        what = f"{heard['status']}, at the bank {known['provider_status']}"
        if "amount_received" in bank:
            what = f"{heard['status']}, {int(known['amount_received']):,} have arrived"
        self.stage.tell.heard(f"payment.updated: {what}")
        return heard

    def send(self, amount: int, text: str, *, who: str) -> None:
        """Let money move by a plain transfer."""
        transfer(self.stage.way_in, CURRENCY, amount, text)
        self.stage.tell.step(f"{who} {abs(amount):,} {CURRENCY}", text)

    def reconcile(self) -> Explained:
        """Import the bank's statement, bring it together with the books, and compare both."""
        earlier = self.desk.newest_runs().keys()
        taken_in = self.desk.take_in(ACCOUNT, statement(self.stage.way_in, ACCOUNT))
        new = taken_in["new_lines"]
        told = f"camt.053, {new} new {'line' if new == 1 else 'lines'}"
        if taken_in["already_imported"]:
            told = "camt.053, the same file as before: nothing is doubled"
        self.stage.tell.step("POST /api/reconciliation/statements", told)
        run = self.desk.run()
        found: Counter[str] = Counter()
        for run_id, figures in self.desk.newest_runs().items():
            found += Counter() if run_id in earlier else figures
        told = ", ".join(f"{found[name]} {words}" for name, words in _FIGURES if found[name])
        self.stage.tell.step("POST /api/reconciliation/runs", f"{run['status']}: {told or 'equal'}")
        return self.look(int(taken_in["statements"][0]["closing_balance"]))

    def look(self, at_bank: int) -> Explained:
        """Compare what the bank says with the books."""
        return Explained(
            at_bank=at_bank,
            in_books=self.balance(f"assets:bank:{ACCOUNT}"),
            on_its_way=self.balance("assets:bank:clearing"),
            in_suspense=self.balance("assets:suspense:unmatched"),
            findings=frozenset(
                each["id"] for each in self.desk.findings() if each["currency"] == CURRENCY
            ),
        )


def play_bank(stage: Stage) -> None:
    """Pay by bank in every way, and leave nothing unexplained."""
    stage.tell.chapter("12. Finance starts from what the bank has said so far")
    bank = BankStage(stage, Desk(stage.way_in, stage.cast))
    before = bank.reconcile()
    pay_by_bank(bank)
    over = transfer_too_little_and_too_much(bank, before)
    settle_the_rest(bank, over)
    pay_out_at_stripe(bank)
    explain_everything(bank, over, before)


def pay_by_bank(bank: BankStage) -> None:
    """Pay on the bank's page; only settled money counts."""
    stage = bank.stage
    stage.tell.chapter("13. A buyer pays by bank")
    payment = bank.link()
    with _in_slow_motion(stage):
        back, _, _ = say_yes(payment, bank="harbour").partition("?")
        stage.tell.step("the buyer says yes on their bank's page, and comes back to", back)
        push(stage.way_in, payment, "executed")
        bank.hear(payment, provider_status="executed")
        sent = stage.held_for(payment)
        push(stage.way_in, payment, "settled")
        bank.hear(payment, provider_status="settled")
    held = stage.held_for(payment) == int(payment["amount"])
    stage.tell.check("sent is not paid: it counts once it is settled", holds=held and sent == 0)


def transfer_too_little_and_too_much(bank: BankStage, before: Explained) -> dict[str, Any]:
    """Let two buyers type the transfer themselves; return the payment that got too much."""
    tell = bank.stage.tell
    tell.chapter("14. Two buyers type the transfer themselves, with wrong amounts")
    short, over = bank.link(), bank.link()
    bank.send(_SHORT, short["bank_reference"], who="one sends")
    bank.send(_OVER, over["bank_reference"], who="the other sends")
    now = bank.reconcile().since(before)
    heard = bank.hear(short, amount_received=str(_SHORT))
    tell.check("too little: the order waits for the rest", holds=heard["status"] != "succeeded")
    heard = bank.hear(over, amount_received=str(_OVER))
    tell.check("too much: the order is paid", holds=heard["status"] == "succeeded")
    waiting = _SHORT + _OVER - int(over["amount"])
    tell.check(f"{waiting:,} {CURRENCY} wait in suspense", holds=now.in_suspense == -waiting)
    bank.send(_REST, f"the rest of {short['bank_reference'].lower()}", who="the first sends")
    bank.reconcile()
    heard = bank.hear(short, amount_received=short["amount"])
    tell.check("the rest completes it", holds=heard["status"] == "succeeded")
    return over


def settle_the_rest(bank: BankStage, over: Mapping[str, Any]) -> None:
    """Give back what was too much, by a transfer of our own."""
    bank.stage.tell.chapter("15. What was too much goes back")
    excess = _OVER - int(over["amount"])
    bank.send(-excess, f"Return of {over['id']}", who="finance sends back")


def pay_out_at_stripe(bank: BankStage) -> None:
    """Have Stripe pay out what cards brought in euros, and the bank take its fee."""
    stage = bank.stage
    stage.tell.chapter("16. Stripe pays out, and the bank takes its fee")
    payment = stage.payment(CURRENCY)
    stage.confirm(payment, _AVAILABLE_AT_ONCE)
    stage.hear(payment, "succeeded")
    clearing = bank.balance("assets:bank:clearing")
    payout = pay_out(stage.way_in, CURRENCY)
    stage.tell.step("Stripe sends what is left after its fees", f"{payout['amount']:,} {CURRENCY}")
    until(partial(_is_on_its_way, bank, clearing + int(payout["amount"])))
    stage.tell.check("the ledger knows that it is on its way to the bank", holds=True)
    arrived = {"account": ACCOUNT, "amount": payout["amount"], "reference": payout["id"]}
    at_bank(stage.way_in, "payouts", arrived)
    at_bank(stage.way_in, "fees", {"account": ACCOUNT, "amount": _FEE})
    stage.tell.step("it arrives; the bank takes its fee", f"{_FEE:,} {CURRENCY}")


def explain_everything(bank: BankStage, over: Mapping[str, Any], before: Explained) -> None:
    """Reconcile, judge by hand the one line that no rule may, and show that nothing is left."""
    tell = bank.stage.tell
    tell.chapter("17. Finance imports the bank's statement and explains every line")
    at_bank = bank.reconcile().at_bank
    [line] = [
        item
        for item in bank.desk.unmatched(CURRENCY, "line")
        if over["id"] in item["details"]["text"]
    ]
    [receipt] = [
        item
        for item in bank.desk.unmatched(CURRENCY, "receipt")
        if item["payment_id"] == over["id"]
    ]
    tell.step("in the queue", f"{line['id']}: {int(line['amount']):,}, {line['reason']}")
    bank.desk.match(line, {"receipt_id": receipt["id"]}, "We sent it back.")
    tell.step("POST /api/reconciliation/unmatched/…/match", f"it gave {receipt['id']} back")
    silent = bank.desk.run()["figures"].get("providers_silent", 0)
    now = bank.look(at_bank).since(before)
    tell.reconciliation(f"Account {ACCOUNT}, {CURRENCY}", now.at_bank, now.in_books, now.on_its_way)
    tell.check("the bank's balance is the ledger's", holds=now.at_bank == now.in_books)
    tell.check("nothing is on its way any more", holds=now.on_its_way == 0)
    tell.check("nothing waits in suspense", holds=now.in_suspense == 0)
    tell.check("every provider was asked, and agrees", holds=silent == 0)
    tell.check("no finding is open", holds=not now.findings)
    whole, cents = divmod(now.unexplained, 100)
    tell.check(f"{whole:,}.{cents:02} {CURRENCY} unexplained", holds=now.unexplained == 0)


@contextmanager
def _in_slow_motion(stage: Stage) -> Iterator[None]:
    """Keep payments from going on by themselves, so that each step is seen."""
    usual = at_bank(stage.way_in, "moments", {}, method="PUT")
    at_bank(stage.way_in, "moments", _BY_HAND, method="PUT")
    try:
        yield
    finally:
        at_bank(stage.way_in, "moments", usual, method="PUT")


def _is_on_its_way(bank: BankStage, amount: int) -> bool | None:
    return bank.balance("assets:bank:clearing") == amount or None
