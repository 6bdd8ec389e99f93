"""What moved on our accounts is listed whole, oldest first, each movement once."""

import datetime as dt
from typing import Any

import pytest

from payments.providers.outcome import OutcomeUnknownError
from payments.providers.ports import ProviderTransaction
from payments.providers.truelayer.adapter import TrueLayer
from tests.payments.providers.truelayer.scripted_server import Heard, Say, ScriptedServer

PLACE = "/v3/merchant-accounts/acc-eur/transactions"
SINCE = dt.datetime(2026, 11, 1, tzinfo=dt.UTC)


def item(kind: str, ref: str, **more: Any) -> dict[str, Any]:
    settled = {"status": "settled", "settled_at": "2026-11-02T00:00:00.000Z"}
    return {"type": kind, "id": ref, "currency": "EUR", "amount_in_minor": 100, **settled, **more}


def executed(kind: str, ref: str, **more: Any) -> dict[str, Any]:
    when = {"created_at": "2026-11-02T00:00:00Z", "executed_at": "2026-11-03T00:00:00Z"}
    return {**item(kind, ref, **more), "status": "executed", **when, "settled_at": None, **more}


def listed(truelayer: TrueLayer, *, days: float) -> list[ProviderTransaction]:
    until = SINCE + dt.timedelta(days=days)
    return list(truelayer.list_transactions(currency="EUR", since=SINCE, until=until))


def test_every_kind_has_its_sign_and_its_subject(
    truelayer: TrueLayer, server: ScriptedServer
) -> None:
    items = [
        executed("payout", "t4", payout_id="po-1"),
        executed("refund", "t3", refund_id="tlr-1", payment_id="tl-1"),
        item("external_payment", "t2", remitter={"reference": "SR"}),
        item("merchant_account_payment", "t1", payment_id="tl-1"),
        executed("refund", "t5", status="pending", refund_id="tlr-2"),
        executed("payout", "t6", status="failed", payout_id="po-2"),
        item("surprise", "t7"),
    ]
    server.says("GET", PLACE, Say(content={"items": items, "pagination": {}}))
    told = [
        (one.transaction_ref, one.kind, one.subject_ref, one.amount, one.occurred_at.day)
        for one in listed(truelayer, days=5)
    ]
    assert told == [
        ("t1", "payment", "tl-1", 100, 2),
        ("t2", "transfer", None, 100, 2),
        ("t3", "refund", "tlr-1", -100, 3),
        ("t4", "payout", "po-1", -100, 3),
    ]
    [call] = server.calls("GET", PLACE)
    assert call.query == {
        "from": ["2026-11-01T00:00:00.000Z"],
        "to": ["2026-11-06T00:00:00.000Z"],
    }
    assert call.headers["tl-enable-pagination"] == "true"


def test_pages_are_followed_to_the_end(truelayer: TrueLayer, server: ScriptedServer) -> None:
    def page(heard: Heard) -> Say:
        cursor = heard.query.get("cursor", ["0"])[0]
        following = {"0": "1+/=", "1+/=": "2"}.get(cursor)
        found = [item("merchant_account_payment", f"t{cursor}", payment_id="tl-1")]
        pagination = {"next_cursor": following} if following else {}
        return Say(content={"items": found, "pagination": pagination})

    server.says("GET", PLACE, page)
    assert {one.transaction_ref for one in listed(truelayer, days=1)} == {"t0", "t1+/=", "t2"}


def test_a_long_time_is_asked_for_in_pieces_and_told_once(
    truelayer: TrueLayer, server: ScriptedServer
) -> None:
    on_the_edge = "2026-12-02T00:00:00Z"

    def page(heard: Heard) -> Say:
        begins, ends = (dt.datetime.fromisoformat(heard.query[n][0]) for n in ("from", "to"))
        assert ends - begins <= dt.timedelta(days=31)
        moments = ["2026-11-15T00:00:00Z", on_the_edge, "2026-12-20T00:00:00Z"]
        return Say(
            content={
                "items": [
                    item("merchant_account_payment", at, payment_id="tl-1", settled_at=at)
                    for at in moments
                    if begins <= dt.datetime.fromisoformat(at) <= ends
                ]
            }
        )

    server.says("GET", PLACE, page)
    refs = [one.transaction_ref for one in listed(truelayer, days=60)]
    assert refs == ["2026-11-15T00:00:00Z", on_the_edge, "2026-12-20T00:00:00Z"]
    assert len(server.calls("GET", PLACE)) == 2


@pytest.mark.parametrize(
    "content",
    [
        {},
        {"items": [None]},
        {"items": [item("merchant_account_payment", "t1")]},
        {"items": [item("external_payment", "t1", amount_in_minor=1.5)]},
        {"items": [item("external_payment", "t1", settled_at="yesterday")]},
    ],
)
def test_a_line_that_cannot_be_read_is_not_left_out(
    truelayer: TrueLayer, server: ScriptedServer, content: Any
) -> None:
    server.says("GET", PLACE, Say(content=content))
    with pytest.raises(OutcomeUnknownError):
        listed(truelayer, days=1)


def test_the_balance_is_what_is_there(truelayer: TrueLayer, server: ScriptedServer) -> None:
    account = {"current_balance_in_minor": -5, "available_balance_in_minor": 0}
    server.says("GET", "/v3/merchant-accounts/acc-eur", Say(content=account), Say(content={}))
    assert truelayer.balance(currency="EUR") == -5
    with pytest.raises(OutcomeUnknownError):
        truelayer.balance(currency="EUR")


def test_there_is_nothing_without_an_account(truelayer: TrueLayer) -> None:
    assert truelayer.balance(currency="USD") is None
    assert list(truelayer.list_transactions(currency="USD", since=SINCE, until=SINCE)) == []
