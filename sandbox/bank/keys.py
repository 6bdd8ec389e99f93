"""The bank's keys: one signs webhooks now, and those of a while ago are still published."""

import base64
import hashlib
from typing import Any

from sandbox.bank.account import Account, new_private_key, read_private_key
from sandbox.simulated.store import Transaction

_KNOB = "keys"
_COORDINATE_BYTES = 66


def signing_key(transaction: Transaction, account: Account) -> tuple[str, str]:
    """The id and the private PEM of the key that signs now."""
    newest = _keys(transaction, account)[-1]
    return key_id(newest), newest


def published(transaction: Transaction, account: Account) -> dict[str, Any]:
    """Every key that is valid, as a JSON Web Key Set."""
    return {"keys": [_written(pem) for pem in _keys(transaction, account)]}


def rotate(transaction: Transaction, account: Account, *, keep_old: bool) -> str:
    """Sign with a new key from now on and return its id; the old ones stay published, or not."""
    kept = _keys(transaction, account) if keep_old else []
    fresh = new_private_key()
    transaction.set_knob(_KNOB, [*kept, fresh])
    return key_id(fresh)


def key_id(pem: str) -> str:
    """The id of a key, made of its public half."""
    key = _written(pem, with_id=False)
    digest = hashlib.sha256(f"{key['x']}.{key['y']}".encode()).hexdigest()
    return f"{digest[:8]}-{digest[8:12]}-{digest[12:16]}-{digest[16:20]}-{digest[20:32]}"


def _keys(transaction: Transaction, account: Account) -> list[str]:
    keys: list[str] = transaction.knob(_KNOB, [account.webhook_key])
    return keys


def _written(pem: str, *, with_id: bool = True) -> dict[str, str]:
    numbers = read_private_key(pem).public_key().public_numbers()
    key = {"kty": "EC", "alg": "ES512", "crv": "P-521", "use": "sig"}
    key |= {"x": _coordinate(numbers.x), "y": _coordinate(numbers.y)}
    return {**key, "kid": key_id(pem)} if with_id else key


def _coordinate(number: int) -> str:
    """A coordinate as RFC 7518 writes it: all bytes of the field, base64url, no padding."""
    return base64.urlsafe_b64encode(number.to_bytes(_COORDINATE_BYTES)).decode().rstrip("=")
