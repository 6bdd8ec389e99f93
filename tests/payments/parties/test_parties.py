"""Parties are registered once, encrypted at rest, and shown to whom they concern."""

import pytest
from sqlalchemy import Engine, text

from payments.access.caller import Caller, Role
from payments.database import transaction
from payments.errors import InvalidRequestError, NotFoundError, ReferenceReusedError
from payments.idempotency import Answered
from payments.parties.create_party import create_party
from payments.parties.read_party import read_party
from payments.parties.set_kyc_level import set_kyc_level
from payments.parties.view import PartyView
from tests.payments.shop import CIPHER, NOW, SERVICE, new_party, new_reference, person

DETAILS = {
    "name": "Ada Example",
    "email": "ada@example.test",
    "address": "1 Main Street\n12345 Springfield",
    "tax_id": "DE123456789",
    "country": "DE",
}


def create(engine: Engine, reference: str, **changed: str | None) -> Answered[PartyView]:
    with transaction(engine) as session:
        return create_party(
            session,
            caller=SERVICE,
            reference=reference,
            now=NOW,
            cipher=CIPHER,
            **{"name": "", **DETAILS, **changed},  # type: ignore[arg-type] # None only where allowed
        )


def test_a_party_is_registered_once_per_reference(engine: Engine) -> None:
    reference = new_reference()
    first = create(engine, reference)
    again = create(engine, reference)
    assert (first.replayed, again.replayed) == (False, True)
    assert again.resource == first.resource
    assert first.resource.kyc_level == "none"
    assert {field: getattr(first.resource, field) for field in DETAILS} == DETAILS
    with pytest.raises(ReferenceReusedError):
        create(engine, reference, name="Eve Example")


def test_no_personal_data_is_stored_in_the_clear(engine: Engine) -> None:
    party = create(engine, new_reference()).resource
    with transaction(engine) as session:
        row = session.execute(
            text("SELECT * FROM strongroom.parties WHERE id = :id"), {"id": party.id}
        ).one()
    stored = b" ".join(value if isinstance(value, bytes) else str(value).encode() for value in row)
    assert b"DE" in stored
    for field in ("name", "email", "address", "tax_id"):
        assert DETAILS[field].encode() not in stored


@pytest.mark.parametrize(
    ("field", "value"), [("name", " "), ("country", "Germany"), ("country", "de")]
)
def test_a_bad_field_is_named_and_does_not_burn_the_reference(
    engine: Engine, field: str, value: str
) -> None:
    reference = new_reference()
    with pytest.raises(InvalidRequestError) as caught:
        create(engine, reference, **{field: value})
    assert list(caught.value.errors) == [field]
    assert not create(engine, reference).replayed


def test_a_person_sees_only_themselves(engine: Engine) -> None:
    ada, eve = new_party(engine, "Ada"), new_party(engine, "Eve")
    support = Caller(principal="key:support", role=Role.SUPPORT)
    with transaction(engine) as session:
        for caller in (person(ada), SERVICE, support):
            assert read_party(session, caller=caller, party_id=ada, cipher=CIPHER).name == "Ada"
        for party_id in (eve, "pty_unknown"):
            with pytest.raises(NotFoundError, match="no such party"):
                read_party(session, caller=person(ada), party_id=party_id, cipher=CIPHER)
        with pytest.raises(NotFoundError):
            read_party(session, caller=SERVICE, party_id="pty_unknown", cipher=CIPHER)


def test_the_kyc_level_is_one_of_three(engine: Engine) -> None:
    party_id = new_party(engine)
    with transaction(engine) as session:
        for level in ("full", "basic", "none"):
            party = set_kyc_level(session, party_id=party_id, level=level, now=NOW, cipher=CIPHER)
            assert party.kyc_level == level
        with pytest.raises(InvalidRequestError):
            set_kyc_level(session, party_id=party_id, level="gold", now=NOW, cipher=CIPHER)
        with pytest.raises(NotFoundError):
            set_kyc_level(session, party_id="pty_none", level="full", now=NOW, cipher=CIPHER)
