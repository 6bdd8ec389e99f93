"""`strongroom dead-letters`, `webhooks refusals`, `payments declines` and `pending` say what is."""

import json
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import Engine, text

from payments.database import transaction
from payments.lifecycle.note_decline import note_decline
from payments.privacy.data_keys import connect_cipher
from payments.providers.facts import PaymentFailed
from payments.providers.stripe.declines import explain
from payments.webhooks.sealed_payload import seal
from payments.webhooks.webhook_notes import WebhookNotes
from tests.payments.shop import KEYSET, NOW, Shop, open_shop
from tests.payments.webhooks.stripe_events import event, new_payment, receive
from tests.web.conftest import environment
from web.command_line import main


@pytest.fixture(scope="module")
def shop(engine: Engine) -> Shop:
    return open_shop(engine)


@pytest.fixture
def environ(database_url: str, redis_url: str) -> dict[str, str]:
    return environment(database_url=database_url, redis_url=redis_url)


def run(environ: dict[str, str], *words: str, code: int = 0) -> str:
    done = CliRunner().invoke(main, words, env=environ)
    assert done.exit_code == code, done.output
    return done.stdout


def test_dead_letters_are_listed_shown_masked_and_replayed(
    engine: Engine, environ: dict[str, str]
) -> None:
    thing = {
        "id": "pi_of_somebody_else",
        "object": "payment_intent",
        "amount_received": 13500,
        "currency": "usd",
        "receipt_email": "ada@shop.test",
        "latest_charge": "ch_1",
        "metadata": {},
        "client_secret": "pi_of_somebody_else_secret_x",
    }
    told = event("payment_intent.succeeded", thing)
    receive(engine, told)
    cipher = connect_cipher(engine, KEYSET)
    sealed = seal(cipher, json.dumps(told).encode(), provider="stripe", event_id=told["id"])
    with engine.begin() as connection:
        number = connection.execute(
            text(
                "UPDATE strongroom.webhook_inbox SET state = 'dead', attempts = 79,"
                " payload_encrypted = :sealed,"
                " finished_at = received_at, error = 'unknown_payment: no payment has"
                " pi_of_somebody_else' WHERE event_id = :id RETURNING id"
            ),
            {"id": told["id"], "sealed": sealed},
        ).scalar_one()

    listed = run(environ, "dead-letters", "list")
    assert f"inb_{number}" in listed
    assert "it belongs to another system on the same account" in listed
    shown = run(environ, "dead-letters", "show", f"inb_{number}", "--reason", "INC-9: whose?")
    inside = json.loads(shown[shown.index("{") :])
    assert inside["data"]["object"]["receipt_email"] == "•••"
    assert inside["data"]["object"]["amount_received"] == 13500
    assert "_secret_" not in shown

    why = ("--kind", "event", "--reason", "INC-9: the old shop's")
    tried = run(environ, "dead-letters", "discard", f"inb_{number}", *why, "--dry-run")
    assert "1 of the kind event are discarded, 0 live" in tried
    assert f"inb_{number}" in run(environ, "dead-letters", "list")
    given_up = json.loads(run(environ, "dead-letters", "discard", f"inb_{number}", *why, "--json"))
    assert (given_up["accepted"], given_up["reason"]) == (1, "INC-9: the old shop's")
    assert run(environ, "dead-letters", "list") == "There are no dead letters.\n"
    assert "INC-9: the old shop's" in run(environ, "dead-letters", "list", "--discarded")
    again = run(environ, "dead-letters", "discard", f"inb_{number}", *why)
    assert "0 of the kind event are discarded, 1 live or were before." in again
    words = ("--kind", "event", "--reason", "INC-9: it was ours")
    assert "0 of the kind event" in run(environ, "dead-letters", "replay", "--all", *words)
    with engine.begin() as connection:  # discarded by mistake: see it dead once more
        connection.execute(
            text("UPDATE strongroom.webhook_inbox SET discard_id = NULL WHERE id = :id"),
            {"id": number},
        )

    words = ("--kind", "event", "--reason", "INC-9: its payment was found")
    tried = run(environ, "dead-letters", "replay", f"inb_{number}", *words, "--dry-run")
    replayed = run(environ, "dead-letters", "replay", "--all", *words)
    assert "1 of the kind event are tried again, 0 cannot be" in tried
    assert "1 of the kind event are tried again, 0 cannot be" in replayed
    assert run(environ, "dead-letters", "list") == "There are no dead letters.\n"
    run(environ, "dead-letters", "replay", *words, code=2)
    run(environ, "dead-letters", "replay", "obx_1", *words, code=1)


def test_refusals_are_counted_with_advice(engine: Engine, environ: dict[str, str]) -> None:
    notes = WebhookNotes(engine)
    for _ in range(3):
        notes.refused("stripe", "wrong_secret", now=NOW)
    notes.write()
    told = run(environ, "webhooks", "refusals", "--from", NOW.isoformat())
    assert "stripe, wrong_secret: 3 in all. Signed with a secret we do not have" in told


def test_a_payer_is_told_what_they_may_be_told(
    engine: Engine, shop: Shop, environ: dict[str, str]
) -> None:
    payment = new_payment(shop)
    for code in ("insufficient_funds", "stolen_card"):
        failed = PaymentFailed(
            provider="stripe",
            provider_ref=payment.provider_ref,
            payment_id=payment.id,
            occurred_at=NOW,
            failure=explain(code="card_declined", decline_code=code),
        )
        with transaction(engine) as session:
            for cause in (f"stripe:evt_{code}", "poll"):
                note_decline(session, payment.id, failed, cause=cause, now=NOW)
    told = run(environ, "payments", "declines", payment.id)
    assert "The payer saw: The card has insufficient funds. (try_another_card)" in told
    assert told.count("The payer saw:") == 2
    assert "stolen" not in told.replace("evt_stolen_card", "").replace("lost, stolen or", "")
    attempts: Any = json.loads(run(environ, "payments", "declines", payment.id, "--json"))
    assert [one["told_by"] for one in attempts["attempts"]] == [
        ["stripe:evt_insufficient_funds"],
        ["stripe:evt_stolen_card"],
    ]


def test_what_waits_is_said_with_what_moves_it(
    engine: Engine, shop: Shop, environ: dict[str, str]
) -> None:
    payment = new_payment(shop)
    with engine.begin() as connection:
        connection.execute(
            text(
                "UPDATE strongroom.payments SET updated_at = now() - interval '3 h' WHERE id = :id"
            ),
            {"id": payment.id},
        )
    told = run(environ, "pending", "list", "--payment", payment.id)
    assert "3 h 00 min" in told
    assert "payer_left: The payer opens the order again" in told
    run(environ, "pending", "ask", code=2)
