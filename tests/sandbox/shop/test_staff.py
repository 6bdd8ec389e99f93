"""Staff sign in at the shop, and are to Strongroom whom they are there."""

import datetime as dt
import json

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from flask.testing import FlaskClient

from payments.access.caller import Role
from payments.access.tokens import TokenReader
from sandbox.identity import AUDIENCE, ISSUER, STAFF, public_jwks
from sandbox.shop.app import create_app
from sandbox.shop.settings import read_shop_settings

URL = "http://127.0.0.1:8001"
KEY = (
    ec.generate_private_key(ec.SECP256R1())
    .private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    .decode()
)


@pytest.fixture
def browser() -> FlaskClient:
    environment = {
        "STRONGROOM_URL": "http://127.0.0.1:8000",
        "STRONGROOM_API_KEY": "srk_test_never_shown",
        "SHOP_IDENTITY_KEY": KEY,
    }
    return create_app(read_shop_settings(environment, port=8001)).test_client()


@pytest.mark.parametrize("who", STAFF)
def test_one_click_gives_a_token_of_whom_one_is(browser: FlaskClient, who: str) -> None:
    page = browser.get("/staff", base_url=URL)
    assert page.status_code == 200
    assert f'data-who="{who}"' in page.text
    assert "Example Buyer" not in page.text
    answer = browser.post(f"/staff/{who}/token", base_url=URL, headers={"Origin": URL})
    token = answer.get_json()["token"]
    reader = TokenReader(
        json.loads(public_jwks(KEY)), issuer=ISSUER, audience=AUDIENCE, max_lifetime_s=900
    )
    now = dt.datetime.now(dt.UTC)  # noqa: TID251 - the shop's clock is real
    caller = reader.read(token, now=now)
    assert (caller.role, caller.principal) == (
        Role(STAFF[who].role),
        f"party:{STAFF[who].id}",
    )
    assert caller.party_id is None


@pytest.mark.parametrize("origin", [None, "null", "https://evil.test", "http://127.0.0.1:8000"])
def test_no_other_site_gets_one(browser: FlaskClient, origin: str | None) -> None:
    headers = {} if origin is None else {"Origin": origin}
    answer = browser.post("/staff/admin/token", base_url=URL, headers=headers)
    assert answer.status_code == 403
    assert "token" not in answer.text


def test_who_does_not_work_there_gets_none(browser: FlaskClient) -> None:
    answer = browser.post("/staff/nobody/token", base_url=URL, headers={"Origin": URL})
    assert answer.status_code == 404
