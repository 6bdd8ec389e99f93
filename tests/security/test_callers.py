"""Who calls: broken tokens, signing out, second factors, roles as they are now, hosts of staff."""

import base64
import dataclasses
import hmac
import ipaddress
import json
from collections.abc import Iterator
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, text, update
from werkzeug.test import Client

from payments.access.caller import STAFF_ROLES, Role
from payments.access.tables import ApiKey
from payments.database import transaction
from payments.settings import Settings
from tests.architecture.routes import routes_of
from tests.payments.releases.till import OTHER_OPERATOR
from tests.security.one_world import (
    Keys,
    api,
    keys,
    now,
    one_app,
    one_settings,
    sign,
    strangers,
    world,
)
from tests.security.world import World
from tests.web.conftest import ORIGIN, SIGNING_KEY, Headers
from web.app import create_app
from web.parts import parts_of
from web.policies import POLICIES, is_for_staff_only
from web.trusted_proxies import TrustedProxies

__all__ = ["api", "keys", "one_app", "one_settings", "strangers", "world"]  # fixtures

FOREIGN = ec.generate_private_key(ec.SECP256R1())
P384 = ec.generate_private_key(ec.SECP384R1())
RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PEM = SIGNING_KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
JWK = jwt.algorithms.ECAlgorithm.to_jwk(FOREIGN.public_key(), as_dict=True) | {"kid": "tests"}


# ---- 15: tokens ----------------------------------------------------------------------------------


def claims(**changes: Any) -> dict[str, Any]:
    moment = int(now().timestamp())
    found: dict[str, Any] = {
        "iss": "https://id.test",
        "aud": "strongroom",
        "sub": "pty_1",
        "role": "buyer",
    }
    found |= {"iat": moment, "exp": moment + 600, "auth_time": moment, "amr": ["pwd"]} | changes
    return {name: value for name, value in found.items() if value != "gone"}


def made(key: Any = SIGNING_KEY, algorithm: str = "ES256", /, **headers: Any) -> str:
    return jwt.encode(claims(), key, algorithm=algorithm, headers={"kid": "tests"} | headers)


def encoded(part: Any) -> str:
    raw = part if isinstance(part, bytes) else json.dumps(part).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def by_hand(header: dict[str, Any], signature: bytes = b"") -> str:
    return f"{encoded(header)}.{encoded(claims())}.{encoded(signature)}"


def signed_by_public_key(algorithm: str) -> str:
    """Return a token whose HMAC has the public key for a secret, as one that is confused takes."""
    start = by_hand({"alg": algorithm, "typ": "JWT", "kid": "tests"})[:-1]
    digest = {"HS256": "sha256", "HS512": "sha512"}[algorithm]
    return f"{start}.{encoded(hmac.digest(PEM, start.encode(), digest))}"


