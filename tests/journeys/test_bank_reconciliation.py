"""The bank's statements against our books: what moved is explained, what is not is in a queue."""

from sandbox.calls import at_stripe, confirm_at_stripe, created, new_order
from tests.conditions import wait_until
from tests.journeys.bank import AMOUNT, PATIENCE_S, BankRail, Body
from tests.journeys.bank_desk import Desk

FEE = 25


def test_every_movement_is_explained_or_in_the_queue(rail: BankRail, desk: Desk) -> None:
    desk.reconcile("main")  # what other tests have left
    clearing, suspense, fees = rail.clearing("EUR"), rail.suspense("EUR"), fees_of(rail, "EUR")
    queue, findings = desk.unmatched("EUR"), desk.findings("EUR")
    single = rail.paid("EUR")
    rail.knob("lines", {"batch": True}, method="PUT")
    for _ in range(3):
        rail.paid("EUR")
    rail.knob("batches")
    rail.knob("lines", {"batch": False, "fee": FEE}, method="PUT")
    rail.paid("EUR")
    refund = created(rail.refund(single, "3500"))
    rail.execute_refund(refund)
    rail.wait_for(single, "partially_refunded")
    payout = stripe_pays_out(rail)
    rail.knob("payouts", {"account": "main", "amount": payout["amount"], "reference": payout["id"]})
    rail.knob("fees", {"account": "main", "amount": 490})
    noise = {"account": "main", "name": "Mill Lane Stationers", "text": "Rent November"}
    rail.knob("transfers", {**noise, "amount": -90000})
    assert rail.clearing("EUR") == clearing + 5 * AMOUNT - 3500 + payout["amount"]

    rules = desk.matched_by_rule()
    statement = desk.statement("main")
    taken_in = created(desk.take_in("main", statement, filename="november.xml"))
    [of_main] = taken_in["statements"]
    assert (taken_in["format"], taken_in["new_lines"]) == ("camt.053", 8)
    desk.run()

    assert desk.matched_by_rule() - rules == {
        "by_provider_id": 1,
        "by_reference": 3,
        "by_batch": 1,
        "by_bank_charge": 2,
    }
    assert rail.system.balance("assets:bank:main", "EUR") == int(of_main["closing_balance"])
    assert rail.clearing("EUR") == clearing
    assert fees_of(rail, "EUR") == fees + FEE + 490
    [line] = [item for item in desk.unmatched("EUR") if item not in queue]
    assert (line["kind"], line["amount"], line["reason"]) == ("line", "-90000", "no_reference")
    assert "Rent November" in line["details"]["text"]
    assert rail.suspense("EUR") == suspense - 90000
    assert desk.findings("EUR") == findings

    books = desk.books("EUR")
    again = desk.take_in("main", statement, filename="november.xml")
    assert (again.status_code, again.headers["Idempotent-Replayed"]) == (200, "true")
    assert again.json()["already_imported"]
    assert desk.run()["figures"].get("lines_matched", 0) == 0
    assert desk.books("EUR") == books


def test_a_line_of_no_payment_is_discarded_with_a_reason_and_that_undone(
    rail: BankRail, desk: Desk
) -> None:
    suspense, discarded_before = rail.suspense(), discarded_of(rail)
    rail.knob("transfers", {"account": "usd", "amount": 4711, "text": "Lottery"})
    desk.reconcile("usd")
    [line] = desk.unmatched("USD", name="lottery")
    assert rail.suspense() == suspense + 4711

    discarded = desk.discard(line, "Won by somebody else.")["match"]
    assert desk.unmatched("USD", name="lottery") == []
    assert rail.suspense() == suspense
    assert discarded_of(rail) == discarded_before + 4711
    assert desk.ask_to_discard(line, "Again.").json()["code"] == "line_not_open"

    undone = desk.undo(discarded, "It was ours.")
    assert (undone["state"], undone["undo_reason"]) == ("undone", "It was ours.")
    assert discarded_of(rail) == discarded_before
    desk.run()  # what a person took back, no run decides again
    [line] = desk.unmatched("USD", name="lottery")
    assert rail.suspense() == suspense + 4711
    desk.discard(line, "It was not.")
    history = desk.get("matches", line_id=line["id"])["data"]
    assert [(match["state"], match["reason"]) for match in history] == [
        ("undone", "Won by somebody else."),
        ("active", "It was not."),
    ]


