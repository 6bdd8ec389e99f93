"""Personal data is encrypted field by field, and its keys rotate without a gap."""

import secrets
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, create_engine, select, text

from payments.access.caller import Role
from payments.at_rest.encrypt_anew import encrypt_anew
from payments.at_rest.tables import EncryptionRun
from payments.bank_settings import BankAccount
from payments.database import connect_engine, transaction
from payments.identifiers import new_id
from payments.invoices.issue_invoice import issue_invoice
from payments.invoices.render_invoice import Press, render_invoice
from payments.parties.tables import Party
from payments.parties.view import view_party
from payments.privacy.data_keys import connect_cipher
from payments.privacy.encryption import DecryptionError
from payments.reconciliation.import_statement import import_statement
from payments.rotate_encryption import ENCRYPTED_COLUMNS, count_left
from tests.architecture.sources import ROOT
from tests.conditions import wait_until
from tests.payments.invoices.desk import Desk
from tests.payments.invoices.stamp import Stamp
from tests.payments.reconciliation.statements.camt_files import (
    balance,
    details,
    document,
    entry,
    statement,
)
from tests.payments.shop import KEYSET, NOW, SERVICE, Shop
from tests.payments.test_data_keys import add_party, rotate
from tests.security.dump import dumped
from tests.security.one_world import api, one_app, one_settings, sign
from tests.web.conftest import Headers, KeyOf, settings

__all__ = ["api", "one_app", "one_settings", "settings"]

PARTIES = 1_500
OWN_IBAN = "DE89370400440532013000"


