import io
import json
import logging
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from payments.log_lines import (
    bind_request_id,
    configure_log_lines,
    current_request_id,
    get_logger,
)

CARD = "4242 4242 4242 4242"


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    stream = io.StringIO()
    configure_log_lines("INFO", stream=stream)
    yield stream
    root.handlers[:] = before
    root.setLevel(level)
    logging.captureWarnings(capture=False)


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_says_when_how_grave_what_and_for_which_request(stream: io.StringIO) -> None:
    with bind_request_id("req_1"):
        get_logger("payments.intake").info("payment_created", payment_id="pay_1", amount=12500)
    get_logger("payments.intake").debug("not shown")
    [line] = lines(stream)
    assert line.pop("time").endswith("Z")
    assert line == {
        "level": "info",
        "event": "payment_created",
        "request_id": "req_1",
        "logger": "payments.intake",
        "payment_id": "pay_1",
        "amount": 12500,
    }


def test_loggers_of_libraries_write_the_same_lines(stream: io.StringIO) -> None:
    with bind_request_id("req_2"):
        logging.getLogger("gunicorn.error").warning("paid with %s", CARD, extra={"cookie": "c"})
    [line] = lines(stream)
    assert line["event"] == "paid with [card ending 4242]"
    assert (line["level"], line["request_id"], line["cookie"]) == ("warning", "req_2", "[redacted]")


def test_secrets_in_exceptions_and_their_causes_are_stopped(stream: io.StringIO) -> None:
    def fail() -> None:
        try:
            raise ValueError(f"card {CARD}")  # noqa: TRY301 - a cause is wanted
        except ValueError as error:
            raise RuntimeError("Bearer sk_test_4eC39HqLyjWDarjtT1zdp7dc") from error

    try:
        fail()
    except RuntimeError:
        get_logger("x").exception("failed", headers={"Stripe-Signature": "t=1,v1=abc"})
        logging.getLogger("rq").exception("failed too")
    text = stream.getvalue()
    assert "ValueError" in text
    for secret in (CARD, "4eC39", "v1=abc"):
        assert secret not in text
    assert len(lines(stream)) == 2


def test_a_line_break_in_a_value_does_not_make_a_second_line(stream: io.StringIO) -> None:
    get_logger("x").info("a\nb", path='/x\n{"level":"info"}')
    assert len(stream.getvalue().splitlines()) == 1


def test_the_request_id_ends_with_its_block_and_stays_in_its_thread() -> None:
    seen: list[str | None] = []
    with bind_request_id("outer"):
        with bind_request_id("inner"):
            assert current_request_id() == "inner"
            thread = threading.Thread(target=lambda: seen.append(current_request_id()))
            thread.start()
            thread.join()
        assert current_request_id() == "outer"
    assert current_request_id() is None
    assert seen == [None]
