"""PostgreSQL restarted as by a crash, and answers to COMMIT lost: no false 2xx, nothing doubled."""

from tests.faults.harness.system import System


def test_postgresql_may_crash_under_payments(system: System) -> None:
    def restart_twice() -> None:
        for _ in range(2):
            system.wait_for_progress()
            system.restart_postgres()

    payments = system.pay_all(16, meanwhile=restart_twice)
    system.eventually(lambda: all(system.status(one) == "succeeded" for one in payments))


def test_an_answer_to_commit_may_be_lost(system: System) -> None:
    cuts_before = system.proxy.cuts
    system.proxy.cut(0.2)
    payments = system.pay_all(16, meanwhile=lambda: None)
    system.proxy.cut(0)
    assert system.proxy.cuts - cuts_before >= 10
    system.settle()
    assert {system.status(one) for one in payments} == {"succeeded"}
    orders = [one["order_id"] for one in payments]
    assert len(set(orders)) == len(orders)
    assert all(system.count("payments", order_id=order_id) == 1 for order_id in orders)
