"""Every secret is rotated while callers are at work at two processes: none of them is refused.

What ended is refused afterwards, by both.
"""

import dataclasses
import datetime as dt
import hashlib
import hmac
import json
import secrets
from collections.abc import Callable, Iterator
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine

from payments.access.api_keys import create_key
from payments.access.caller import Role
from payments.bank_settings import GoCardlessSettings
from payments.database import transaction
from payments.settings import read_settings
from tests.faults.rotation import ROUNDS, JumpingClock, Office, under_load
from tests.payments.shop import Shop, open_shop
from tests.web.conftest import SIGNING_KEY, Headers, environment
from web.app import create_app
from web.parts import install_parts, parts_of

COOKIE = "strongroom_session"
Clients = list[Callable[[], FlaskClient]]


@pytest.fixture(scope="module")
def clock() -> JumpingClock:
    return JumpingClock()


@pytest.fixture(scope="module")
def apps(database_url: str, clock: JumpingClock) -> Iterator[list[Flask]]:
    settings = dataclasses.replace(
        read_settings(environment(database_url=database_url, redis_url="redis://127.0.0.1:9")),
        gocardless=GoCardlessSettings(
            access_token="sandbox_token",
            webhook_secrets=("sandbox first secret of the bank",),
            api_url="http://127.0.0.1:9",
        ),
    )
    apps = [create_app(settings) for _ in range(2)]
    for app in apps:
        install_parts(app, dataclasses.replace(parts_of(app), clock=clock))
    yield apps
    for app in apps:
        parts_of(app).close()


@pytest.fixture(scope="module")
def clients(apps: list[Flask]) -> Clients:
    return [app.test_client for app in apps]


@pytest.fixture(scope="module")
def shop(engine: Engine) -> Shop:
    return open_shop(engine)


@pytest.fixture(scope="module")
def office(engine: Engine, apps: list[Flask], clock: JumpingClock) -> Office:
    parts = parts_of(apps[0])
    with transaction(engine) as session:
        issued = create_key(
            session,
            name="Office",
            role=Role.ADMIN,
            pepper=parts.settings.api_key_pepper,
            livemode=False,
            now=clock(),
        )
    return Office(apps[0].test_client(), {"Authorization": f"Bearer {issued.text}"}, clock)


def statuses(clients: Clients, use: Callable[[FlaskClient], int]) -> set[int]:
    """Return what each process answers."""
    return {use(make()) for make in clients}


def stripe_event(secret: str, *, at: dt.datetime) -> tuple[bytes, Headers]:
    seconds = int(at.timestamp())
    body = {"id": f"evt_{secrets.token_hex(12)}", "type": "thing.happened", "created": seconds}
    payload = json.dumps(body | {"object": "event", "livemode": False}).encode()
    signed = hmac.digest(secret.encode(), f"{seconds}.".encode() + payload, hashlib.sha256).hex()
    return payload, {"Stripe-Signature": f"t={seconds},v1={signed}"}


def bank_event(secret: str, *, at: dt.datetime) -> tuple[bytes, Headers]:
    event = {
        "id": f"EV{secrets.token_hex(16)}",
        "resource_type": "mandates",
        "action": "active",
        "created_at": at.isoformat(),
        "links": {},
    }
    payload = json.dumps({"events": [event]}).encode()
    return payload, {
        "Webhook-Signature": hmac.digest(secret.encode(), payload, hashlib.sha256).hex()
    }


