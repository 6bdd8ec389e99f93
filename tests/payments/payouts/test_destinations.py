"""Where parties are paid: said by one, approved by another, in force later, and kept secret."""

import dataclasses
import datetime as dt
from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, text, update

from payments.access.caller import Caller, Role
from payments.chain_settings import ChainSettings
from payments.database import transaction
from payments.errors import ConflictError, InvalidRequestError, NotFoundError
from payments.payouts.destination_view import DestinationView
from payments.payouts.destinations import active_address, active_destination
from payments.payouts.propose_destination import list_destinations
from payments.payouts.tables import PayoutDestination
from payments.privacy.encryption import DecryptionError, FieldCipher, rotated_keyset_json
from payments.rotate_encryption import rotate_encryption
from tests.chain import CHAIN_NAME, TestChain, running_chain
from tests.payments.escrow.desk import FINANCE, Desk, open_desk, wallet_of_nobody
from tests.payments.shop import CIPHER, KEYSET, SERVICE, new_reference, person

ADDRESS = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"  # of EIP-55's own examples
IBAN = "DE89370400440532013000"
DAY = dt.timedelta(hours=24)


@pytest.fixture(scope="module")
def chain() -> Iterator[TestChain]:
    with running_chain() as chain:
        yield chain


@pytest.fixture(scope="module")
def desk(engine: Engine, chain: TestChain) -> Desk:
    return open_desk(engine, chain)


@pytest.fixture
def party_id(desk: Desk) -> str:
    return desk.new_party("Pat")


def address_at(desk: Desk, party_id: str, now: dt.datetime) -> str | None:
    with transaction(desk.engine) as session:
        return active_address(session, party_id=party_id, chain=CHAIN_NAME, cipher=CIPHER, now=now)


def listed(desk: Desk, party_id: str, caller: Caller) -> list[DestinationView]:
    with transaction(desk.engine) as session:
        return list_destinations(session, caller=caller, party_id=party_id, cipher=CIPHER)


def faults(desk: Desk, party_id: str, **wanted: str) -> dict[str, list[str]]:
    with pytest.raises(InvalidRequestError) as caught:
        desk.propose(party_id, **wanted)
    return caught.value.errors


# ---- two people and some time ------------------------------------------------------------------


def test_it_is_in_force_once_approved_and_cooled_off(desk: Desk, party_id: str) -> None:
    now = desk.now()
    proposed = desk.propose(party_id, kind="chain", chain=CHAIN_NAME, address=ADDRESS)
    assert (proposed.status, proposed.active_from) == ("proposed", None)
    assert address_at(desk, party_id, now + 2 * DAY) is None
    approved = desk.decide(proposed.id, cooling=DAY, now=now).resource
    assert (approved.status, approved.active_from) == ("approved", now + DAY)
    assert approved.decided_by == FINANCE.principal
    assert address_at(desk, party_id, now + DAY - dt.timedelta(seconds=1)) is None
    assert address_at(desk, party_id, now + DAY) == ADDRESS


def test_the_old_one_stays_in_force_while_the_new_one_cools_off(desk: Desk, party_id: str) -> None:
    now, other = desk.now(), wallet_of_nobody()
    first = desk.propose(party_id, kind="chain", chain=CHAIN_NAME, address=ADDRESS)
    second = desk.propose(party_id, kind="chain", chain=CHAIN_NAME, address=other.address)
    desk.decide(second.id, cooling=DAY, now=now)
    desk.decide(first.id, now=now)
    assert address_at(desk, party_id, now) == ADDRESS
    assert address_at(desk, party_id, now + DAY) == other.address


def test_who_proposed_it_does_not_decide(desk: Desk, party_id: str) -> None:
    proposed = desk.propose(party_id, kind="stripe", account="acct_1Nv0FGQ9RKHgCVdK")
    for decision in ("approve", "reject"):
        with pytest.raises(ConflictError) as caught:
            desk.decide(proposed.id, decision=decision, caller=SERVICE)
        assert caught.value.code == "second_person_needed"
    assert listed(desk, party_id, FINANCE)[0].status == "proposed"
    # Nor by the database's leave.
    alone = update(PayoutDestination).where(PayoutDestination.id == proposed.id)
    alone = alone.values(status="rejected", decided_by=SERVICE.principal, decided_at=desk.now())
    with pytest.raises(Exception, match="payout_destinations_check"), desk.engine.begin() as db:
        db.execute(alone)


