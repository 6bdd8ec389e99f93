"""The text of an API key: `srk_<live|test>_<key id>_<secret>_<checksum>`.

The prefix and the checksum let secret scanners and people recognise a leaked key without asking
us; the checksum proves nothing about validity.
"""

import dataclasses
import datetime as dt
import re
import secrets
import string
import zlib

from payments.identifiers import new_id

SECRET_BYTES = 32
_DIGITS = string.digits + string.ascii_uppercase + string.ascii_lowercase
_SECRET_LENGTH = 43  # base62 digits of 32 bytes
_CHECKSUM_LENGTH = 6  # base62 digits of a CRC-32
_TEXT = re.compile(
    rf"srk_(?P<mode>live|test)_(?P<id>[0-9A-HJKMNP-TV-Z]{{26}})"
    rf"_(?P<secret>[0-9A-Za-z]{{{_SECRET_LENGTH},128}})"
    rf"_(?P<checksum>[0-9A-Za-z]{{{_CHECKSUM_LENGTH}}})"
)


@dataclasses.dataclass(frozen=True, slots=True)
class KeyText:
    """An API key taken apart; `secret` is kept out of its repr."""

    key_id: str
    secret: str = dataclasses.field(repr=False)
    livemode: bool

    def __str__(self) -> str:
        """Return the key as its owner sends it."""
        body = _body(livemode=self.livemode, ulid=self.key_id.removeprefix("key_"))
        body = f"{body}_{self.secret}"
        return f"{body}_{_checksum(body)}"


def make_key_text(*, livemode: bool, now: dt.datetime) -> KeyText:
    """Return a new key with 32 random bytes of secret; nothing is stored."""
    number = int.from_bytes(secrets.token_bytes(SECRET_BYTES), "big")
    return KeyText(
        key_id=new_id("key", now=now), secret=_base62(number, _SECRET_LENGTH), livemode=livemode
    )


def parse_key_text(text: str) -> KeyText | None:
    """Take a key apart; None when it is not one or its checksum says it is mistyped."""
    match = _TEXT.fullmatch(text)
    if match is None or match["checksum"] != _checksum(text.rpartition("_")[0]):
        return None
    return KeyText(
        key_id=f"key_{match['id']}", secret=match["secret"], livemode=match["mode"] == "live"
    )


def _body(*, livemode: bool, ulid: str) -> str:
    return f"srk_{'live' if livemode else 'test'}_{ulid}"


def _checksum(body: str) -> str:
    return _base62(zlib.crc32(body.encode("ascii")), _CHECKSUM_LENGTH)


def _base62(number: int, length: int) -> str:
    digits = []
    for _ in range(length):
        number, digit = divmod(number, len(_DIGITS))
        digits.append(_DIGITS[digit])
    return "".join(reversed(digits))
