"""A proof that all was applied once is worth what it notices: of a bank's receipts, too."""

import datetime as dt
import json
from collections.abc import Mapping
from typing import Any, cast

import pytest
from sqlalchemy import Engine, text

from payments.identifiers import new_id
from payments.providers.connect import Providers
from payments.providers.facts import MoneyReceived
from payments.webhooks.prove import Proof, prove_webhooks
from payments.webhooks.sealed_payload import seal
from tests.payments.bank_shop import AMOUNT, BankShop, ToldByBank
from tests.payments.shop import CIPHER, NOW, open_shop

MINUTE = dt.timedelta(minutes=1)


class Bank:
    """Its events are keys of what they tell."""

    def __init__(self) -> None:
        self.facts: dict[str, MoneyReceived] = {}

    def translate(self, payload: bytes) -> list[MoneyReceived]:
        return [self.facts[json.loads(payload)]]


@pytest.fixture
def shop(fresh_engine: Engine) -> BankShop:
    return BankShop(open_shop(fresh_engine))


def receipt(told: ToldByBank, ref: str, amount: int, second: int) -> MoneyReceived:
    return MoneyReceived(
        **told.which(second), source="truelayer", receipt_ref=ref, amount=amount, currency="EUR"
    )


def prove(shop: BankShop, facts: Mapping[str, MoneyReceived]) -> Proof:
    """Prove that events which were done have had their effects."""
    bank = Bank()
    for event_id, fact in facts.items():
        bank.facts[event_id] = fact
        payload = seal(
            CIPHER, json.dumps(event_id).encode(), provider="truelayer", event_id=event_id
        )
        with shop.engine.begin() as connection:
            connection.execute(
                text("""INSERT INTO strongroom.webhook_inbox (provider, event_id, event_type,
                          occurred_at, payload_encrypted, received_at, due_at, state, finished_at)
                        VALUES ('truelayer', :id, 'payment_settled', :now, :payload, :now, :now,
                          'done', :now)"""),
                {"id": event_id, "now": NOW, "payload": payload},
            )
    banks = {"truelayer": cast("Any", bank)}
    return prove_webhooks(
        shop.engine,
        provider="truelayer",
        from_at=NOW - MINUTE,
        to_at=NOW + MINUTE,
        providers=Providers(cast("Any", None), banks=banks),
        cipher=CIPHER,
        most=100,
        now=NOW + 2 * MINUTE,
    )


def test_each_of_several_receipts_of_a_payment_is_held_against_its_own_entry(
    shop: BankShop,
) -> None:
    told = shop.told()
    short, rest, twice = (
        receipt(told, "one", AMOUNT - 100, 4),
        receipt(told, "two", 100, 5),
        receipt(told, "three", AMOUNT, 6),
    )
    assert shop.record(short, rest, twice) == ["applied"] * 3
    proof = prove(shop, {"evt_1": short, "evt_2": rest, "evt_3": twice})
    assert proof.proven, proof.faults
    assert (proof.effects, proof.applied_once) == (3, 3)
    [money] = proof.money
    assert (money.told, money.booked) == (2 * AMOUNT, 2 * AMOUNT)


def test_a_receipt_that_is_not_booked_is_not_proven_by_another_ones_entry(shop: BankShop) -> None:
    told = shop.told()
    first, second = receipt(told, "one", AMOUNT, 4), receipt(told, "two", AMOUNT, 5)
    assert shop.record(first) == ["applied"]
    with shop.engine.begin() as connection:
        connection.execute(
            text("""INSERT INTO strongroom.bank_receipts (id, payment_id, source, receipt_ref,
                      amount, currency, occurred_at, amount_applied, amount_returned, reason,
                      created_at, updated_at)
                    VALUES (:id, :payment_id, 'truelayer', 'two', :amount, 'EUR', :now, 0, 0,
                      'twice', :now, :now)"""),
            {
                "id": new_id("rcp", now=NOW),
                "payment_id": told.payment.id,
                "amount": AMOUNT,
                "now": NOW,
            },
        )
    proof = prove(shop, {"evt_1": first, "evt_2": second})
    assert [(fault.problem, fault.event_id) for fault in proof.faults] == [("not_applied", "evt_2")]


def test_a_receipt_that_is_booked_with_another_amount_is_seen(shop: BankShop) -> None:
    told = shop.told()
    assert shop.record(receipt(told, "one", AMOUNT, 4)) == ["applied"]
    proof = prove(shop, {"evt_1": receipt(told, "one", AMOUNT - 1, 4)})
    assert [fault.problem for fault in proof.faults] == ["amount_differs"]
