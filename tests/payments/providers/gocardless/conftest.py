"""GoCardless on a port, our adapter connected to it, and a link that was made with both."""

import dataclasses
import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from payments.bank_settings import GoCardlessSettings
from payments.providers.gocardless.adapter import GoCardless
from payments.providers.ports import Link, LinkRequest, RefundRequest
from tests.payments.providers.gocardless.gocardless_server import (
    BEGINNING,
    TOKEN,
    GoCardlessServer,
    running,
)

NEWER, OLDER = "secret-newer", "secret-older"
SEEN_AT = BEGINNING + dt.timedelta(days=1)
REQUEST = LinkRequest(
    payment_id="pay_01K9",
    order_id="ord_01K9",
    amount=11_900,
    currency="GBP",
    bank_reference="SR7K2M9QX4TB31",
    payer_id="pty_1",
    payer_name="Ada King Lovelace",
    payer_email="ada@example.com",
    return_url="https://shop.example/back",
    expires_at=BEGINNING + dt.timedelta(hours=72),
    idempotency_key="call-1",
)


@dataclass(frozen=True)
class Paid:
    """A payment that was authorised: at GoCardless, and as we name it."""

    provider_ref: str
    payment: dict[str, Any]

    def refund(self, amount: int, *, refund_id: str = "rfd_01", **other: Any) -> RefundRequest:
        request = RefundRequest(
            refund_id=refund_id,
            payment_id=REQUEST.payment_id,
            provider_ref=self.provider_ref,
            amount=amount,
            currency="GBP",
            reason=None,
            reference=REQUEST.bank_reference,
            idempotency_key=f"call-{refund_id}",
        )
        return dataclasses.replace(request, **other)


@pytest.fixture
def gocardless() -> Iterator[GoCardlessServer]:
    with running() as server:
        yield server


@pytest.fixture
def adapter(gocardless: GoCardlessServer) -> GoCardless:
    return GoCardless(
        GoCardlessSettings(
            access_token=TOKEN, webhook_secrets=(NEWER, OLDER), api_url=gocardless.url
        )
    )


@pytest.fixture
def link(adapter: GoCardless) -> Link:
    return adapter.create_link(REQUEST)


@pytest.fixture
def paid(gocardless: GoCardlessServer, link: Link) -> Paid:
    return Paid(link.provider_ref, gocardless.authorise(link.provider_ref))
