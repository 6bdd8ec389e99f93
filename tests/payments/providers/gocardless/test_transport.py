"""The official client's requests over our own exchange: what its own way out would have done."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from payments.bank_settings import GoCardlessSettings
from payments.providers.gocardless.client import Wire
from payments.providers.gocardless.named_errors import named_errors
from payments.providers.outcome import OutcomeUnknownError
from tests.payments.notices.receivers import Receiver, receiver


@pytest.fixture
def gocardless() -> Iterator[Receiver]:
    with receiver() as one:
        yield one


def wire(one: Receiver) -> Wire:
    return Wire(
        GoCardlessSettings(
            access_token="token-of-ours", webhook_secrets=(), api_url=one.url.removesuffix("/hooks")
        )
    )


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed_with_our_token(gocardless: Receiver, status: int) -> None:
    with receiver() as elsewhere:
        gocardless.status = status
        gocardless.answer_headers["Location"] = elsewhere.url
        gocardless.answer_body = b'{"payments": {"id": "PM1"}}'
        with pytest.raises(OutcomeUnknownError), named_errors():
            wire(gocardless).billing_requests.create(params={})
        assert elsewhere.heard == []
    assert gocardless.heard[0].headers["authorization"] == "Bearer token-of-ours"


def test_proxies_and_passwords_of_the_environment_have_no_say(
    gocardless: Receiver, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    netrc = tmp_path / ".netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password else\n", encoding="utf-8")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    gocardless.status, gocardless.answer_body = 200, b'{"billing_requests": {"id": "BRQ1"}}'
    with receiver() as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv("http_proxy", proxy.url)
        made = wire(gocardless).billing_requests.create(params={"metadata": {"a": "ü"}})
        assert proxy.heard == []
    assert made.id == "BRQ1"
    assert gocardless.heard[0].headers["authorization"] == "Bearer token-of-ours"


def test_an_answer_without_end_is_none(gocardless: Receiver) -> None:
    gocardless.status, gocardless.answer_body = 200, b" " * 9_000_000
    with pytest.raises(OutcomeUnknownError), named_errors():
        wire(gocardless).billing_requests.create(params={})
