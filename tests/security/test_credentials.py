"""API keys and other credentials: how they are kept, how they end, and what a wrong one is told."""

import datetime as dt
import hashlib
import hmac
import io
import re
import secrets
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, event, text

from payments.access.caller import Role
from payments.access.key_text import KeyText, make_key_text, parse_key_text
from payments.log_lines import configure_log_lines
from payments.settings import Settings
from tests.web.conftest import Headers, KeyOf, TokenOf

PATH = "/api/keys"
SCANNER = re.compile(r"srk_(live|test)_[0-9A-HJKMNP-TV-Z]{26}_[0-9A-Za-z]{43,}_[0-9A-Za-z]{6}")


@pytest.fixture
def admin(key_of: KeyOf) -> Headers:
    return key_of(Role.ADMIN)


def new_key(client: FlaskClient, admin: Headers, **changes: Any) -> dict[str, Any]:
    body = {"reference": secrets.token_hex(16), "name": "Books", "role": "admin"} | changes
    answer = client.post(PATH, json=body, headers=admin)
    assert answer.status_code == 201, answer.text
    return dict(answer.get_json())


def bearer(text: str) -> Headers:
    return {"Authorization": f"Bearer {text}"}


def status(client: FlaskClient, headers: Headers) -> int:
    return client.get(PATH, headers=headers).status_code


