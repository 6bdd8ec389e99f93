"""The one Stripe account that is simulated: its keys, its clock and how it makes up identifiers."""

import secrets
import string
from collections.abc import Callable
from dataclasses import dataclass

API_VERSION = "2026-10-28.endive"
_ALPHABET = string.ascii_letters + string.digits


@dataclass(frozen=True)
class Account:
    """Keys and webhook endpoint of the account; `now` gives seconds since 1970."""

    secret_key: str
    publishable_key: str
    webhook_url: str
    webhook_secret: str
    now: Callable[[], float]

    @property
    def created(self) -> int:
        """The moment as Stripe writes it, in whole seconds."""
        return int(self.now())


def new_id(prefix: str, *, length: int = 24) -> str:
    """An identifier such as `pi_3Qx…`."""
    return f"{prefix}_{random_text(length)}"


def random_text(length: int) -> str:
    """Letters and digits nobody can guess."""
    return "".join(_ALPHABET[byte % len(_ALPHABET)] for byte in secrets.token_bytes(length))