def broken() -> Iterator[tuple[str, str]]:
    moment = int(now().timestamp())
    good = made()
    head, body, signature = good.split(".")
    yield "no token", "nonsense"
    yield "two parts", f"{head}.{body}"
    yield "four parts", f"{good}.x"
    yield "no signature", f"{head}.{body}."
    yield "cut signature", good[:-4]
    yield "other signature", f"{head}.{body}.{encoded(bytes(64))}"
    yield "changed claims", f"{head}.{encoded(claims(role='admin'))}.{signature}"
    yield (
        "changed header",
        f"{encoded({'alg': 'ES256', 'kid': 'tests', 'x': 1})}.{body}.{signature}",
    )
    for algorithm in ("none", "None", "NONE", "nOnE", "", "HS256", "HS512", "ES512", "EdDSA"):
        yield f"algorithm {algorithm!r}", by_hand({"alg": algorithm, "kid": "tests"})
    yield "HS256 by the public key", signed_by_public_key("HS256")
    yield "HS512 by the public key", signed_by_public_key("HS512")
    yield "RS256", made(RSA, "RS256")
    yield "ES384", made(P384, "ES384")
    yield "another key", made(FOREIGN)
    yield "no kid", jwt.encode(claims(), SIGNING_KEY, algorithm="ES256")
    for kid in ("../../dev/null", "tests' OR '1'='1", "https://evil.test/k", "", "tests\u0000"):
        yield f"kid {kid!r}", made(FOREIGN, kid=kid)
    yield "its own key", made(FOREIGN, jwk=JWK)
    yield "key elsewhere", made(FOREIGN, jku="https://evil.test/jwks.json")
    yield "certificate elsewhere", made(FOREIGN, x5u="https://evil.test/x.pem")
    yield "certificate within", made(FOREIGN, x5c=["MIIB"])
    yield "crit", made(crit=["exp"])
    yield "typ refresh", made(typ="refresh+jwt")
    yield "typ logout", made(typ="logout+jwt")
    wrong: dict[str, dict[str, Any]] = {
        "other issuer": {"iss": "https://evil.test"},
        "issuer with slash": {"iss": "https://id.test/"},
        "no issuer": {"iss": "gone"},
        "other audience": {"aud": "another"},
        "no audience": {"aud": "gone"},
        "no subject": {"sub": "gone"},
        "other kind of subject": {"sub": "key_1"},
        "subject as number": {"sub": 1},
        "expired": {"iat": moment - 700, "exp": moment - 31},
        "no expiry": {"exp": "gone"},
        "expiry as text": {"exp": str(moment + 60)},
        "expiry as fraction": {"exp": moment + 60.5},
        "not yet issued": {"iat": moment + 60, "exp": moment + 120},
        "not yet valid": {"nbf": moment + 60},
        "for a day": {"exp": moment + 86_400},
        "ends before it begins": {"iat": moment, "exp": moment - 1},
        "no role": {"role": "gone"},
        "two roles": {"role": ["buyer", "admin"]},
        "unknown role": {"role": "root"},
        "service": {"role": "service"},
        "signed in tomorrow": {"auth_time": moment + 86_400},
        "signed in as text": {"auth_time": "now"},
        "factors as text": {"amr": "mfa"},
        "factors of objects": {"amr": [{"mfa": 1}]},
        "many factors": {"amr": ["otp"] * 17},
    }
    for what, changes in wrong.items():
        yield (
            what,
            jwt.encode(claims(**changes), SIGNING_KEY, algorithm="ES256", headers={"kid": "tests"}),
        )