def test_a_decision_is_made_once(desk: Desk, party_id: str) -> None:
    proposed = desk.propose(party_id, kind="stripe", account="acct_1Nv0FGQ9RKHgCVdK")
    reference = new_reference()
    first = desk.decide(proposed.id, reference=reference)
    again = desk.decide(proposed.id, reference=reference)
    assert (first.replayed, again.replayed) == (False, True)
    assert first.resource == again.resource
    for decision in ("approve", "reject"):
        with pytest.raises(ConflictError) as caught:
            desk.decide(proposed.id, decision=decision)
        assert caught.value.code == "destination_decided"


def test_what_cools_off_can_still_be_stopped(desk: Desk, party_id: str) -> None:
    now = desk.now()
    proposed = desk.propose(party_id, kind="chain", chain=CHAIN_NAME, address=ADDRESS)
    desk.decide(proposed.id, cooling=DAY, now=now)
    with pytest.raises(ConflictError) as caught:  # approved again, it would cool off no more
        desk.decide(proposed.id, now=now + DAY / 2)
    assert caught.value.code == "destination_decided"
    stopped = desk.decide(proposed.id, decision="reject", now=now + DAY / 2).resource
    assert (stopped.status, stopped.active_from) == ("rejected", None)
    assert address_at(desk, party_id, now + 2 * DAY) is None
    with pytest.raises(ConflictError):
        desk.decide(proposed.id, decision="approve")


def test_only_the_party_itself_and_staff_reach_it(desk: Desk, party_id: str) -> None:
    proposed = desk.propose(party_id, kind="chain", chain=CHAIN_NAME, address=ADDRESS)
    stranger = person(desk.new_party("Eve"))
    with pytest.raises(NotFoundError):
        listed(desk, party_id, stranger)
    with pytest.raises(NotFoundError):
        desk.decide(proposed.id, caller=stranger)
    with pytest.raises(NotFoundError):
        desk.decide("dst_0")


# ---- what may be proposed ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "said"),
    [
        (ADDRESS.lower(), "EIP-55"),
        ("0x" + ADDRESS[2:].upper(), "EIP-55"),
        (ADDRESS[:-1] + "D", "EIP-55"),
        (ADDRESS[2:], "0x and 40"),
        (ADDRESS[:-1], "0x and 40"),
        ("0x" + 40 * "0", "lost"),
    ],
)
def test_an_address_that_may_be_mistyped_is_refused(
    desk: Desk, party_id: str, address: str, said: str
) -> None:
    found = faults(desk, party_id, kind="chain", chain=CHAIN_NAME, address=address)
    assert found.keys() == {"address"}
    assert said in found["address"][0]


def test_nobody_is_paid_at_an_address_of_ours(desk: Desk, party_id: str) -> None:
    contract = desk.deploy().resource.row.contract_address
    chain = desk.chain
    roles = [wallet.address for wallet in (chain.operator, chain.arbiter, chain.guardian)]
    for address in (contract, chain.factory, chain.token, *roles):
        found = faults(desk, party_id, kind="chain", chain=CHAIN_NAME, address=address)
        assert "platform" in found["address"][0], address


def test_fields_must_be_those_of_the_kind(desk: Desk, party_id: str) -> None:
    assert faults(desk, party_id, kind="gold").keys() == {"kind"}
    assert faults(desk, party_id, kind="chain").keys() == {"chain", "address"}
    assert faults(desk, party_id, kind="stripe").keys() == {"account"}
    assert faults(desk, party_id, kind="bank").keys() == {"iban", "holder", "currency"}
    assert faults(desk, party_id, kind="chain", chain="mars", address=ADDRESS).keys() == {"chain"}
    mixed = faults(desk, party_id, kind="chain", chain=CHAIN_NAME, address=ADDRESS, iban=IBAN)
    assert mixed.keys() == {"iban"}
    assert faults(desk, party_id, kind="stripe", account="acct-1").keys() == {"account"}


@pytest.mark.parametrize(
    ("iban", "said"),
    [
        ("DE88370400440532013000", "check digits"),
        ("DE8937040044053201300", "form"),
        ("XX89370400440532013000", "no country"),
        ("370400440532013000", "form"),
    ],
)
def test_an_account_number_that_cannot_be_is_refused(
    desk: Desk, party_id: str, iban: str, said: str
) -> None:
    found = faults(desk, party_id, kind="bank", iban=iban, holder="Pat", currency="EUR")
    assert found.keys() == {"iban"}
    assert said in found["iban"][0]


