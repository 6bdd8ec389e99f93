"""Each condition is made true in the database, is told, and is over when it is true no more."""

import dataclasses
import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import pytest
from sqlalchemy import Connection, Engine, text

from payments.access.api_keys import create_key
from payments.access.caller import Role
from payments.alerts.all_conditions import CONDITIONS
from payments.alerts.proofs import BOOKS, keep_proof
from payments.database import transaction
from tests.payments.alerts.conftest import MINUTE, START, Watch
from tests.payments.alerts.test_following import take_on
from tests.payments.shop import Shop, open_shop

DAY = dt.timedelta(days=1)
ADDRESS = "0x" + "a1" * 20
HASH = "0x" + "b2" * 32
RUN_DONE = """INSERT INTO strongroom.reconciliation_runs
    (id, status, date_window_days, requested_by, created_at, finished_at)
    VALUES ('run_1', 'done', 3, 'job', :late, :late)"""
PROVEN = """INSERT INTO strongroom.proofs (name, proven_at, took_ms) VALUES ('books', :late, 1)
    ON CONFLICT (name) DO UPDATE SET proven_at = excluded.proven_at"""
FINDING = """INSERT INTO strongroom.findings (id, finding_key, kind, subject_id, amount, detail,
    state, first_seen_at, last_seen_at)
    VALUES ('fnd_1', 'one', '{kind}', 'txn_1', {amount}, 'odd', 'open', :now, :now)"""
SETTLED = (
    """UPDATE strongroom.findings SET state = 'resolved', resolution = 'so', resolved_at = :now"""
)
OUTBOX = """INSERT INTO strongroom.outbox (job, state, due_at, created_at, finished_at)
    VALUES ('pay_sellers', '{state}', :old, :old, {finished})"""
DESTINATION = """INSERT INTO strongroom.payout_destinations (id, party_id, kind,
    destination_encrypted, hint, status, active_from, proposed_by, decided_by, created_at,
    decided_at)
    VALUES ('dst_1', {party}, 'stripe', '', 'acct_1', 'approved', :old, 'a', 'b', :old, :old)"""
RELEASE = """INSERT INTO strongroom.releases (id, order_id, payment_id, origin, seller_id, amount,
    currency, platform_fee, tax, status, needs_approval, requested_by, created_at,
    updated_at, posted_at, escrow_id, operation_id)
    VALUES ('{id}', :order_id, :payment_id, '{origin}', :seller_id, 7000, 'EUR', 0, 0, 'posted',
    false, '{by}', :now, :now, :now, {escrow}, {operation})"""
POSTED = {"origin": "api", "by": "key:shop", "escrow": "NULL", "operation": "NULL"}
PAYOUT = """INSERT INTO strongroom.seller_payouts (id, release_id, order_id, payment_id, seller_id,
    destination_id, provider, amount, amount_paid, currency, status, created_at, updated_at,
    paid_at, failure_code)
    VALUES ('pyo_1', 'rel_1', :order_id, :payment_id, :seller_id, 'dst_1', 'stripe', 7000, {paid},
    'EUR', '{status}', :old, :old, {at}, {code})"""
PAID = {"paid": "7000", "status": "paid", "at": ":old", "code": "NULL"}
ATTEMPT = """INSERT INTO strongroom.seller_payout_attempts (payout_id, number, provider,
    provider_ref,
    destination_id, amount, state, created_at, ended_at)
    VALUES ('pyo_1', {number}, 'stripe', 'tr_{number}', 'dst_1', 7000, 'paid', :now, :now)"""
ESCROW = f"""INSERT INTO strongroom.escrows (id, order_id, payment_id, seller_id, chain, asset,
    contract_address, chain_reference, depositor, beneficiary, operator, arbiter, guardian, amount,
    fund_by, release_by, arbiter_by, status, created_at, updated_at)
    VALUES ('esc_1', :order_id, :payment_id, :seller_id, 'base', 'USDC', '{ADDRESS}', '{HASH}',
    '{ADDRESS}', '{ADDRESS}', '{ADDRESS}', '{ADDRESS}', '{ADDRESS}', 7000, :late, :later, :latest,
    'funded', :old, :old)"""
CURSOR = """INSERT INTO strongroom.chain_cursors (chain, chain_id, scanned_to, final_to, final_at,
    error, scanned_at) VALUES ('base', 8453, 100, 90, :now, {error}, {at})"""
CALL = """INSERT INTO strongroom.provider_calls (id, payment_id, operation, idempotency_key, state,
    created_at) VALUES ('pcl_1', :payment_id, 'refund', 'key', 'unknown', :old)"""
