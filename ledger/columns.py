"""Turns entries into the columns that `ledger.append_entries` takes, as PostgreSQL array texts.

Texts made here are several times cheaper than lists that the driver converts item by item; at
thirty thousand entries a second that is a tenth of the work.
"""

import json
from collections.abc import Sequence
from functools import lru_cache
from hashlib import sha256
from itertools import chain

from ledger.entries import Entry, check_form, content, utc_text

Columns = tuple[object, ...]


def columns(entries: Sequence[Entry]) -> Columns:
    """Return the ten arguments of `ledger.append_entries` for these entries.

    Raises:
        MalformedEntryError: an entry could not be right in any ledger.
    """
    for entry in entries:
        check_form(entry)
    occurred = [utc_text(entry.occurred_at) for entry in entries]
    digests = [
        sha256(content(entry, at)).hexdigest() for entry, at in zip(entries, occurred, strict=True)
    ]
    lines = list(chain.from_iterable(entry.postings for entry in entries))
    of_entry, of_line = _line_numbers(tuple(len(entry.postings) for entry in entries))
    return (
        _texts([entry.effect_key for entry in entries]),
        '{"\\\\x' + '","\\\\x'.join(digests) + '"}',
        _texts([entry.kind for entry in entries]),
        "{" + ",".join(occurred) + "}",
        _optional([entry.description for entry in entries]),
        _optional([json.dumps(entry.metadata) if entry.metadata else None for entry in entries]),
        of_entry,
        of_line,
        "{" + ",".join([str(account_id) for account_id, _ in lines]) + "}",
        "{" + ",".join([str(amount) for _, amount in lines]) + "}",
    )


@lru_cache(maxsize=64)
def _line_numbers(counts: tuple[int, ...]) -> tuple[str, str]:
    """Return for each line the number of its entry, and its number in the entry."""
    of_entry = [str(n) for n, count in enumerate(counts, 1) for _ in range(count)]
    of_line = [str(line) for count in counts for line in range(1, count + 1)]
    return "{" + ",".join(of_entry) + "}", "{" + ",".join(of_line) + "}"


def _texts(values: list[str]) -> str | list[str]:
    """Quote texts; those with a quote or a backslash are left to the driver."""
    joined = '","'.join(values)
    if "\\" in joined or joined.count('"') != 2 * (len(values) - 1):
        return values
    return '{"' + joined + '"}'


def _optional(values: list[str | None]) -> str | list[str | None]:
    if any(values):
        return values
    return "{" + ",".join(["NULL"] * len(values)) + "}"