@pytest.fixture(scope="module")
def owner(database_url: str) -> Iterator[Engine]:
    engine = create_engine(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def service(key_of: KeyOf) -> Headers:
    return key_of(Role.SERVICE)


def canary(word: str) -> str:
    return f"Zq{word}{secrets.token_hex(6)}"


def register(api: FlaskClient, headers: Headers, **person: str) -> str:
    body = {"reference": secrets.token_hex(16), **person}
    answer = api.post("/api/parties", json=body, headers=headers)
    assert answer.status_code == 201, answer.text
    return str(answer.get_json()["id"])


def live_through_everything(engine: Engine, api: FlaskClient, service: Headers) -> set[str]:
    """Have canaries wherever a person's data comes in, and return them."""
    people = [
        {
            "name": canary("name"),
            "email": f"{canary('mail')}@example.com",
            "address": f"{canary('street')}\n10115 Berlin",
            "tax_id": canary("tax"),
        }
        for _ in range(2)
    ]
    buyer_id, seller_id = (register(api, service, **person) for person in people)
    holder, iban = canary("holder"), "GB33BUKB20201555555555"
    body = {"reference": "d", "kind": "bank", "currency": "GBP", "iban": iban, "holder": holder}
    answer = api.post(f"/api/parties/{seller_id}/payout-destinations", json=body, headers=service)
    assert answer.status_code == 201, answer.text
    invoice_between(engine, Shop(engine, buyer_id, seller_id))
    payer, payer_iban = canary("payer"), "DE75512108001245126199"
    party = f"<RltdPties><Dbtr><Nm>{payer}</Nm></Dbtr><DbtrAcct><Id><IBAN>{payer_iban}</IBAN></Id>"
    told = details(
        f"{party}</DbtrAcct></RltdPties><RmtInf><Ustrd>{canary('text')}</Ustrd></RmtInf>"
    )
    balances = balance("OPBD", "0.00") + balance("CLBD", "12.50")
    import_statement(
        engine,
        caller=SERVICE,
        content=document(statement(entry("12.50", ref="BANK-1", details=told), balances=balances)),
        filename="november.xml",
        account="main",
        accounts={"main": BankAccount(name="main", identifier=OWN_IBAN, currency="EUR")},
        cipher=connect_cipher(engine, KEYSET),
        now=NOW,
    )
    written = {value.split("@")[0].split("\n")[0] for person in people for value in person.values()}
    return written | {holder, iban, payer, payer_iban}


def invoice_between(engine: Engine, shop: Shop) -> None:
    """Have an order paid, its invoice issued and its PDF kept."""
    cipher, desk = connect_cipher(engine, KEYSET), Desk(engine)
    desk.shop = shop
    order = desk.sold()
    with transaction(engine) as session:
        invoice_id = issue_invoice(session, order_id=order.id, now=NOW, cipher=cipher)
    assert invoice_id is not None
    assert render_invoice(engine, Press(Stamp(), cipher, lambda: NOW), invoice_id=invoice_id)


def add_parties(engine: Engine, names: list[str]) -> list[str]:
    """Register people with a name and nothing else, in one transaction."""
    cipher, ids = connect_cipher(engine, KEYSET), []
    with transaction(engine) as session:
        for name in names:
            party_id = new_id("pty", now=NOW)
            field = {"table": "parties", "column": "name_encrypted", "row_id": party_id}
            session.add(
                Party(
                    id=party_id,
                    kyc_level="none",
                    name_encrypted=cipher.encrypt(name, **field),
                    created_at=NOW,
                    updated_at=NOW,
                )
            )
            ids.append(party_id)
    return ids


def walk_elsewhere(database_url: str) -> subprocess.Popen[bytes]:
    """Start a process that encrypts everything anew."""
    walker = subprocess.Popen(
        [sys.executable, "-m", "tests.security.walker", database_url],
        cwd=ROOT,
        stdin=subprocess.PIPE,
    )
    assert walker.stdin is not None
    walker.stdin.write(KEYSET.encode())
    walker.stdin.close()
    return walker


_CIPHERTEXTS = text("""
    SELECT c.table_name, c.column_name FROM information_schema.columns c
      JOIN information_schema.tables t USING (table_schema, table_name)
     WHERE c.table_schema IN ('strongroom', 'ledger') AND t.table_type = 'BASE TABLE'
       AND c.column_name LIKE '%\\_encrypted'
""")
_TRIGGERS = text("SELECT tgname FROM pg_trigger WHERE tgenabled = 'O'")


def test_row_49_no_personal_data_lies_in_the_database_in_plain_text(
    engine: Engine, owner: Engine, api: FlaskClient, service: Headers
) -> None:
    written = live_through_everything(engine, api, service)
    plain = dumped(owner)
    assert "november.xml" in plain  # the search does find what is there
    assert {one for one in written if one.casefold() in plain.casefold()} == set()


def test_row_49_a_ciphertext_is_worth_nothing_in_another_row_or_column(engine: Engine) -> None:
    cipher = connect_cipher(engine, KEYSET)
    ids = [add_party(engine, cipher, name) for name in ("Ada", "Grace")]
    with transaction(engine) as session:
        one, other = (session.get_one(Party, party_id) for party_id in ids)
        one.name_encrypted, other.name_encrypted = other.name_encrypted, one.name_encrypted
    for party_id in ids:
        with transaction(engine) as session, pytest.raises(DecryptionError):
            view_party(session.get_one(Party, party_id), cipher=cipher)
    with transaction(engine) as session:
        row = session.get_one(Party, ids[0])
        row.name_encrypted = row.email_encrypted
    with transaction(engine) as session, pytest.raises(DecryptionError):
        view_party(session.get_one(Party, ids[0]), cipher=cipher)


def test_row_49_every_column_of_ciphertexts_is_known_and_guarded(owner: Engine) -> None:
    known = {(column.table.__tablename__, column.column) for column in ENCRYPTED_COLUMNS}
    indexes = {(one.table.__tablename__, one.index) for one in ENCRYPTED_COLUMNS if one.index}
    with owner.connect() as connection:
        columns = connection.execute(_CIPHERTEXTS).all()
        triggers = set(connection.execute(_TRIGGERS).scalars())
    assert {tuple(row) for row in columns} == known
    for table, column in known | indexes:
        assert {f"guard_{table}_{column}_insert", f"guard_{table}_{column}_update"} <= triggers


def test_row_49_people_are_found_by_an_index_that_tells_nothing(
    api: FlaskClient, service: Headers
) -> None:
    email = f"{canary('found')}@Example.com"
    party_id = register(api, service, name="Ada", email=email)
    twin_id = register(api, service, name="Ada", email=email.upper())
    answer = api.get("/api/parties", query_string={"email": email.lower()}, headers=service)
    assert [party["id"] for party in answer.get_json()["items"]] == [twin_id, party_id]
    nobody = api.get("/api/parties", query_string={"email": "x@example.com"}, headers=service)
    assert nobody.get_json()["items"] == []
    assert (
        api.get(
            "/api/parties", query_string={"email": email}, headers=sign(party_id, Role.BUYER)
        ).status_code
        == 403
    )


def test_row_50_a_key_rotates_under_load_and_no_request_notices(
    engine: Engine, api: FlaskClient, service: Headers, key_of: KeyOf
) -> None:
    admin = key_of(Role.ADMIN)
    faults: list[str] = []
    made: list[str] = []
    is_over = threading.Event()

    def live() -> None:
        while not is_over.is_set():
            body = {"reference": secrets.token_hex(16), "name": "Ada", "email": "ada@example.com"}
            created = api.post("/api/parties", json=body, headers=service)
            party_id = created.get_json().get("id", "")
            read = api.get(f"/api/parties/{party_id}", headers=service)
            if (created.status_code, read.status_code) != (201, 200):
                faults.append(f"{created.text} {read.text}")
            made.append(party_id)

    threads = [threading.Thread(target=live) for _ in range(3)]
    for thread in threads:
        thread.start()
    cipher = connect_cipher(engine, KEYSET)
    for _ in range(2):
        known = len(made)
        answer = api.post(
            "/api/encryption/rotate", json={"reference": secrets.token_hex(16)}, headers=admin
        )
        assert answer.status_code == 202, answer.text
        while encrypt_anew(engine, cipher=cipher, clock=lambda: NOW) is False:
            pass
        wait_until(lambda known=known: len(made) > known + 8 or bool(faults))  # type: ignore[misc] # bound at once
    is_over.set()
    for thread in threads:
        thread.join()
    assert not faults, faults[0]
    keys = api.get("/api/encryption", headers=admin).get_json()["keys"]
    assert [key["state"] for key in keys] == ["newest", "old", "old"]
    for party_id in made:
        assert api.get(f"/api/parties/{party_id}", headers=service).status_code == 200


def test_row_50_who_encrypts_anew_may_be_killed_and_the_next_goes_on(
    fresh_database_url: str,
) -> None:
    engine = connect_engine(fresh_database_url)
    cipher = connect_cipher(engine, KEYSET)
    names = [f"Name {number}" for number in range(PARTIES)]
    ids = add_parties(engine, names)
    run_id = rotate(engine)

    def run() -> EncryptionRun:
        with transaction(engine) as session:
            return session.get_one(EncryptionRun, run_id)

    for least in (50, 200):  # twice killed in the middle
        walker = walk_elsewhere(fresh_database_url)
        wait_until(lambda least=least: run().encrypted >= least, timeout_s=30)  # type: ignore[misc] # bound at once
        walker.kill()
        walker.wait()
    halfway = run()
    assert halfway.status == "running"
    assert least <= halfway.encrypted < (halfway.fields or 0) == PARTIES
    walker = walk_elsewhere(fresh_database_url)
    assert walker.wait(timeout=60) == 0
    done = run()
    assert (done.status, done.encrypted, done.unreadable) == ("done", PARTIES, 0)
    with transaction(engine) as session:
        assert count_left(session, cipher=cipher) == 0
        rows = session.scalars(select(Party).where(Party.id.in_(ids)))
        assert sorted(view_party(row, cipher=cipher).name or "" for row in rows) == sorted(names)
    engine.dispose()
