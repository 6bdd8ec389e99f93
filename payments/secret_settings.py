"""How old secrets may become, by configuration: a part of the settings."""

from collections.abc import Mapping

from payments.variables import Variables

_KINDS = frozenset(
    {
        *("stripe_webhook", "gocardless_webhook", "jwt_key"),
        *("session_key", "api_key_pepper", "link_key", "api_key"),
    }
)
_LONGEST_D = 3_650


def read_secret_ages(reader: Variables, name: str) -> Mapping[str, int]:
    """Return in how many days a secret is to be rotated, by kind, from the JSON of a variable."""
    if not reader.is_given(name):
        return {}
    told = reader.json_object(name)
    if all(kind in _KINDS and _is_age(days) for kind, days in told.items()):
        return dict(told)
    reader.fault(
        f'{name} must read {{"session_key": 90, …}}: 1 to {_LONGEST_D} days by kind'
        f" ({', '.join(sorted(_KINDS))})"
    )
    return {}


def _is_age(days: object) -> bool:
    return type(days) is int and 1 <= days <= _LONGEST_D