SIGNER = f"""INSERT INTO strongroom.chain_signers (chain, address, next_nonce, frozen_at,
    frozen_reason, created_at) VALUES ('base', '{ADDRESS}', 1, :now, 'nonces', :old)"""
EVENT = """INSERT INTO strongroom.webhook_inbox (provider, event_id, event_type, occurred_at,
    payload_encrypted, received_at, state, due_at)
    VALUES ('stripe', 'evt_1', 'x', :old, '', :old, 'new', :old)"""
EFFECT = f"""INSERT INTO strongroom.escrow_effects (escrow_id, key, kind, tx_hash, log_index,
    block_number, block_hash, block_at, state, created_at, updated_at)
    VALUES ('esc_1', 'deposited', 'deposited', '{HASH}', 0, 80, '{HASH}', :old, 'seen', :old,
    :old)"""
INTENT = f"""INSERT INTO strongroom.chain_intents (id, chain, signer, kind, subject_id, to_address,
    calldata, state, nonce, signed_at, broadcast_at, due_at, created_at, updated_at)
    VALUES ('cti_1', 'base', '{ADDRESS}', 'noop', 'cti_1', '{ADDRESS}', '', 'broadcast', 1, :old,
    :old, :old, :old, :old)"""
ENDPOINT = """INSERT INTO strongroom.notice_endpoints (id, url, status, disabled_reason,
    disabled_at,
    created_by, created_at, updated_at)
    VALUES ('nep_1', 'https://x.test', 'disabled', 'gone', :now, 'a', :old, :old)"""
FREEZE = """INSERT INTO strongroom.freezes (id, scope, reason, created_by, created_at)
    VALUES ('frz_1', 'all', 'why', 'ada', :old)"""
ENCRYPTION = """INSERT INTO strongroom.encryption_runs (id, status, key_version, unreadable,
    requested_by, created_at, updated_at) VALUES ('enc_{id}', 'running', 1, {unreadable}, 'a', :old,
    :old)"""
DUE = """INSERT INTO strongroom.documents_due (job, order_id, due_at, attempts)
    VALUES ('issue_invoice', :order_id, :old, 6)"""
MESSAGE = """INSERT INTO strongroom.alert_deliveries (kind, target, address, priority, title, body,
    state, created_at, due_at) VALUES ('test', 'on_call', 1, 'P2', 't', 'b', 'waiting',
    :now - interval '11 minutes', :late)"""


RESTORE = """INSERT INTO strongroom.restores (id, reason, restored_to, status, system_identifier,
    timeline, begun_by, begun_at) VALUES ('rst_1', 'drill', :old, 'begun', 'one', 1, 'ada', :old)"""


class Case(NamedTuple):
    """How a condition becomes true, how true no more, and what it names."""

    make: tuple[str, ...]
    unmake: tuple[str, ...]
    keys: tuple[str, ...] = ()


def delete(*tables: str) -> tuple[str, ...]:
    return tuple(f"DELETE FROM strongroom.{table}" for table in tables)


