"""Whom alerts are told to, by configuration: a part of the settings."""

from collections.abc import Mapping

from payments.variables import Variables

TARGETS = ("on_call", "finance_lead", "executive", "sre", "support")
MAX_ADDRESSES = 10


def read_alert_targets(reader: Variables, name: str) -> Mapping[str, tuple[str, ...]]:
    """Return the addresses of each target, as apprise writes them; they are secrets.

    An address is a URL such as `mailto://…`, `slack://…` or `json://host/path`.
    """
    if not reader.is_given(name):
        return {}
    told = reader.json_object(name)
    unknown = sorted(set(told) - set(TARGETS))
    if unknown:
        reader.fault(f"{name} names {', '.join(unknown)}; the targets are {', '.join(TARGETS)}")
        return {}
    if not all(_are_addresses(addresses) for addresses in told.values()):
        reader.fault(f'{name} must read {{"on_call": ["mailto://…"], …}}: URLs as apprise has them')
        return {}
    return {target: tuple(addresses) for target, addresses in told.items()}


def _are_addresses(value: object) -> bool:
    return (
        isinstance(value, list)
        and len(value) <= MAX_ADDRESSES
        and all(isinstance(one, str) and "://" in one for one in value)
    )