def test_a_bank_account_is_of_a_known_currency_and_a_holder(desk: Desk, party_id: str) -> None:
    bank = {"kind": "bank", "iban": IBAN, "holder": "Pat", "currency": "EUR"}
    assert faults(desk, party_id, **bank | {"currency": "XXX"}).keys() == {"currency"}
    assert faults(desk, party_id, **bank | {"holder": 141 * "x"}).keys() == {"holder"}


# ---- what is kept of it, and shown -------------------------------------------------------------


def test_one_in_force_for_each_kind_and_currency(desk: Desk, party_id: str) -> None:
    bank = {"kind": "bank", "holder": "Pat Example"}
    euro = desk.propose(party_id, iban="de89 3704 0044 0532 0130 00", currency="EUR", **bank)
    pound = desk.propose(party_id, iban="GB82WEST12345698765432", currency="GBP", **bank)
    stripe = desk.propose(party_id, kind="stripe", account="acct_1Nv0FGQ9RKHgCVdK")
    for proposed in (euro, pound, stripe):
        desk.decide(proposed.id)
    now = desk.now()
    with transaction(desk.engine) as session:

        def found(**which: object) -> tuple[str | None, str | None, str | None]:
            active = active_destination(
                session,
                party_id=party_id,
                cipher=CIPHER,
                now=now,
                **which,  # type: ignore[arg-type] # a kind and a currency
            )
            assert active is not None
            return active.details.iban, active.details.holder, active.details.account

        assert found(kind="bank", currency="EUR") == (IBAN, "Pat Example", None)
        assert found(kind="bank", currency="GBP")[0] == "GB82WEST12345698765432"
        assert found(kind="stripe") == (None, None, "acct_1Nv0FGQ9RKHgCVdK")


def test_everybody_but_the_party_and_who_decides_sees_a_hint(desk: Desk, party_id: str) -> None:
    proposed = desk.propose(party_id, kind="bank", iban=IBAN, holder="Pat Example", currency="EUR")
    assert (proposed.hint, proposed.as_json()["iban"]) == ("DE…3000", None)
    for caller in (FINANCE, person(party_id), Caller("key:a", Role.ADMIN)):
        [shown] = listed(desk, party_id, caller)
        assert shown.as_json()["iban"] == IBAN
        assert shown.as_json()["holder"] == "Pat Example"
    for caller in (SERVICE, Caller("key:s", Role.SUPPORT), Caller("key:o", Role.OPERATOR)):
        [shown] = listed(desk, party_id, caller)
        assert (shown.as_json()["iban"], shown.as_json()["holder"]) == (None, None)
        assert IBAN not in repr(shown)


def test_it_is_kept_encrypted_for_its_row_alone(desk: Desk, party_id: str) -> None:
    one = desk.propose(party_id, kind="chain", chain=CHAIN_NAME, address=ADDRESS)
    other = desk.propose(
        party_id, kind="chain", chain=CHAIN_NAME, address=wallet_of_nobody().address
    )
    ids = {"one": one.id, "other": other.id}
    column = "SELECT destination_encrypted FROM strongroom.payout_destinations WHERE id = :one"
    with desk.engine.begin() as connection:
        kept = bytes(connection.execute(text(column), ids).scalar_one())
        assert ADDRESS.encode() not in kept
        swap = f"UPDATE strongroom.payout_destinations SET destination_encrypted = ({column})"
        connection.execute(text(f"{swap} WHERE id = :other"), ids)
    with pytest.raises(DecryptionError):
        listed(desk, party_id, FINANCE)


def test_a_rotation_re_encrypts_it(fresh_engine: Engine, chain: TestChain) -> None:
    desk = open_desk(fresh_engine, chain)
    new = FieldCipher(rotated_keyset_json(KEYSET))
    rotate_encryption(fresh_engine, cipher=new)
    with transaction(fresh_engine) as session:
        for row in session.query(PayoutDestination):
            assert row.destination_encrypted is not None
            assert not new.needs_rotation(row.destination_encrypted)
        found = active_address(
            session,
            party_id=desk.shop.buyer_id,
            chain=CHAIN_NAME,
            cipher=new,
            now=desk.now(),
        )
    assert found == chain.buyer.address


def test_settings_may_write_addresses_in_small_letters(desk: Desk, party_id: str) -> None:
    settings: ChainSettings = dataclasses.replace(
        desk.settings, operator=desk.settings.operator.lower()
    )
    lower = Desk(desk.shop, desk.chain, settings)
    found = faults(
        lower, party_id, kind="chain", chain=CHAIN_NAME, address=desk.chain.operator.address
    )
    assert found.keys() == {"address"}
