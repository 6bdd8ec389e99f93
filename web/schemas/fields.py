"""Fields that several schemas share: amounts, ids, text, moments, and strict objects."""

import datetime as dt
import re
import unicodedata
from decimal import Decimal
from typing import Any

from marshmallow import RAISE, Schema, fields, validate

from payments.lifecycle.view import rfc_3339
from payments.privacy.redaction import holds_card_number
from web.header_text import read_header_text

MAX_AMOUNT_DIGITS = 78
MAX_LIST = 100
DEFAULT_LIST = 20
AMOUNT_PATTERN = rf"[0-9]{{1,{MAX_AMOUNT_DIGITS}}}"
ID_PATTERN = "[a-z]{2,8}_[0-9A-Za-z]{1,64}"
RATE_PATTERN = r"[0-9]{1,3}(\.[0-9]{1,3}0*)?"
_AMOUNT = re.compile(AMOUNT_PATTERN)
_ID = re.compile(ID_PATTERN)
_RATE = re.compile(RATE_PATTERN)


class StrictSchema(Schema):
    """An object that may hold no other fields than the ones named."""

    error_messages = {"unknown": "There is no field of this name."}  # noqa: RUF012 - marshmallow's hook

    class Meta:
        """Unknown fields are refused."""

        unknown = RAISE


class AmountField(fields.Field[int]):
    """Minor units: digits as a string or a JSON integer in, always a string of digits out."""

    default_error_messages = {  # noqa: RUF012 - marshmallow's hook
        "invalid": 'Use a whole number of minor units, such as 12500 or "12500".',
    }

    def _serialize(self, value: int | None, *_args: Any, **_kwargs: Any) -> str | None:
        return None if value is None else str(value)

    def _deserialize(self, value: Any, *_args: Any, **_kwargs: Any) -> int:
        if isinstance(value, int) and not isinstance(value, bool):
            value = str(value)
        if not isinstance(value, str) or not _AMOUNT.fullmatch(value):
            raise self.make_error("invalid")
        return int(value)


class SignedAmountField(AmountField):
    """Minor units that may be below zero: digits after a minus, or a JSON integer."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> int:
        text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
        is_below = isinstance(text, str) and text.startswith("-")
        amount = super()._deserialize(text[1:] if is_below else text, *args, **kwargs)
        return -amount if is_below else amount


class ShownAmountField(AmountField):
    """Minor units in answers: always a string of digits, after a minus when below zero."""


class CountField(fields.Field[int]):
    """A JSON integer; 1.0, true and "1" are none."""

    default_error_messages = {"invalid": "Use a whole number."}  # noqa: RUF012 - marshmallow's hook

    def _deserialize(self, value: Any, *_args: Any, **_kwargs: Any) -> int:
        if type(value) is not int:
            raise self.make_error("invalid")
        return value


class RateField(fields.Field[Decimal]):
    """A percentage with up to three decimals: `"19"`, `7.7` in, a string out; never a float."""

    default_error_messages = {  # noqa: RUF012 - marshmallow's hook
        "invalid": 'Use percent with at most three decimals, such as "19" or "7.7".',
    }

    def _serialize(self, value: Decimal | None, *_args: Any, **_kwargs: Any) -> str | None:
        return None if value is None else f"{value:f}"

    def _deserialize(self, value: Any, *_args: Any, **_kwargs: Any) -> Decimal:
        if isinstance(value, bool) or not isinstance(value, int | Decimal | str):
            raise self.make_error("invalid")
        if not _RATE.fullmatch(str(value)):
            raise self.make_error("invalid")
        return Decimal(value)


class MomentField(fields.Field[dt.datetime]):
    """A moment in answers: RFC 3339 in UTC, as `2026-11-22T12:00:00Z`."""

    def _serialize(self, value: dt.datetime | None, *_args: Any, **_kwargs: Any) -> str | None:
        return None if value is None else rfc_3339(value)


class TextField(fields.String):
    """Text for people: no control characters, no card numbers, at most `longest` characters."""

    default_error_messages = {  # noqa: RUF012 - marshmallow's hook
        "characters": "Use printable characters only.",
        "card": "This looks like a card number; card data must never be sent to us.",
    }

    def __init__(self, *, longest: int = 500, lines: bool = False, **kwargs: Any) -> None:
        super().__init__(validate=validate.Length(1, longest), **kwargs)
        self._allowed = "\n\r" if lines else ""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> str:
        text = super()._deserialize(value, *args, **kwargs)
        assert text is not None  # noqa: S101 - None is dealt with by marshmallow before
        unprintable = {"Cc", "Cs", "Cn", "Co"}
        if any(unicodedata.category(c) in unprintable and c not in self._allowed for c in text):
            raise self.make_error("characters")
        if holds_card_number(text):
            raise self.make_error("card")
        return text


class HeaderTextField(fields.String):
    """Text in a header: as it came, or after `UTF-8''` percent-encoded, as RFC 8187 has it."""

    default_error_messages = {  # noqa: RUF012 - marshmallow's hook
        "encoded": "Use plain ASCII, or UTF-8'' and then percent-encoded UTF-8 (RFC 8187).",
    }

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> str:
        text = super()._deserialize(value, *args, **kwargs)
        try:
            return read_header_text(text or "")
        except ValueError as error:
            raise self.make_error("encoded") from error


class IdField(fields.String):
    """An id such as `ord_01K9…`; whether it exists is the use case's question."""

    default_error_messages = {"id": "This is not an id of ours."}  # noqa: RUF012 - marshmallow's hook

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> str:
        text = super()._deserialize(value, *args, **kwargs)
        if text is None or not _ID.fullmatch(text):
            raise self.make_error("id")
        return text


def reference_field() -> fields.String:
    """Return the field for the caller's reference; it may come as a header instead."""
    return fields.String(
        metadata={
            "description": "Chosen by the caller, the same for every retry; or the"
            " Idempotency-Key header. 1 to 255 visible ASCII characters.",
        }
    )


class PageQuery(StrictSchema):
    """Which part of a list is wanted."""

    limit = fields.Integer(load_default=DEFAULT_LIST, validate=validate.Range(1, MAX_LIST))
    after = IdField(metadata={"description": "The `next` of the page before."})