PAYOUTS = delete("seller_payout_attempts", "seller_payouts", "payout_destinations")
RIGHT = DESTINATION.format(party=":seller_id")
CASES = {
    "standing_still": Case((RESTORE,), delete("restores"), ("rst_1",)),
    "released_twice": Case(
        (
            "UPDATE strongroom.payments SET amount_captured = amount WHERE id = :payment_id",
            RELEASE.format(id="rel_1", **POSTED),
            RELEASE.format(id="rel_2", **POSTED),
        ),
        delete("releases"),
    ),
    "paid_out_twice": Case(
        (
            RELEASE.format(id="rel_1", **POSTED),
            RIGHT,
            PAYOUT.format(**PAID),
            ATTEMPT.format(number=1),
            ATTEMPT.format(number=2),
        ),
        PAYOUTS,
        ("pyo_1",),
    ),
    "wrong_recipient": Case(
        (
            RELEASE.format(id="rel_1", **POSTED),
            DESTINATION.format(party=":buyer_id"),
            PAYOUT.format(**PAID),
            ATTEMPT.format(number=1),
        ),
        PAYOUTS,
        ("pyo_1",),
    ),
    "money_left_unexplained": Case(
        (FINDING.format(kind="missing_in_ledger", amount=-500),), (SETTLED,), ("fnd_1",)
    ),
    "signer_frozen": Case((SIGNER,), delete("chain_signers"), (f"base:{ADDRESS}",)),
    "operation_unknown": Case(
        (
            ESCROW,
            RELEASE.format(
                id="rel_3",
                origin="chain",
                by=f"chain:{ADDRESS}",
                escrow="'esc_1'",
                operation=f"'{HASH}'",
            ),
        ),
        delete("releases", "escrows"),
        ("rel_3",),
    ),
    "chain_reorganised_too_deep": Case(
        (CURSOR.format(error="'reorganised_too_deep'", at=":now"),),
        ("UPDATE strongroom.chain_cursors SET error = NULL",),
        ("base",),
    ),
    "chain_not_read": Case(
        (CURSOR.format(error="NULL", at=":old"),),
        ("UPDATE strongroom.chain_cursors SET scanned_at = :late",),
        ("base",),
    ),
    "escrow_stuck": Case(
        (ESCROW, EFFECT, CURSOR.format(error="NULL", at=":now")),
        ("UPDATE strongroom.escrow_effects SET state = 'final'",),
        ("esc_1",),
    ),
    "transactions_not_mined": Case((INTENT,), delete("chain_intents"), ("cti_1",)),
    "confirmations_delayed": Case(
        (
            (
                "UPDATE strongroom.payments SET status = 'processing', updated_at = :old"
                " WHERE id = :payment_id"
            ),
        ),
        ("UPDATE strongroom.payments SET status = 'failed' WHERE id = :payment_id",),
    ),
    "outcomes_unknown": Case((CALL,), delete("provider_calls"), ("pcl_1",)),
    "inbox_behind": Case((EVENT,), delete("webhook_inbox"), ("stripe",)),
    "outbox_behind": Case(
        (OUTBOX.format(state="waiting", finished="NULL"),), delete("outbox"), ("routine",)
    ),
    "relay_silent": Case(
        (
            (
                "INSERT INTO strongroom.live_events (topic, subject_id, audience, data, created_at)"
                " VALUES ('x', 'y', '{}', '{}', :old)"
            ),
        ),
        ("UPDATE strongroom.live_events SET position = 1",),
    ),
    "dead_letters": Case((OUTBOX.format(state="dead", finished=":now"),), delete("outbox")),
    "drift": Case(
        (FINDING.format(kind="balance_drift", amount=5).replace(":now", ":old"),),
        (SETTLED,),
        ("fnd_1",),
    ),
    "payouts_failed": Case(
        (
            RELEASE.format(id="rel_1", **POSTED),
            RIGHT,
            PAYOUT.format(paid="0", status="failed", at="NULL", code="'refused'"),
        ),
        PAYOUTS,
        ("pyo_1",),
    ),
    "books_not_proven": Case((), (PROVEN,)),
    "not_reconciled": Case((), (RUN_DONE,)),
    "notice_endpoint_disabled": Case(
        (ENDPOINT,),
        (
            (
                "UPDATE strongroom.notice_endpoints SET status = 'enabled', disabled_reason = NULL,"
                " disabled_at = NULL"
            ),
        ),
        ("nep_1",),
    ),
    "webhooks_refused": Case(
        (
            (
                "INSERT INTO strongroom.webhook_refusals (provider, reason, hour, count)"
                " VALUES ('stripe', 'wrong_secret', :now, 20)"
            ),
        ),
        delete("webhook_refusals"),
    ),
    "frozen_for_long": Case(
        (FREEZE,),
        (
            (
                "UPDATE strongroom.freezes SET lift_reason = 'so', lift_requested_by = 'ada',"
                " lift_requested_at = :now, lifted_by = 'eve', lifted_at = :now, lifted_after = 0"
            ),
        ),
        ("frz_1",),
    ),
    "documents_not_issued": Case((DUE,), delete("documents_due")),
    "fields_do_not_decrypt": Case(
        (ENCRYPTION.format(id=1, unreadable=3),), (ENCRYPTION.format(id=2, unreadable=0),)
    ),
    "alerts_not_delivered": Case(
        (MESSAGE,),
        (
            (
                "UPDATE strongroom.alert_deliveries SET state = 'delivered', delivered_at = :now"
                " WHERE kind = 'test'"
            ),
        ),
        ("on_call",),
    ),
}
GUARDED = (
    *("payments", "releases", "seller_payouts", "seller_payout_attempts", "payout_destinations"),
    *("chain_intents", "escrows", "escrow_effects", "freezes", "webhook_inbox"),
    "restores",
)
OTHERWISE = {"books_do_not_agree", "secrets_overdue"}  # they have tests of their own


@pytest.fixture(scope="module")
def shop(engine: Engine) -> Shop:
    return open_shop(engine)