def test_a_match_of_a_run_can_be_found_and_taken_back(rail: BankRail, desk: Desk) -> None:
    payment = rail.paid()
    desk.reconcile("usd")
    suspense, clearing = rail.suspense(), rail.clearing()
    [match] = desk.matches_of(payment)
    assert (match["rule"], match["certainty"], match["state"]) == ("reference", 100, "active")
    assert match["run_id"] is not None

    desk.undo(match, "The bank has mixed two transfers up.")
    desk.run()  # what a person took back, no run decides again
    assert (rail.suspense(), rail.clearing()) == (suspense + AMOUNT, clearing + AMOUNT)
    [line] = [item for item in desk.unmatched("USD") if item["id"] == match["line_id"]]
    assert line["reason"] == "undone"
    assert rail.now(payment)["status"] == "succeeded"

    desk.match(line, {"payment_id": payment["id"]}, reason="It was this one after all.")
    assert (rail.suspense(), rail.clearing()) == (suspense, clearing)
    assert [match["state"] for match in desk.matches_of(payment)] == ["undone", "active"]


def test_a_line_is_the_same_in_every_format(rail: BankRail, desk: Desk) -> None:
    rail.knob("lines", {"fee": FEE}, method="PUT")
    rail.paid("GBP")
    fees = fees_of(rail, "GBP")
    mt940 = created(desk.take_in("gbp", desk.statement("gbp", "mt940")))
    assert (mt940["format"], mt940["new_lines"] >= 2) == ("mt940", True)
    desk.run()
    assert rail.clearing("GBP") == 0
    assert fees_of(rail, "GBP") == fees + FEE

    camt = created(desk.take_in("gbp", desk.statement("gbp", "camt053", version="02")))
    assert (camt["format"], camt["new_lines"]) == ("camt.053", 0)
    rail.paid("GBP")
    csv = created(desk.take_in("gbp", desk.statement("gbp", "csv"), mapping="sandbox"))
    assert (csv["format"], csv["new_lines"]) == ("csv", 2)
    desk.run()
    assert rail.clearing("GBP") == 0
    [of_gbp] = csv["statements"]
    assert rail.system.balance("assets:bank:gbp", "GBP") == int(of_gbp["closing_balance"])
    assert desk.findings("GBP") == []


def test_a_statement_that_does_not_add_up_is_refused_whole(desk: Desk) -> None:
    statement = desk.statement("gbp")
    broken = statement.replace(b'<Amt Ccy="GBP">', b'<Amt Ccy="GBP">1', 1)
    refused = desk.take_in("gbp", broken)
    assert (refused.status_code, refused.json()["code"]) == (400, "statement_not_balanced")
    other = desk.take_in("main", statement)
    assert (other.status_code, other.json()["code"]) == (400, "statement_of_other_account")


def fees_of(rail: BankRail, currency: str) -> int:
    return rail.system.balance("expenses:bank:fees", currency)


def discarded_of(rail: BankRail) -> int:
    return -rail.system.balance("assets:suspense:discarded")


def stripe_pays_out(rail: BankRail) -> Body:
    """Pay an order in euros by card, have Stripe pay it out, and return its payout."""
    system = rail.system
    order = created(
        rail.call(
            system.cast.backend, "POST", "orders", new_order(system.cast) | {"currency": "EUR"}
        )
    )
    asked = {"reference": f"checkout-{order['id']}", "order_id": order["id"]}
    payment = created(rail.call(system.cast.buyer, "POST", "payments/intents", asked))
    confirm_at_stripe(system.way_in, payment, "pm_card_bypassPending")
    rail.wait_for(payment, "succeeded")
    payout = created(
        at_stripe(system.way_in).post(
            f"{system.way_in.stripe_api_url}/_sandbox/payouts",
            json={"currency": "eur"},
            auth=(system.way_in.stripe_secret_key, ""),
            timeout=PATIENCE_S,
        )
    )
    before = rail.clearing("EUR")

    def is_booked() -> bool:
        rail.poll_now()
        return rail.clearing("EUR") == before + int(payout["amount"])

    wait_until(is_booked, timeout_s=PATIENCE_S)
    return payout