def test_row_12_a_copy_of_the_database_holds_no_usable_key(
    client: FlaskClient,
    admin: Headers,
    owner_engine: Engine,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    key = new_key(client, admin)["key"]
    assert SCANNER.fullmatch(key)
    _, _, ulid, secret, _ = key.split("_")
    with owner_engine.connect() as connection:
        query = text("SELECT k::text AS whole, * FROM strongroom.api_keys k WHERE id = :id")
        row = connection.execute(query, {"id": f"key_{ulid}"}).one()
    assert secret not in row.whole
    assert secret.encode().hex() not in row.whole
    # Neither the bare hash of the secret: without the pepper, which is elsewhere, nothing is found.
    assert bytes(row.secret_hash) != hashlib.sha256(secret.encode()).digest()
    pepper = settings.api_key_pepper.encode()
    assert bytes(row.secret_hash) == hmac.digest(pepper, secret.encode(), hashlib.sha256)
    assert row.pepper_version is not None
    assert row.expires_at - row.created_at <= dt.timedelta(days=365)
    # An unknown id costs what a known one does: one hash, one comparison in constant time.
    compared = []
    monkeypatch.setattr(
        hmac,
        "compare_digest",
        lambda a, b: bool(compared.append((a, b))) or a == b,  # type: ignore[func-returns-value] # a list
    )
    unknown = make_key_text(livemode=False, now=dt.datetime.now(dt.UTC))  # noqa: TID251 - the application's clock is real here
    assert status(client, bearer(str(unknown))) == 401
    assert status(client, bearer(key)) == 200
    assert [len(pair[1]) for pair in compared] == [32, 32]


def test_row_13_keys_rotate_with_overlap_expire_and_end_at_once(
    client: FlaskClient, admin: Headers, engine: Engine
) -> None:
    old = new_key(client, admin)
    for days, expected in ((7, 201), (8, 400)):
        body = {"reference": secrets.token_hex(16), "overlap_s": days * 86_400}
        answer = client.post(f"{PATH}/{old['id']}/rotate", json=body, headers=admin)
        assert answer.status_code == expected
        if expected == 201:
            new = answer.get_json()
    assert [status(client, bearer(key["key"])) for key in (old, new)] == [200, 200]
    too_long = {"reference": "r", "name": "x", "role": "admin", "expires_in_s": 366 * 86_400}
    assert client.post(PATH, json=too_long, headers=admin).status_code == 400
    with engine.begin() as connection:  # its overlap is over
        connection.execute(
            text("UPDATE strongroom.api_keys SET expires_at = now() WHERE id = :id"),
            {"id": old["id"]},
        )
    assert [status(client, bearer(key["key"])) for key in (old, new)] == [401, 200]
    assert client.delete(f"{PATH}/{new['id']}", headers=admin).status_code == 204
    assert status(client, bearer(new["key"])) == 401  # the very next request
    [shown] = [
        key
        for key in client.get(f"{PATH}?limit=100", headers=admin).get_json()["data"]
        if key["id"] == new["id"]
    ]
    assert shown["revoked_at"] is not None
    assert shown["last_used_at"] is not None
    scoped = new_key(client, admin, scopes=["secrets.read"])
    assert status(client, bearer(scoped["key"])) == 403


@pytest.mark.parametrize("name", ["api_key", "access_token", "token", "authorization", "API_KEY"])
def test_row_14_a_credential_in_a_url_is_refused_and_not_logged(
    client: FlaskClient, admin: Headers, name: str
) -> None:
    credential = admin["Authorization"].removeprefix("Bearer ")
    logged = io.StringIO()
    configure_log_lines("DEBUG", stream=logged)
    for path, headers in ((PATH, {}), (PATH, admin), ("/api/status", {}), ("/nowhere", {})):
        answer = client.get(f"{path}?{name}={credential}", headers=headers)
        assert credential not in answer.text
        if path != "/nowhere":
            assert (answer.status_code, answer.get_json()["code"]) == (400, "credentials_in_url")
    assert logged.getvalue()
    assert credential not in logged.getvalue()
    assert credential.split("_")[3] not in logged.getvalue()
    # Nor does a body or a cookie of our own naming stand in for the header.
    client.set_cookie("Authorization", f"Bearer {credential}")
    assert client.get(PATH).status_code == 401


def test_row_20_every_wrong_credential_is_told_the_same_at_the_same_cost(
    app: Flask,
    client: FlaskClient,
    admin: Headers,
    engine: Engine,
    token_of: TokenOf,
    key_of: KeyOf,
) -> None:
    real = admin["Authorization"].removeprefix("Bearer ")
    other = key_of(Role.ADMIN)["Authorization"].removeprefix("Bearer ")
    unknown = str(make_key_text(livemode=False, now=dt.datetime.now(dt.UTC)))  # noqa: TID251 - the application's clock is real here
    parsed = parse_key_text(unknown)
    known = parse_key_text(real)
    assert parsed is not None
    assert known is not None
    wrong = str(KeyText(key_id=known.key_id, secret=parsed.secret, livemode=False))
    with engine.begin() as connection:
        connection.execute(
            text("UPDATE strongroom.api_keys SET revoked_at = now() WHERE id = :id"),
            {"id": "key_" + other.split("_")[2]},
        )
    statements: list[str] = []
    used = app.extensions["strongroom"].engine
    status(client, admin)  # what is read once a few seconds is read
    event.listen(used, "before_cursor_execute", lambda *args: statements.append(args[2]))

    def answered(headers: Headers) -> tuple[int, dict[str, Any], str | None, int]:
        statements.clear()
        answer = client.get(PATH, headers=headers)
        told = {k: v for k, v in answer.get_json().items() if k != "request_id"}
        cost = len([one for one in statements if "api_keys" in one])
        return answer.status_code, told, answer.headers["WWW-Authenticate"], cost

    keys = [answered(bearer(key)) for key in (unknown, wrong, other)]
    assert keys[0] == keys[1] == keys[2]
    assert keys[0][0] == 401
    assert keys[0][3] == 1  # whether there is such a key or not: one look, one hash
    good = token_of("pty_1")["Authorization"].removeprefix("Bearer ")
    head, body, proof = good.split(".")
    tokens = [
        answered(bearer(token))
        for token in (
            f"{head}.{body}.{proof[::-1]}",
            f"{head}.{body}.",
            f"{head}.{body[::-1]}.{proof}",
            token_of("pty_1", iss="https://another.test")["Authorization"].split()[1],
            token_of("pty_1", exp=1)["Authorization"].split()[1],
            token_of("nobody")["Authorization"].split()[1],
        )
    ]
    assert len({str(one[:3]) for one in tokens}) == 1
    assert tokens[0][0] == 401
    cookies = []
    for value in ("", "x", "a" * 43):
        client.set_cookie("strongroom_session", value)
        cookies.append(answered({})[:3])
    assert len({str(one) for one in cookies}) == 1
    assert cookies[0][0] == 401
