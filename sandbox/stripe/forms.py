"""Stripe's form encoding (`metadata[order]=7`, `expand[]=a`) read into checked values."""

import re
from collections.abc import Iterable
from typing import Any

from sandbox.stripe.refusals import Refusal, invalid, parameter_missing

_SEGMENT = re.compile(r"\[([^\[\]]*)\]")
_CURRENCY = re.compile(r"[a-z]{3}")
METADATA_KEYS_MAX = 50
METADATA_KEY_LENGTH_MAX = 40
METADATA_VALUE_LENGTH_MAX = 500


def nest(pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Nested dictionaries from bracketed names; `a[]` and `a[0]` both become lists."""
    root: dict[str, Any] = {}
    for name, value in pairs:
        head, _, _ = name.partition("[")
        place: dict[str, Any] = root
        *way, last = [head, *_SEGMENT.findall(name[len(head) :])]
        for segment in way:
            below = place.setdefault(segment or str(len(place)), {})
            if not isinstance(below, dict):
                raise invalid(name, f"Invalid parameter name: {name}")
            place = below
        place[last or str(len(place))] = value
    return {name: _lists(value) for name, value in root.items()}


def _lists(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    if value and all(key.isdigit() for key in value):
        return [_lists(value[key]) for key in sorted(value, key=int)]
    return {key: _lists(below) for key, below in value.items()}


class Parameters:
    """The parameters of one request, each taken once; what nobody took is refused as unknown."""

    def __init__(self, values: dict[str, Any], path: str = "") -> None:
        self._values = dict(values)
        self._path = path

    def _name(self, name: str) -> str:
        return f"{self._path}[{name}]" if self._path else name

    def text(self, name: str, *, choices: tuple[str, ...] = ()) -> str | None:
        """A string, or None where it was left out or empty."""
        value = self._values.pop(name, None)
        if value is None or value == "":
            return None
        if not isinstance(value, str):
            raise invalid(self._name(name), f"Invalid string: {value}")
        if choices and value not in choices:
            allowed = ", ".join(choices)
            raise invalid(self._name(name), f"Invalid {name}: must be one of {allowed}")
        return value

    def integer(self, name: str) -> int | None:
        """A whole number, or None where it was left out."""
        value = self.text(name)
        if value is None:
            return None
        if not re.fullmatch(r"-?[0-9]{1,18}", value):
            raise invalid(
                self._name(name), f"Invalid integer: {value}", code="parameter_invalid_integer"
            )
        return int(value)

    def flag(self, name: str) -> bool | None:
        """`true` or `false`, or None where it was left out."""
        value = self.text(name, choices=("true", "false"))
        return None if value is None else value == "true"

    def texts(self, name: str) -> list[str]:
        """A list of strings, empty where it was left out."""
        value = self._values.pop(name, [])
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            raise invalid(self._name(name), f"Invalid array: {name}")
        return value

    def group_or_text(self, name: str) -> "Parameters | str | None":
        """A nested group or a string, whichever was sent."""
        return self.text(name) if isinstance(self._values.get(name), str) else self.group(name)

    def group(self, name: str) -> "Parameters | None":
        """A nested group of parameters, or None where it was left out."""
        value = self._values.pop(name, None)
        if value is None or value == "":
            return None
        if not isinstance(value, dict):
            raise invalid(self._name(name), f"Invalid object: {name}")
        return Parameters(value, self._name(name))

    def groups(self, name: str) -> "list[Parameters]":
        """A list of nested groups, empty where it was left out."""
        values = self._values.pop(name, [])
        if not isinstance(values, list) or not all(isinstance(one, dict) for one in values):
            raise invalid(self._name(name), f"Invalid array: {name}")
        path = self._name(name)
        return [Parameters(one, f"{path}[{index}]") for index, one in enumerate(values)]

    def part(self, *names: str) -> "Parameters":
        """Some of the parameters, taken out, for another use case to read."""
        taken = {name: self._values.pop(name) for name in names if name in self._values}
        return Parameters(taken, self._path)

    def metadata(self) -> dict[str, str]:
        """The metadata, within Stripe's limits on count and length."""
        value = self._values.pop("metadata", None) or {}
        if not isinstance(value, dict) or len(value) > METADATA_KEYS_MAX:
            raise invalid("metadata", f"metadata can have up to {METADATA_KEYS_MAX} keys")
        for key, text in value.items():
            if not isinstance(text, str) or len(text) > METADATA_VALUE_LENGTH_MAX:
                raise invalid(f"metadata[{key}]", "Metadata values can have up to 500 characters")
            if len(key) > METADATA_KEY_LENGTH_MAX:
                raise invalid(f"metadata[{key}]", "Metadata keys can have up to 40 characters")
        return {key: text for key, text in value.items() if text}

    def refuse_rest(self) -> None:
        """Refuse what no use case asked for, as Stripe does."""
        if self._values:
            name = self._name(next(iter(self._values)))
            raise Refusal(
                400, f"Received unknown parameter: {name}", code="parameter_unknown", param=name
            )


def required_amount(parameters: Parameters) -> int:
    """The amount in minor units; required."""
    amount = parameters.integer("amount")
    if amount is None:
        raise parameter_missing("amount")
    return amount


def required_currency(parameters: Parameters) -> str:
    """The three-letter currency in lower case; required."""
    currency = (parameters.text("currency") or "").lower()
    if not currency:
        raise parameter_missing("currency")
    if not _CURRENCY.fullmatch(currency):
        raise invalid("currency", f"Invalid currency: {currency}")
    return currency