def test_row_15_every_broken_token_is_refused_alike(api: FlaskClient) -> None:
    kept = api.get("/api/payments", headers={"Authorization": f"Bearer {made()}"})
    assert kept.status_code == 200, kept.text
    corpus, answers = list(broken()), set()
    assert len(corpus) > 50
    for what, token in corpus:
        answer = api.get("/api/payments", headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == 401, what
        body = answer.get_json()
        body.pop("request_id")
        answers.add((json.dumps(body), answer.headers["WWW-Authenticate"]))
    assert len(answers) == 1, "nothing says what is wrong with a token"


# ---- 16: as it is now ----


def test_row_16_roles_kyc_and_freezes_are_read_anew(
    api: FlaskClient, engine: Engine, keys: Keys, world: World
) -> None:
    finance = keys.make(Role.FINANCE)
    path, body = f"/api/releases/{world.ids['release']}/approve", {"reference": "row-16-release"}

    def approve() -> tuple[int, str]:
        answer = api.post(path, json=body, headers=finance)
        return answer.status_code, answer.get_json().get("code", "")

    world.know(world.shop.seller_id, "none")
    assert approve() == (403, "kyc_required")
    world.know(world.shop.seller_id, "basic")
    frozen = world.desk.freeze().resource
    assert approve() == (409, "releases_frozen")
    world.desk.lift(frozen.id)
    world.desk.lift(frozen.id, caller=OTHER_OPERATOR)
    set_role(engine, finance, Role.SUPPORT)
    assert approve() == (403, "role_forbidden"), "demoted: the same key, the next request"
    set_role(engine, finance, Role.FINANCE)
    assert approve()[0] == 200


def set_role(engine: Engine, headers: Headers, role: Role) -> None:
    key_id = "key_" + headers["Authorization"].split("_")[2]
    with transaction(engine) as session:
        session.execute(update(ApiKey).where(ApiKey.id == key_id).values(role=role.value))


def test_a_person_who_was_let_go_has_no_access_from_then_on(
    api: FlaskClient, one_app: Flask, keys: Keys
) -> None:
    """A token says for minutes what may be wrong by now: it ends with a call of the platform."""
    staff = sign("pty_staff1", Role.FINANCE)
    other = sign("pty_staff2", Role.FINANCE)
    browser = one_app.test_client()
    assert browser.post("/api/session", headers=staff).status_code == 201
    assert browser.get("/api/ledger/periods").status_code == 200
    ended = api.post(
        "/api/session/end", json={"party_id": "pty_staff1"}, headers=keys.make(Role.SERVICE)
    )
    assert (ended.status_code, ended.get_json()["sessions"]) == (200, 1)
    assert browser.get("/api/ledger/periods").status_code == 401
    assert api.get("/api/ledger/periods", headers=staff).status_code == 401
    assert api.get("/api/ledger/periods", headers=other).status_code == 200
    later = int(now().timestamp()) + 2
    renewed = sign("pty_staff1", Role.FINANCE, iat=later, exp=later + 60)
    assert api.get("/api/ledger/periods", headers=renewed).status_code == 200
    refused = api.post("/api/session/end", json={"party_id": "pty_x"}, headers=renewed)
    assert refused.status_code == 403


# ---- 17, 18: sessions and passwords ----


def test_row_17_signing_out_ends_the_session(one_app: Flask) -> None:
    browser, thief = one_app.test_client(), one_app.test_client()
    browser.post("/api/session", headers=sign("pty_17", Role.BUYER))
    first = cookie(browser)
    assert browser.post("/api/session", headers=sign("pty_17", Role.BUYER)).status_code == 201
    second = cookie(browser)
    assert first != second
    assert with_cookie(thief, first) == 401, "signing in again ends the older session"
    assert with_cookie(thief, second) == 200
    assert browser.delete("/api/session", headers={"Origin": ORIGIN}).status_code == 204
    assert with_cookie(thief, second) == 401, "what was signed out does not come back"


def cookie(browser: FlaskClient) -> str:
    found = browser.get_cookie("strongroom_session")
    assert found is not None
    return found.value


def with_cookie(thief: FlaskClient, value: str) -> int:
    thief.set_cookie("strongroom_session", value)
    return thief.get("/api/payments").status_code


def test_row_18_no_password_is_taken_or_kept(owner_engine: Engine, api: FlaskClient) -> None:
    """People sign in at the platform's identity provider; machines have keys of 256 bits."""
    columns = """SELECT table_name || '.' || column_name FROM information_schema.columns
                  WHERE table_schema IN ('strongroom', 'ledger')
                    AND column_name ~ '(password|passphrase|passwd)'"""
    with owner_engine.connect() as connection:
        assert connection.execute(text(columns)).scalars().all() == []
    schemas = api.get("/api/openapi.json").get_json()["components"]["schemas"]
    fields = {field for schema in schemas.values() for field in schema.get("properties", ())}
    assert not {field for field in fields if "passw" in field or field == "pin"}
    assert api.get("/api/payments", headers={"Authorization": "Basic YTpi"}).status_code == 401


# ---- 19: second factors ----


def test_row_19_dangerous_acts_take_a_fresh_second_factor(api: FlaskClient, one_app: Flask) -> None:
    old = int(now().timestamp()) - 301
    body = {"name": "A key", "role": "support"}

    def make_key(reference: str, **changes: Any) -> Any:
        headers = sign("pty_admin", Role.ADMIN, **changes)
        return api.post("/api/keys", json=body | {"reference": reference}, headers=headers)

    lacking: tuple[dict[str, Any], ...] = (
        *({"amr": ["pwd"]}, {"amr": None}, {"amr": []}),
        *({"auth_time": old}, {"auth_time": None}),
    )
    for number, changes in enumerate(lacking):
        answer = make_key(f"row-19-{number}-x", **changes)
        assert (answer.status_code, answer.get_json()["code"]) == (403, "step_up_required"), changes
        challenge = answer.headers["WWW-Authenticate"]
        assert 'error="insufficient_user_authentication"' in challenge
        assert "max_age=300" in challenge
    assert make_key("row-19-fresh").status_code == 201
    assert make_key("row-19-key-fresh", amr=["pwd", "hwk"]).status_code == 201

    # A session is as old as the sign-in it came from, and a new one renews it.
    browser = one_app.test_client()
    stale = sign("pty_admin", Role.ADMIN, auth_time=old)
    assert browser.post("/api/session", headers=stale).status_code == 201
    asked = {"json": body | {"reference": "row-19-session"}, "headers": {"Origin": ORIGIN}}
    assert browser.get("/api/keys").status_code == 200
    assert browser.post("/api/keys", **asked).get_json()["code"] == "step_up_required"
    browser.post("/api/session", headers=sign("pty_admin", Role.ADMIN))
    assert browser.post("/api/keys", **asked).status_code == 201


def test_no_session_begins_without_a_second_factor_of_staff(api: FlaskClient) -> None:
    for role in STAFF_ROLES:
        answer = api.post("/api/session", headers=sign("pty_s", role, amr=["pwd"]))
        assert answer.get_json()["code"] == "step_up_required"
    assert api.post("/api/session", headers=sign("pty_b", "buyer", amr=None)).status_code == 201


# ---- 28: hosts of staff ----


@pytest.fixture
def split_app(one_settings: Settings) -> Iterator[Flask]:
    app = create_app(dataclasses.replace(one_settings, staff_hosts=frozenset({"staff.test"})))
    yield app
    parts_of(app).close()


def test_row_28_staff_work_on_a_host_of_their_own(split_app: Flask, keys: Keys) -> None:
    client, admin = split_app.test_client(use_cookies=False), keys.make(Role.ADMIN)
    nowhere = client.get("/api/nothing", headers={"Host": "api.test"}).get_json()
    hidden = 0
    for route in routes_of(split_app):
        console = route.rule.startswith("/console")
        if not (console or is_for_staff_only(route.view)):
            continue
        for headers in ({}, admin):
            for host in (
                "api.test",
                "staff.test.evil.test",
                "evil.test:443",
                "staff.test@api.test",
            ):
                answer = client.open(
                    route.example, method=route.method, headers={**headers, "Host": host}
                )
                if answer.status_code == 400:  # no host at all
                    continue
                body = answer.get_json()
                assert answer.status_code == 404, (str(route), host, answer.text)
                assert body | {"request_id": 0} == nowhere | {"request_id": 0}, str(route)
        hidden += 1
    assert hidden > 40
    for host in ("staff.test", "STAFF.test", "staff.test:8443"):
        for path in ("/api/keys", "/console/finance", "/console/console.css"):
            answer = client.get(path, headers={**admin, "Host": host})
            assert answer.status_code == 200, (host, path)
    buyer = sign("pty_28", Role.BUYER)
    assert client.get("/api/payments", headers={**buyer, "Host": "api.test"}).status_code == 200
    spoofed = {"Host": "api.test", "X-Forwarded-Host": "staff.test", "X-Host": "staff.test"}
    assert client.get("/api/keys", headers={**admin, **spoofed}).status_code == 404
    # A trusted proxy looks at Host and passes on what else the caller sends.
    proxied = TrustedProxies(split_app.wsgi_app, [ipaddress.ip_network("127.0.0.0/8")])
    behind = Client(proxied)
    for host, status in (("api.test", 404), ("staff.test", 200)):
        headers = {**admin, "Host": host, "X-Forwarded-Host": "staff.test"}
        answer = behind.get("/api/keys", headers=headers, environ_base={"REMOTE_ADDR": "127.0.0.1"})
        assert answer.status_code == status, host
    assert {Role.SERVICE} < POLICIES["parties.create"], "what the backend uses is on every host"
