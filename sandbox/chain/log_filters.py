"""Which logs a filter of eth_getLogs lets through."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

Log = dict[str, Any]


def find_logs(logs: Iterable[Log], wanted: Mapping[str, Any]) -> Iterator[Log]:
    """Yield the logs of any of the filter's addresses whose topics are as it wants them.

    A topic of the filter may be null (any), one value, or a list of values (any of them).
    """
    addresses = _values(wanted.get("address"))
    topics = [_values(topic) for topic in wanted.get("topics") or ()]
    for log in logs:
        if addresses is not None and log["address"] not in addresses:
            continue
        if len(topics) <= len(log["topics"]) and _fit(log["topics"], topics):
            yield log


def _fit(topics: Sequence[str], wanted: Sequence[frozenset[str] | None]) -> bool:
    return all(
        allowed is None or topic in allowed for topic, allowed in zip(topics, wanted, strict=False)
    )


def _values(wanted: Any) -> frozenset[str] | None:
    """Return what may stand there, in lower case; None is anything."""
    if wanted is None or wanted == []:
        return None
    values = [wanted] if isinstance(wanted, str) else wanted
    return frozenset(value.lower() for value in values)
