"""How to read a bank's CSV: which column is what, and how dates and amounts are written."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from payments.errors import InvalidRequestError
from payments.reconciliation.statements.csv_presets import PRESETS

ENCODINGS = ("utf-8", "utf-16", "cp1252", "iso-8859-1", "iso-8859-15")
_LONGEST_MAPPING = 10_000
_COLUMNS = (
    "booked_on",
    "value_on",
    "amount",
    "debit",
    "credit",
    "fee",
    "sign",
    "currency",
    "text",
    "name",
    "account",
    "bank_ref",
    "end_to_end_id",
    "batch_ref",
    "own_account",
    "balance",
    "status",
    "charge",
)
_MOST_TEXTS = 10
_DATE_TOKENS = re.compile(r"YYYY|YY|MM|DD|hh|mm|ss")
_DATE_PATTERNS = {
    "YYYY": r"(?P<year>[0-9]{4})",
    "YY": r"(?P<year>[0-9]{2})",
    "MM": r"(?P<month>[0-9]{1,2})",
    "DD": r"(?P<day>[0-9]{1,2})",
}

Column = str | int
"""A column by its name in the header, or by its number, from 1 on."""


@dataclass(frozen=True, kw_only=True)
class CsvMapping:
    """What `docs/reconciliation.md` describes. `columns` says where each of `_COLUMNS` is.

    Words are compared without case: rows whose status is none of `booked_words` are left out, and
    those whose charge column has one of `charge_words` are the bank's own charges.
    """

    columns: Mapping[str, tuple[Column, ...]]
    delimiter: str = ","
    encoding: str = "utf-8"
    decimal: str = "."
    thousands: str = ""
    date_format: str = "YYYY-MM-DD"
    header: bool = True
    skip_rows: int = 0
    debit_words: tuple[str, ...] = ()
    booked_words: tuple[str, ...] = ()
    charge_words: tuple[str, ...] = ()
    date_pattern: re.Pattern[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "date_pattern", _pattern_of(self.date_format))


def parse_mapping(text: str) -> CsvMapping:
    """Return the mapping that a preset's name or a JSON object gives.

    An object with `preset` begins with that preset and replaces what it names.

    Raises:
        InvalidRequestError: it is neither, or names what there is not; `errors` says what.
    """
    if text in PRESETS:
        return make_mapping(PRESETS[text])
    if len(text) > _LONGEST_MAPPING:
        raise _refuse({"mapping": "It is too long."})
    try:
        told = json.loads(text)
    except (ValueError, RecursionError):
        told = None
    if not isinstance(told, dict):
        raise _refuse({"mapping": f"Give a JSON object, or one of: {', '.join(sorted(PRESETS))}."})
    preset = told.pop("preset", None)
    if preset is not None and (not isinstance(preset, str) or preset not in PRESETS):
        raise _refuse({"mapping.preset": f"Use one of: {', '.join(sorted(PRESETS))}."})
    return make_mapping({**PRESETS.get(preset or "", {}), **told})


def make_mapping(told: Mapping[str, Any]) -> CsvMapping:
    """Return the mapping that is written as `told`.

    Raises:
        InvalidRequestError: names each field that is wrong.
    """
    known = {each.name for each in fields(CsvMapping) if each.init}
    faults = {f"mapping.{name}": "There is no field of this name." for name in told.keys() - known}
    columns = _columns(told.get("columns"), faults)
    rest = {name: value for name, value in told.items() if name in known and name != "columns"}
    for name, value in rest.items():
        fault = _fault_of(name, value)
        if fault:
            faults[f"mapping.{name}"] = fault
    if faults:
        raise _refuse(faults)
    lists = {name: tuple(value) for name, value in rest.items() if name.endswith("_words")}
    mapping = CsvMapping(columns=columns, **{**rest, **lists})
    _check_together(mapping)
    return mapping


def _columns(told: Any, faults: dict[str, str]) -> dict[str, tuple[Column, ...]]:
    found: dict[str, tuple[Column, ...]] = {}
    if not isinstance(told, dict):
        faults["mapping.columns"] = 'Say which column is what: {"amount": "Amount", …}.'
        return found
    for name, value in told.items():
        listed = value if isinstance(value, list) else [value]
        field_name = f"mapping.columns.{name}"
        if name not in _COLUMNS:
            faults[field_name] = f"Use some of: {', '.join(_COLUMNS)}."
        elif len(listed) > (_MOST_TEXTS if name == "text" else 1) or not listed:
            faults[field_name] = "Only the text may be of several columns, ten at most."
        elif not all(map(_is_column, listed)):
            faults[field_name] = "Give a column's name in the header, or its number from 1."
        else:
            found[name] = tuple(listed)
    return found


def _is_column(value: Any) -> bool:
    if isinstance(value, str):
        return bool(value.strip())
    return type(value) is int and 1 <= value <= 1000  # noqa: PLR2004 - more than any table has


def _fault_of(name: str, value: Any) -> str | None:
    if name.endswith("_words"):
        is_list = isinstance(value, list | tuple) and all(isinstance(word, str) for word in value)
        return None if is_list and value else "Give a list of words."
    if name == "header":
        return None if isinstance(value, bool) else "Give true or false."
    if name == "skip_rows":
        is_count = type(value) is int and 0 <= value <= 1000  # noqa: PLR2004 - no bank has more
        return None if is_count else "Give a whole number from 0."
    allowed = {
        "delimiter": (",", ";", "\t", "|"),
        "encoding": ENCODINGS,
        "decimal": (".", ","),
        "thousands": ("", ".", ",", " ", "'"),
    }.get(name)
    if allowed is not None:
        return None if value in allowed else f"Use one of: {', '.join(map(repr, allowed))}."
    if isinstance(value, str) and len(value) <= 30:  # noqa: PLR2004 - no date is longer
        tokens = _DATE_TOKENS.findall(value)
        years = [token for token in tokens if token.startswith("YY")]
        if len(years) == 1 and tokens.count("MM") == 1 and tokens.count("DD") == 1:
            return None
    return "Write it as YYYY-MM-DD, DD.MM.YY or YYYY-MM-DD hh:mm:ss."


def _check_together(mapping: CsvMapping) -> None:
    columns = mapping.columns
    faults: dict[str, str] = {}
    if "booked_on" not in columns:
        faults["mapping.columns.booked_on"] = "Say which column has the booking date."
    if ("amount" in columns) == ("debit" in columns or "credit" in columns):
        faults["mapping.columns.amount"] = "Give either amount, or debit and credit."
    elif ("debit" in columns) != ("credit" in columns):
        faults["mapping.columns.debit"] = "Give both, debit and credit."
    if mapping.decimal == mapping.thousands:
        faults["mapping.thousands"] = "It must differ from the decimal sign."
    for column, words in (("sign", "debit"), ("status", "booked"), ("charge", "charge")):
        if (column in columns) != bool(getattr(mapping, f"{words}_words")):
            faults[f"mapping.{words}_words"] = f"Give it together with the column {column}."
    by_name = [c for named in columns.values() for c in named if isinstance(c, str)]
    if by_name and not mapping.header:
        faults["mapping.header"] = "Without a header, give columns by their numbers."
    if faults:
        raise _refuse(faults)


def _pattern_of(date_format: str) -> re.Pattern[str]:
    pattern = ""
    position = 0
    for token in _DATE_TOKENS.finditer(date_format):
        pattern += re.escape(date_format[position : token.start()])
        pattern += _DATE_PATTERNS.get(token[0], "[0-9]{2}")
        position = token.end()
    return re.compile(pattern + re.escape(date_format[position:]))


def _refuse(faults: Mapping[str, str]) -> InvalidRequestError:
    return InvalidRequestError(
        "The mapping of the CSV file is not valid.",
        errors={name[:100]: [told] for name, told in faults.items()},
    )
