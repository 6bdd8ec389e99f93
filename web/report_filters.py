"""What of a query or body says which part of a report is wanted."""

from collections.abc import Mapping
from typing import Any

from payments.reports.wanted import FIELDS


def filters_of(given: Mapping[str, Any]) -> dict[str, str]:
    """Return a report's filters as text, by the names that callers use."""
    texts = {name.rstrip("_"): value for name, value in given.items()}
    return {name: texts[name] for name in FIELDS if name in texts}