@contextmanager
def without_guards(owner_engine: Engine) -> Iterator[Connection]:
    """Write what the product never would; what the tables themselves check is checked."""
    with owner_engine.begin() as connection:
        for table in GUARDED:
            connection.exec_driver_sql(f"ALTER TABLE strongroom.{table} DISABLE TRIGGER USER")
        yield connection
        for table in GUARDED:
            connection.exec_driver_sql(f"ALTER TABLE strongroom.{table} ENABLE TRIGGER USER")


@pytest.mark.parametrize("name", CASES)
def test_a_condition_is_told_and_over(
    watch: Watch, owner_engine: Engine, shop: Shop, name: str
) -> None:
    [condition] = [one for one in CONDITIONS if one.name == name]
    order = shop.order()
    values = {
        "order_id": order.id,
        "payment_id": shop.payment(order).id,
        "seller_id": shop.seller_id,
        "buyer_id": shop.buyer_id,
        "now": START,
        "old": START - 2 * DAY,
        "late": START + 1 * DAY,
        "later": START + 2 * DAY,
        "latest": START + 3 * DAY,
    }
    if CASES[name].make:
        done = watch.look([condition])
        assert (done.unreadable, done.true) == ([], 0), "it is so without a reason"

    def run(statements: tuple[str, ...]) -> None:
        with without_guards(owner_engine) as connection:
            for statement in statements:
                named = {key: value for key, value in values.items() if f":{key}" in statement}
                connection.execute(text(statement), named)

    run(CASES[name].make)
    try:
        done = watch.look([condition])
        assert (done.true, done.unreadable) == (1, [])
        watch.look([condition], after=condition.holds_for)
        told = [title for _, title in watch.told()]
        assert set(told) == {f"[{condition.priority}] {condition.title}"}
        assert len(told) == {"P1": 3, "P2": 2}[condition.priority]
        message = watch.pager.messages()[0]["message"]
        assert f"/runbooks/{condition.runbook}" in message
        for key in CASES[name].keys:
            assert key in message
    finally:
        run(CASES[name].unmake)
    assert watch.look([condition]).true == 0
    if condition.lapses:
        take_on(watch, watch.engine)
    watch.look([condition], after=condition.settles_in + MINUTE)
    assert {title for _, title in watch.told()} == {
        f"[{condition.priority}] {condition.title}: over"
    }
    tables = ("releases", "chain_cursors", "escrow_effects", "escrows", "findings", "live_events")
    run(delete(*tables))


def test_every_condition_has_its_case() -> None:
    assert set(CASES) | OTHERWISE == {condition.name for condition in CONDITIONS}


def test_books_that_do_not_agree_are_told_by_the_truths_that_are_broken(
    watch: Watch, engine: Engine
) -> None:
    [condition] = [one for one in CONDITIONS if one.name == "books_do_not_agree"]
    broken = {"every receipt came in by exactly one entry, whole": 2}
    with transaction(engine) as session:
        keep_proof(session, BOOKS, broken=broken, took_ms=5, now=START + 2 * DAY)
    watch.look([condition])
    assert len(watch.told()) == 3
    assert "every receipt came in" in watch.pager.messages()[0]["message"]
    with transaction(engine) as session:
        keep_proof(session, BOOKS, broken={}, took_ms=5, now=START)  # an older one: nothing
    assert watch.look([condition]).true == 1
    with transaction(engine) as session:
        keep_proof(session, BOOKS, broken={}, took_ms=5, now=START + 3 * DAY)
    assert watch.look([condition]).true == 0
    assert [title for _, title in watch.told()] == ["[P1] The books do not agree: over"] * 3


def test_secrets_that_are_too_old_are_told_until_they_are_rotated(
    watch: Watch, engine: Engine, owner_engine: Engine
) -> None:
    [condition] = [one for one in CONDITIONS if one.name == "secrets_overdue"]
    watch.settings = dataclasses.replace(watch.settings, secret_max_age_d={"api_key": 30})
    with transaction(engine) as session:
        issued = create_key(
            session,
            name="Old",
            role=Role.SUPPORT,
            scopes=(),
            pepper="sandbox pepper",
            livemode=False,
            now=START - 40 * DAY,
        )
    watch.look([condition])
    assert {title for _, title in watch.told()} == {"[P2] Secrets are older than allowed"}
    message = watch.pager.messages()[0]["message"]
    assert issued.key.id in message
    assert issued.text not in message
    with owner_engine.begin() as connection:
        connection.execute(text("UPDATE strongroom.api_keys SET revoked_at = :now"), {"now": START})
    watch.look([condition])
    watch.look([condition], after=3 * MINUTE)
    assert [title for _, title in watch.told()] == ["[P2] Secrets are older than allowed: over"] * 2