@pytest.mark.parametrize(
    ("kind", "path", "sign", "first"),
    [
        ("stripe_webhook", "stripe", stripe_event, "whsec_sandbox_new"),
        ("gocardless_webhook", "bank", bank_event, "sandbox first secret of the bank"),
    ],
)
def test_webhook_secrets_rotate_without_a_gap(
    office: Office, clients: Clients, kind: str, path: str, sign: Any, first: str
) -> None:
    used = [first]

    def deliver(client: FlaskClient, secret: str | None = None) -> int:
        payload, headers = sign(secret or used[-1], at=office.clock())
        headers |= {"Content-Type": "application/json"}
        return client.post(f"/api/webhooks/{path}", data=payload, headers=headers).status_code

    with under_load(clients, deliver) as load:
        for _ in range(ROUNDS):
            value = f"whsec_{secrets.token_hex(16)}"
            version = office.rotate(kind, value=value)
            used.append(value)  # the provider begins with it at once
            load.more()
            for old in office.live(kind):
                if old != version:
                    office.revoke(old)
    for ended in used[:-1]:
        assert statuses(clients, lambda client: deliver(client, ended)) == {400}  # noqa: B023 - called here
    assert statuses(clients, deliver) == {200}


def test_token_keys_rotate_without_a_gap(office: Office, clients: Clients) -> None:
    used: list[tuple[str, ec.EllipticCurvePrivateKey]] = [("tests", SIGNING_KEY)]

    def read(client: FlaskClient, key: tuple[str, Any] | None = None) -> int:
        kid, private = key or used[-1]
        issued = int(office.clock().timestamp())
        claims = {"iss": "https://id.test", "aud": "strongroom", "sub": "pty_1", "role": "buyer"}
        times = {"iat": issued, "exp": issued + 600}
        token = jwt.encode(claims | times, private, algorithm="ES256", headers={"kid": kid})
        headers = {"Authorization": f"Bearer {token}"}
        return client.get("/api/payments?limit=1", headers=headers).status_code

    with under_load(clients, read) as load:
        for number in range(ROUNDS):
            private = ec.generate_private_key(ec.SECP256R1())
            jwk = jwt.algorithms.ECAlgorithm.to_jwk(private.public_key(), as_dict=True)
            kid = f"round-{number}"
            version = office.rotate("jwt_key", value=json.dumps(jwk | {"kid": kid}))
            used.append((kid, private))
            load.more()
            for old in office.live("jwt_key"):
                if old != version:
                    office.revoke(old)
    for ended in used[:-1]:
        assert statuses(clients, lambda client: read(client, ended)) == {401}  # noqa: B023 - called here
    assert statuses(clients, read) == {200}


def test_api_keys_rotate_without_a_gap(office: Office, clients: Clients) -> None:
    used = [office.key_for(Role.OPERATOR)]

    def read(client: FlaskClient, headers: Headers | None = None) -> int:
        return client.get("/api/secrets", headers=headers or used[-1]).status_code

    with under_load(clients, read) as load:
        for _ in range(ROUNDS):
            key_id = "key_" + used[-1]["Authorization"].split("_")[2]
            body = {"reference": secrets.token_hex(16), "overlap_s": 3600}
            answer = office.client.post(
                f"/api/keys/{key_id}/rotate", json=body, headers=office.headers
            )
            used.append({"Authorization": f"Bearer {answer.get_json()['key']}"})
            load.more()
            office.client.delete(f"/api/keys/{key_id}", headers=office.headers)
    for ended in used[:-1]:
        assert statuses(clients, lambda client: read(client, ended)) == {401}  # noqa: B023 - called here
    assert statuses(clients, read) == {200}


def test_the_pepper_rotates_without_a_gap(office: Office, clients: Clients) -> None:
    headers, unused = office.key_for(Role.OPERATOR), office.key_for(Role.OPERATOR)

    def read(client: FlaskClient) -> int:
        return client.get("/api/secrets", headers=headers).status_code

    with under_load(clients, read) as load:
        for _ in range(ROUNDS):
            version = office.rotate("api_key_pepper")
            load.more()
            office.clock.jump(11)
            load.more()  # every key that is used has moved
            office.live("api_key_pepper")  # the administrator's, too
            for old in office.live("api_key_pepper"):
                if old != version:
                    office.revoke(old)
    ended = statuses(clients, lambda client: client.get("/api/secrets", headers=unused).status_code)
    assert ended == {401}
    assert statuses(clients, read) == {200}


