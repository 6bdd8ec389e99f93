"""Keys from encrypted files sign exactly what they are given, and cannot be had otherwise."""

import json
from pathlib import Path

import pytest
from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_account.typed_transactions.typed_transaction import TypedTransaction
from eth_utils.crypto import keccak
from hexbytes import HexBytes

from payments.providers.chain_errors import KeystoreError, SigningRefusedError
from payments.providers.chain_port import Fees, Unsigned
from payments.providers.evm.keystore import Keystore
from tests.chain import TestChain
from tests.payments.providers.evm.desk import Desk

OPERATOR, OTHER = Account.from_key(b"\x01" * 32), Account.from_key(b"\x02" * 32)
PASSWORD = "correct horse"


def write_key(file: Path, account: LocalAccount, password: str = PASSWORD) -> None:
    kept = Account.encrypt(account.key, password, kdf="pbkdf2", iterations=10)
    file.write_text(json.dumps(kept))


@pytest.fixture
def keystore(tmp_path: Path) -> Keystore:
    (tmp_path / "keys").mkdir()
    write_key(tmp_path / "keys" / "a.json", OPERATOR)
    write_key(tmp_path / "keys" / "b.json", OTHER)
    (tmp_path / "password").write_text(f"{PASSWORD}\n")
    return Keystore(tmp_path / "keys", tmp_path / "password")


def unsigned(sender: str = OPERATOR.address) -> Unsigned:
    return Unsigned(
        chain_id=8453,
        sender=sender,
        nonce=7,
        to="0x71C7656EC7ab88b098defB751B7401B5f6d8976F",
        calldata=bytes.fromhex("12345678") + bytes(32),
        value=0,
        gas_limit=210_000,
        fees=Fees(max_fee=42 * 10**9, priority_fee=10**9),
    )


def test_what_is_signed_is_what_was_given_and_nothing_else(keystore: Keystore) -> None:
    given = unsigned()
    signed = keystore.sign(given)

    told = TypedTransaction.from_bytes(HexBytes(signed.raw)).as_dict()
    assert told["type"] == 2
    assert (told["chainId"], told["nonce"], told["value"]) == (8453, 7, 0)
    assert HexBytes(told["to"]) == HexBytes(given.to)
    assert (HexBytes(told["data"]), told["gas"]) == (given.calldata, 210_000)
    assert (told["maxFeePerGas"], told["maxPriorityFeePerGas"]) == (42 * 10**9, 10**9)
    assert list(told["accessList"]) == []
    assert Account.recover_transaction(signed.raw) == OPERATOR.address
    assert signed.tx_hash == f"0x{keccak(signed.raw).hex()}"
    assert keystore.sign(given) == signed


def test_each_file_of_a_folder_is_a_key(keystore: Keystore, tmp_path: Path) -> None:
    assert set(keystore.addresses()) == {OPERATOR.address, OTHER.address}
    alone = Keystore(tmp_path / "keys" / "b.json", tmp_path / "password")
    assert list(alone.addresses()) == [OTHER.address]
    assert Account.recover_transaction(alone.sign(unsigned(OTHER.address)).raw) == OTHER.address


def test_for_a_stranger_nothing_is_signed(keystore: Keystore) -> None:
    with pytest.raises(SigningRefusedError) as refused:
        keystore.sign(unsigned("0x71C7656EC7ab88b098defB751B7401B5f6d8976F"))
    assert refused.value.code == "no_key"


def test_keys_are_decrypted_once(keystore: Keystore, tmp_path: Path) -> None:
    keystore.addresses()
    for file in (tmp_path / "keys").iterdir():
        file.unlink()
    (tmp_path / "password").unlink()
    keystore.sign(unsigned())


@pytest.mark.parametrize(
    "content", ["", "{}", "[]", '"text"', '{"version": 4}', '{"version": 3, "crypto": {}}', "\x00"]
)
def test_a_file_that_is_no_keystore_is_told_of(tmp_path: Path, content: str) -> None:
    (tmp_path / "key.json").write_text(content)
    (tmp_path / "password").write_text(PASSWORD)
    with pytest.raises(KeystoreError):
        Keystore(tmp_path / "key.json", tmp_path / "password").addresses()


def test_without_the_password_there_are_no_keys(tmp_path: Path) -> None:
    write_key(tmp_path / "key.json", OPERATOR)
    (tmp_path / "password").write_text("another")
    with pytest.raises(KeystoreError) as raised:
        Keystore(tmp_path / "key.json", tmp_path / "password").addresses()
    assert "another" not in raised.value.detail.replace("its password is another", "")
    for missing in (tmp_path / "none", tmp_path / "empty"):
        (tmp_path / "empty").mkdir(exist_ok=True)
        with pytest.raises(KeystoreError):
            Keystore(missing, tmp_path / "password").addresses()
    with pytest.raises(KeystoreError):
        Keystore(tmp_path / "key.json", tmp_path / "none").addresses()


def test_what_it_signs_the_chain_takes(chain: TestChain, tmp_path: Path) -> None:
    desk = Desk(chain)
    write_key(tmp_path / "key.json", Account.from_key(chain.operator.key))
    (tmp_path / "password").write_text(PASSWORD)
    terms, operator = desk.terms(), chain.operator.address
    calldata = desk.port.encode_create(terms)
    signed = Keystore(tmp_path / "key.json", tmp_path / "password").sign(
        Unsigned(
            chain_id=chain.chain_id,
            sender=operator,
            nonce=desk.port.nonce(operator),
            to=chain.factory,
            calldata=calldata,
            value=0,
            gas_limit=desk.port.estimate_gas(sender=operator, to=chain.factory, calldata=calldata),
            fees=desk.port.fees(),
        )
    )
    desk.port.broadcast(signed.raw)
    chain.mine()
    receipt = desk.port.receipt(signed.tx_hash)
    assert receipt
    assert receipt.succeeded
    assert desk.port.escrow_state(desk.port.predict_address(terms)).status == "created"
