"""Redis emptied, killed and paused while payments run: nothing is lost, and no work is left."""

import random

from tests.conditions import wait_until
from tests.faults.harness.system import System

PAYMENTS = 12


def charged(system: System, payments: list[dict[str, str]]) -> bool:
    return all(system.status(payment) == "succeeded" for payment in payments)


def no_hints_are_left(system: System) -> bool:
    client = system.valkey_client()
    try:
        return not client.llen("rq:queue:urgent")
    finally:
        client.close()


def test_redis_may_be_emptied_at_any_time(system: System, randomness: random.Random) -> None:
    def flush_now_and_then() -> None:
        for _ in range(6):
            system.wait_for_progress(randomness.randint(1, 3))
            system.flush_redis()

    payments = system.pay_all(PAYMENTS, meanwhile=flush_now_and_then)
    system.flush_redis()
    system.eventually(lambda: charged(system, payments))
    system.eventually(lambda: no_hints_are_left(system))


def test_redis_may_be_killed_and_be_away(system: System) -> None:
    started = system.pay_all(4, meanwhile=lambda: None)
    system.kill_redis()
    while_away = system.pay_all(PAYMENTS, meanwhile=lambda: None)
    assert not system.valkey.is_running()
    system.valkey.start()
    system.eventually(lambda: charged(system, started + while_away))
    system.eventually(lambda: no_hints_are_left(system))


def test_redis_may_hang(system: System) -> None:
    with system.redis_paused():
        payments = system.pay_all(PAYMENTS, meanwhile=lambda: None)
        # All is told and stored; the relay numbers live events without Redis.
        wait_until(lambda: not system.books.undelivered(), timeout_s=30)
        assert system.count("webhook_inbox", state="new") > 0
    system.eventually(lambda: charged(system, payments))
    system.eventually(lambda: no_hints_are_left(system))


def test_worker_relay_and_web_may_be_killed_at_random(
    system: System, randomness: random.Random
) -> None:
    def kill_now_and_then() -> None:
        for _ in range(6):
            system.wait_for_progress(randomness.randint(1, 3))
            system.kill(randomness.choice(("web", "worker", "urgent", "relay")))

    payments = system.pay_all(PAYMENTS, meanwhile=kill_now_and_then)
    system.settle()
    assert charged(system, payments)