def test_session_keys_rotate_without_a_gap(office: Office, clients: Clients) -> None:
    def token() -> Headers:
        issued = int(office.clock().timestamp())
        claims = {"iss": "https://id.test", "aud": "strongroom", "sub": "pty_1", "role": "buyer"}
        times = {"iat": issued, "exp": issued + 600}
        private = ec.generate_private_key(ec.SECP256R1())
        jwk = jwt.algorithms.ECAlgorithm.to_jwk(private.public_key(), as_dict=True)
        office.rotate("jwt_key", value=json.dumps(jwk | {"kid": f"session-{issued}"}), overlap_s=0)
        text = jwt.encode(
            claims | times, private, algorithm="ES256", headers={"kid": f"session-{issued}"}
        )
        return {"Authorization": f"Bearer {text}"}

    bearer = token()

    def sign_in(client: FlaskClient) -> str:
        answer = client.post("/api/session", headers=bearer)
        assert answer.status_code == 201, answer.text
        cookie = client.get_cookie(COOKIE)
        assert cookie is not None
        return cookie.value

    def read(client: FlaskClient, value: str) -> int:
        client.set_cookie(COOKIE, value)
        return client.get("/api/payments?limit=1").status_code

    first = sign_in(clients[0]())
    used = [first]

    with under_load(clients, lambda client: read(client, used[-1])) as load:
        for _ in range(ROUNDS - 1):
            office.rotate("session_key")
            load.more()  # those who were signed in before go on
            office.clock.jump(11)
            load.more()
            used.append(sign_in(clients[1]()))
            load.more()
    assert statuses(clients, lambda client: read(client, first)) == {200}
    for old in office.live("session_key")[1:]:
        office.revoke(old)
    assert statuses(clients, lambda client: read(client, first)) == {401}
    assert statuses(clients, lambda client: read(client, used[-1])) == {200}


def test_link_keys_rotate_without_a_gap(office: Office, clients: Clients, shop: Shop) -> None:
    order, backend = shop.order(), office.key_for(Role.SERVICE)

    def make(client: FlaskClient) -> str:
        answer = client.post(f"/api/invoices/{order.id}/links", json={}, headers=backend)
        assert answer.status_code == 201, answer.text
        return str(answer.get_json()["link"])

    def follow(client: FlaskClient, link: str) -> int:
        return client.get(f"/api/invoices/{order.id}?link={link}").status_code

    def use(client: FlaskClient) -> int:
        """Make a link at one process and follow it at the other."""
        link = make(client)
        return follow(clients[1](), link)

    last = [""]
    with under_load(clients, use) as load:
        for _ in range(ROUNDS - 1):
            last[0] = make(clients[0]())
            version = office.rotate("link_key")
            load.more()
            office.clock.jump(11)
            load.more()
            assert statuses(clients, lambda client: follow(client, last[0])) == {200}
            for old in office.live("link_key"):
                if old != version:
                    office.revoke(old)
    assert statuses(clients, lambda client: follow(client, last[0])) == {404}


def test_data_keys_rotate_without_a_gap(office: Office, clients: Clients) -> None:
    backend = office.key_for(Role.SERVICE)

    def use(client: FlaskClient) -> int:
        """Keep a name at one process and read it at the other."""
        name = f"Ada {secrets.token_hex(4)}"
        body = {"reference": secrets.token_hex(16), "name": name}
        made = client.post("/api/parties", json=body, headers=backend)
        if made.status_code != 201:
            return made.status_code
        read = clients[1]().get(f"/api/parties/{made.get_json()['id']}", headers=backend)
        return read.status_code if read.get_json().get("name") == name else 0

    with under_load(clients, use) as load:
        for _ in range(ROUNDS - 1):
            body = {"reference": secrets.token_hex(16)}
            answer = office.client.post("/api/encryption/rotate", json=body, headers=office.headers)
            assert answer.status_code == 202, answer.text
            load.more()
            office.clock.jump(6)
            load.more()
