"""Private keys from encrypted keystore files (Web3 Secret Storage, version 3): they only sign.

What may be signed is decided by whoever holds this, with the database at hand.
https://ethereum.org/en/developers/docs/data-structures-and-encoding/web3-secret-storage/
"""

import json
import threading
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_typing import HexStr

from payments.providers.chain_errors import KeystoreError, SigningRefusedError
from payments.providers.chain_port import Signed, Unsigned
from payments.providers.evm.addresses import checksum

_FILE_SIZE_MAX = 100_000


class Keystore:
    """The keys of a keystore file, or of all files in a folder; they share one password.

    Opened on first use, once, which takes a second or more of each: who stole a file should try
    few passwords. Threads may share one.
    """

    def __init__(self, path: Path, password_file: Path) -> None:
        """Nothing is read yet."""
        self._path = path
        self._password_file = password_file
        self._opened: Mapping[str, LocalAccount] | None = None
        self._lock = threading.Lock()

    def addresses(self) -> Collection[str]:
        """Return whose keys there are.

        Raises:
            KeystoreError: they cannot be read, or the password is another.
        """
        return tuple(self._accounts())

    def sign(self, unsigned: Unsigned) -> Signed:
        """Sign a transaction (EIP-1559) as it is; the same one always gives the same bytes.

        Raises:
            SigningRefusedError: there is no key of its sender (`no_key`).
            KeystoreError: the keys cannot be read.
        """
        account = self._accounts().get(checksum(unsigned.sender))
        if account is None:
            detail = f"There is no key of {unsigned.sender} here."
            raise SigningRefusedError(detail, code="no_key")
        signed = account.sign_transaction(
            {
                "type": 2,
                "chainId": unsigned.chain_id,
                "nonce": unsigned.nonce,
                "to": HexStr(checksum(unsigned.to)),
                "data": unsigned.calldata,
                "value": unsigned.value,
                "gas": unsigned.gas_limit,
                "maxFeePerGas": unsigned.fees.max_fee,
                "maxPriorityFeePerGas": unsigned.fees.priority_fee,
            }
        )
        return Signed(bytes(signed.raw_transaction), f"0x{bytes(signed.hash).hex()}")

    def _accounts(self) -> Mapping[str, LocalAccount]:
        with self._lock:
            if self._opened is None:
                self._opened = {account.address: account for account in self._open()}
            return self._opened

    def _open(self) -> Iterator[LocalAccount]:
        try:
            password = self._password_file.read_text(encoding="utf-8").rstrip("\r\n")
            files = sorted(self._path.iterdir()) if self._path.is_dir() else [self._path]
            if not files:
                raise KeystoreError(f"There is no keystore file in {self._path.name}.")
            for file in files:
                yield _opened(file, password)
        except (OSError, UnicodeDecodeError) as error:
            detail = f"The keystore or its password cannot be read: {type(error).__name__}."
            raise KeystoreError(detail) from None


def _opened(file: Path, password: str) -> LocalAccount:
    """Decrypt one file; what goes wrong says nothing of what is in it."""
    if file.stat().st_size > _FILE_SIZE_MAX:
        raise KeystoreError(f"{file.name} is no keystore.")
    try:
        account: LocalAccount = Account.from_key(
            Account.decrypt(json.loads(file.read_text()), password)
        )
    except (ValueError, KeyError, TypeError, AttributeError, NotImplementedError):
        detail = f"{file.name} is no keystore of version 3, or its password is another."
        raise KeystoreError(detail) from None
    return account
