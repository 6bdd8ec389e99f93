"""The job that looks at all providers after a restore, also when its worker is killed in it."""

from collections.abc import Mapping
from pathlib import Path

from sqlalchemy import Engine, text

from payments.database import in_transaction, transaction
from payments.refunds.create_refund import create_refund
from payments.restores.read_restores import read_restore
from payments.restores.request_look import JOB, request_look
from payments.standstill.standing import standing_still
from sandbox.stripe.server import SimulatedStripe
from tests.databases import Servers
from tests.jobs.environment import make_environment
from tests.jobs.processes import eventually, relay, worker
from tests.payments.conftest import SECRET_KEY
from tests.payments.payouts.sellers import Sellers
from tests.payments.restores.conftest import sellers, shop, simulated
from tests.payments.restores.forgetting import ONE, Moment, Restored
from tests.payments.shop import KEYSET, SERVICE, new_reference

__all__ = ["sellers", "shop", "simulated"]  # fixtures

PART = 1_000
_GIVEN_UP = text("UPDATE strongroom.outbox SET lease_until = now() WHERE job = :job")


def forget(sellers: Sellers, servers: Servers) -> Moment:
    """A moment after which Stripe took a payment, gave some of another back, and paid a seller."""
    sellers.connected_account()
    payment, order = sellers.paid_by_card(), sellers.shop.order()
    sellers.release(payment, 3_000)
    moment = Moment(servers, sellers, None)
    create_refund(
        sellers.engine,
        caller=SERVICE,
        reference=new_reference(),
        payment_id=payment.id,
        amount=PART,
        reason="requested_by_customer",
        now=sellers.now,
        providers=sellers.providers,
    )
    sellers.paid_by_card(order)
    assert sellers.pay()["sent"] == 1
    return moment


def ask(restored: Restored) -> str:
    restore_id = restored.begin().id
    in_transaction(
        restored.engine,
        lambda session: request_look(
            session,
            caller=ONE,
            reference=new_reference(),
            restore_id=restore_id,
            now=restored.restored_to,
            request_id=None,
        ),
    )
    return restore_id


def status(engine: Engine, restore_id: str) -> str | None:
    return in_transaction(engine, lambda session: read_restore(session, restore_id).look_status)


def settings(restored: Restored, redis_url: str, stripe_url: str) -> Mapping[str, str]:
    url = restored.engine.url.render_as_string(hide_password=False)
    return make_environment(database_url=url, redis_url=redis_url) | {
        "STRIPE_SECRET_KEY": SECRET_KEY,
        "STRIPE_API_URL": stripe_url,
        "ENCRYPTION_KEYSET": KEYSET,
    }


def test_it_is_done_while_all_stands_still_and_again_when_its_worker_is_killed(
    sellers: Sellers,
    servers: Servers,
    simulated: SimulatedStripe,
    redis_url: str,
    tmp_path: Path,
) -> None:
    moment = forget(sellers, servers)
    dies_here = tmp_path / "dies-here"
    dies_here.write_text("restore.looked.Stripe")
    with moment.restored() as restored:
        environment = settings(restored, redis_url, simulated.url)
        restore_id = ask(restored)
        with relay(environment, tmp_path):
            with worker({**environment, "CRASH_AT": str(dies_here)}, tmp_path) as victim:
                victim.wait(within_s=60)
            assert not dies_here.exists()
            assert status(restored.engine, restore_id) == "running"
            before = {one.id: one.status for one in restored.findings()}
            assert list(before.values()).count("adopted") == 3
            with worker(environment, tmp_path):
                with transaction(restored.engine) as session:
                    session.execute(_GIVEN_UP, {"job": JOB})  # not half a minute later
                eventually(lambda: status(restored.engine, restore_id) == "done", within_s=60)
        after = {one.id: one.status for one in restored.findings()}
        assert before.items() <= after.items()
        assert list(after.values()).count("adopted") == 3
        assert in_transaction(restored.engine, standing_still) == restore_id
        restored.finish()
        restored.pay_everything()
        restored.sellers.assert_invariants()
