"""What is agreed between the bank, TrueLayer and us: accounts, credentials, keys, and ids."""

import datetime as dt
import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

BIC = "SRBKDEFFXXX"
HOLDER = "Strongroom Sandbox"


@dataclass(frozen=True)
class BankAccount:
    """An account of ours at the bank; TrueLayer calls it a merchant account."""

    name: str
    id: str
    identifier: str
    currency: str

    @property
    def has_iban(self) -> bool:
        """Whether its identifier is an IBAN, not a bare number."""
        return self.identifier[:2].isalpha()


OUR_ACCOUNTS = (
    BankAccount("main", "8f0c4c1e-0f5e-4f43-9d2b-51a6f7a4e001", "DE09500105178246135709", "EUR"),
    BankAccount("usd", "8f0c4c1e-0f5e-4f43-9d2b-51a6f7a4e002", "7300012345", "USD"),
    BankAccount("gbp", "8f0c4c1e-0f5e-4f43-9d2b-51a6f7a4e003", "GB75SRBK20201555555555", "GBP"),
)


@dataclass(frozen=True)
class Account:
    """Our side of it, and the bank's own key; `now` gives seconds since 1970.

    `signing_public_key` checks what we sign, `webhook_key` (private) signs what the bank tells us.
    """

    client_id: str
    client_secret: str = field(repr=False)
    signing_key_id: str
    signing_public_key: str
    webhook_url: str
    webhook_key: str = field(repr=False)
    now: Callable[[], float]
    accounts: tuple[BankAccount, ...] = OUR_ACCOUNTS

    @property
    def moment(self) -> str:
        """The moment as TrueLayer writes it."""
        return written_time(self.now())

    @property
    def today(self) -> dt.date:
        """The bank's day, in UTC."""
        return dt.datetime.fromtimestamp(self.now(), dt.UTC).date()

    def settings(self, url: str, *, signing_key: str) -> dict[str, str]:
        """Return the environment variables that lead one of our processes to the bank at `url`."""
        return {
            "TRUELAYER_CLIENT_ID": self.client_id,
            "TRUELAYER_CLIENT_SECRET": self.client_secret,
            "TRUELAYER_SIGNING_KEY": signing_key,
            "TRUELAYER_SIGNING_KEY_ID": self.signing_key_id,
            "TRUELAYER_MERCHANT_ACCOUNTS": json.dumps(
                {account.currency: account.id for account in self.accounts}
            ),
            "TRUELAYER_API_URL": url,
            "TRUELAYER_AUTH_URL": url,
            "TRUELAYER_PAGE_URL": url,
            "TRUELAYER_JWKS_URL": f"{url}/.well-known/jwks",
            "BANK_ACCOUNTS": json.dumps(
                {
                    account.name: {"identifier": account.identifier, "currency": account.currency}
                    for account in self.accounts
                }
            ),
        }


def written_time(seconds: float) -> str:
    """A moment as TrueLayer writes it: 2026-11-22T19:00:00.123Z."""
    text = dt.datetime.fromtimestamp(seconds, dt.UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def new_id() -> str:
    """An identifier nobody can guess."""
    return str(uuid.uuid4())


def new_private_key() -> str:
    """A new key that signs with ES512, in PEM."""
    key = ec.generate_private_key(ec.SECP521R1())
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()


def public_key(private_key: str) -> str:
    """The public half of a private key, both in PEM."""
    return (
        read_private_key(private_key)
        .public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        .decode()
    )


def read_private_key(pem: str) -> ec.EllipticCurvePrivateKey:
    """The key in a PEM text.

    Raises:
        ValueError: it is no private key of an elliptic curve.
    """
    key = serialization.load_pem_private_key(pem.encode(), None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ValueError("It has to be a key of an elliptic curve")  # noqa: TRY004 - a wrong value
    return key
