"""What was done on chain after the moment of a restore is known again, and done once."""

import dataclasses
import datetime as dt
from contextlib import ExitStack

import pytest

from payments.chain.send import look
from payments.chain.tables import ChainSigner
from payments.chain.thaw import thaw
from payments.database import WORKER_ROLE, in_transaction, transaction
from payments.escrow.tables import Escrow
from payments.providers.connect import Providers
from payments.restores.adopt_chains import adopt_chains
from payments.restores.begin_restore import begin_restore
from payments.restores.look import Look
from payments.restores.read_restores import list_findings
from payments.restores.tables import Restore
from payments.watching.turn import holding_turn
from tests.chain import USDC
from tests.databases import Servers
from tests.payments.conftest import stripe_at
from tests.payments.restores.forgetting import ONE, copy_of, working_as
from tests.payments.shop import CIPHER, new_reference
from tests.payments.watching.stage import Stage


def begun(stage: Stage) -> str:
    return begin_restore(
        stage.engine,
        caller=ONE,
        reference=new_reference(),
        reason="the disk broke",
        restored_to=stage.now() - dt.timedelta(hours=1),
        now=stage.now(),
    ).resource.id


def reconcile(stage: Stage, restore_id: str) -> dict[str, str]:
    """Look at the chain; what was found, by what it is about."""
    name = stage.settings.name
    with working_as(WORKER_ROLE, stage.engine) as worker:
        adopt_chains(
            Look(
                engine=worker,
                providers=Providers(stripe_at("http://127.0.0.1:9"), {}, {name: stage.port}),
                cipher=CIPHER,
                restore_id=restore_id,
                since=stage.now() - dt.timedelta(hours=2),
                clock=stage.now,
            ),
            {name: stage.settings},
        )
    found = in_transaction(
        stage.engine, lambda session: list_findings(session, restore_id, limit=100)
    )
    return {one.provider_ref: one.status for one in found if one.kind != "to_check"}


def finish_at_once(stage: Stage, restore_id: str) -> None:
    """End the restore, past its checks: they are tried elsewhere."""
    with transaction(stage.engine) as session:
        row = session.get_one(Restore, restore_id)
        row.reconciled_at = stage.now()
        row.status, row.finish_requested_by, row.finish_requested_at = "finished", "a", stage.now()
        row.finished_by, row.finished_at = "b", stage.now()


def test_a_release_that_was_sent_is_booked_and_not_sent_again(
    stage: Stage, servers: Servers
) -> None:
    escrow = stage.funded_by_sender()
    release = stage.ask_release(escrow, 40 * USDC)
    with copy_of(servers, stage.engine) as copy:
        stage.send_until_final()
        assert stage.remaining(escrow) == 60 * USDC
        after = dataclasses.replace(stage, engine=copy)
        restore_id = begun(after)
        after.send()  # it stands still
        assert after.intent(release.id).state == "queued"
        reconcile(after, restore_id)
        with transaction(copy) as session:
            signer = session.get_one(ChainSigner, (stage.settings.name, stage.settings.operator))
            assert signer.frozen_at is not None
        finish_at_once(after, restore_id)
        thaw(after.sending(), look(after.sending()))
        after.send_until_final()
        after.mine_and_watch(3)
        assert stage.remaining(escrow) == 60 * USDC
        assert after.read(type(release), release.id).status == "posted"
        assert after.broken() == []


def test_a_look_waits_for_whoever_watches_the_chain_meanwhile(
    stage: Stage, servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They may have begun before the blocks that tell of what is forgotten."""
    escrow = stage.funded_by_sender()
    with copy_of(servers, stage.engine) as copy:
        release = stage.ask_release(escrow, 40 * USDC)
        stage.send_until_final()
        after = dataclasses.replace(stage, engine=copy)
        others = ExitStack()
        assert others.enter_context(holding_turn(copy, stage.settings.name))
        waited: list[float] = []

        def let_go(pause_s: float) -> None:
            waited.append(pause_s)
            others.close()

        monkeypatch.setattr("payments.restores.adopt_chains.time.sleep", let_go)
        found = reconcile(after, begun(after))
    assert len(waited) == 1
    assert found[release.operation_id or ""] == "adopted"


def test_a_release_that_is_forgotten_altogether_is_booked(stage: Stage, servers: Servers) -> None:
    escrow = stage.funded_by_sender()
    with copy_of(servers, stage.engine) as copy:
        stage.ask_release(escrow, 40 * USDC)
        stage.send_until_final()
        after = dataclasses.replace(stage, engine=copy)
        reconcile(after, begun(after))
        [made] = after.releases(escrow)
        assert (made.status, made.amount, made.origin) == ("posted", 40 * USDC, "chain")
        assert after.held(escrow)[0] == 60 * USDC
        assert after.broken() == []


def test_an_escrow_that_is_forgotten_is_found(stage: Stage, servers: Servers) -> None:
    stage.watch()
    with copy_of(servers, stage.engine) as copy:
        forgotten: Escrow = stage.funded_by_sender()
        after = dataclasses.replace(stage, engine=copy)
        found = reconcile(after, begun(after))
        assert found[forgotten.contract_address] == "open"


def test_a_forgotten_release_asked_for_again_is_the_one_that_was_made(
    stage: Stage, servers: Servers
) -> None:
    escrow = stage.funded_by_sender()
    with copy_of(servers, stage.engine) as copy:
        stage.ask_release(escrow, 40 * USDC)
        stage.send_until_final()
        after = dataclasses.replace(stage, engine=copy)
        restore_id = begun(after)
        reconcile(after, restore_id)
        finish_at_once(after, restore_id)
        thaw(after.sending(), look(after.sending()))
        [made] = after.releases(escrow)
        # Who asked was never answered as far as this database knows, and asks again.
        assert after.ask_release(escrow, 40 * USDC).id == made.id
        after.send_until_final()
        assert stage.remaining(escrow) == 60 * USDC
        assert after.ask_release(escrow, 40 * USDC).id != made.id  # another one is another one
        assert after.broken() == []


def test_a_forgotten_refund_asked_for_again_is_the_one_that_was_made(
    stage: Stage, servers: Servers
) -> None:
    escrow = stage.funded_by_sender()
    with copy_of(servers, stage.engine) as copy:
        stage.ask_refund(escrow, 30 * USDC)
        stage.send_until_final()
        after = dataclasses.replace(stage, engine=copy)
        restore_id = begun(after)
        reconcile(after, restore_id)
        finish_at_once(after, restore_id)
        thaw(after.sending(), look(after.sending()))
        [made] = after.refunds(escrow)
        assert after.ask_refund(escrow, 30 * USDC).id == made.id
        after.send_until_final()
        assert stage.remaining(escrow) == 70 * USDC
        assert after.broken() == []


def test_what_is_not_final_yet_keeps_the_restore_open(stage: Stage, servers: Servers) -> None:
    escrow = stage.funded_by_sender()
    with copy_of(servers, stage.engine) as copy:
        sent = stage.ask_release(escrow, 40 * USDC)
        stage.carry_out(sent)
        stage.chain.mine()
        after = dataclasses.replace(stage, engine=copy)
        restore_id = begun(after)
        assert reconcile(after, restore_id)[sent.operation_id or ""] == "open"
        stage.chain.mine(3)
        assert reconcile(after, restore_id)[sent.operation_id or ""] == "adopted"
