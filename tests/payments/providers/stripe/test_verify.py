"""Only bytes that Stripe signed for us, just now, are believed."""

import datetime as dt

import pytest
import stripe

from payments.errors import InvalidRequestError, InvalidSignatureError
from payments.providers.stripe.events import VerifiedEvent, verify
from tests.payments.providers.stripe.signing import NOW, encoded, event, signature

SECRET = "whsec_current"
PAYLOAD = encoded(event("payment_intent.succeeded"))


def check(
    payload: bytes = PAYLOAD,
    header: str | None = None,
    *,
    secrets: tuple[str, ...] = (SECRET,),
    now: dt.datetime = NOW,
    livemode: bool = False,
) -> VerifiedEvent:
    if header is None:
        header = signature(payload, SECRET)
    return verify(payload, signature_header=header, secrets=secrets, now=now, livemode=livemode)


def test_a_signed_event_says_what_it_is() -> None:
    assert check() == VerifiedEvent("evt_1", "payment_intent.succeeded", NOW, secret_index=0)


def test_the_sdk_agrees_with_our_signatures() -> None:
    header = signature(PAYLOAD, SECRET)
    assert stripe.WebhookSignature.verify_header(PAYLOAD.decode(), header, SECRET)


def test_every_live_secret_is_tried_newest_first() -> None:
    secrets = ("whsec_next", SECRET, "whsec_old")
    assert check(secrets=secrets).secret_index == 1
    both = signature(PAYLOAD, "whsec_old") + "," + signature(PAYLOAD, SECRET).split(",")[1]
    assert check(header=both, secrets=secrets).secret_index == 1
    with pytest.raises(InvalidSignatureError):
        check(secrets=("whsec_next", "whsec_old"))
    with pytest.raises(InvalidSignatureError):
        check(secrets=())


@pytest.mark.parametrize("seconds", [-300, -1, 0, 1, 300])
def test_five_minutes_of_clock_difference_are_fine(seconds: int) -> None:
    assert check(now=NOW + dt.timedelta(seconds=seconds))


@pytest.mark.parametrize("seconds", [-86_400, -301, 301, 86_400])
def test_more_is_refused_in_both_directions(seconds: int) -> None:
    with pytest.raises(InvalidSignatureError, match="five minutes"):
        check(now=NOW + dt.timedelta(seconds=seconds))


@pytest.mark.parametrize(
    "payload",
    [PAYLOAD + b" ", PAYLOAD.replace(b"11900", b"1190"), b"", PAYLOAD[:-1], b"\xff\xfe", b"\x00"],
)
def test_a_changed_payload_is_refused(payload: bytes) -> None:
    with pytest.raises(InvalidSignatureError):
        check(payload, signature(PAYLOAD, SECRET))


OLD = signature(PAYLOAD, SECRET, at=NOW - dt.timedelta(days=1))
GOOD = signature(PAYLOAD, SECRET)


@pytest.mark.parametrize(
    "header",
    [
        "",
        "t=,v1=",
        "nonsense",
        GOOD.split(",")[0],
        GOOD.split(",")[1],
        GOOD.replace("v1=", "v0="),
        GOOD.replace("v1=", "v1=0"),
        GOOD.upper(),
        GOOD.replace("t=", "t=+"),
        GOOD.replace("t=", "t=0x"),
        GOOD.replace("t=1", "t=\u0661"),  # a digit, but not an ASCII one
        GOOD + "é",
        "t=9" * 500 + "," + GOOD,
        # One timestamp signed long ago, another for us to look at, in either order:
        f"{OLD},t={int(NOW.timestamp())}",
        f"t={int(NOW.timestamp())},{OLD}",
    ],
)
def test_a_forged_header_is_refused(header: str) -> None:
    with pytest.raises(InvalidSignatureError):
        check(header=header)


def test_events_of_the_other_mode_are_refused() -> None:
    with pytest.raises(InvalidSignatureError, match="other mode"):
        check(livemode=True)
    live = encoded(event("payment_intent.succeeded") | {"livemode": True})
    with pytest.raises(InvalidSignatureError, match="other mode"):
        check(live)
    assert check(live, livemode=True)


@pytest.mark.parametrize(
    "payload",
    [
        b"not json",
        b"[]",
        b"{}",
        b"null",
        b"\xff",
        encoded(event("x") | {"id": None}),
        encoded(event("x") | {"id": ""}),
        encoded(event("x") | {"type": 7}),
        encoded(event("x") | {"created": "now"}),
        encoded(event("x") | {"created": True}),
        encoded(event("x") | {"created": 10**13}),
    ],
)
def test_what_is_signed_but_no_event_is_a_bad_request(payload: bytes) -> None:
    with pytest.raises(InvalidRequestError):
        check(payload)
