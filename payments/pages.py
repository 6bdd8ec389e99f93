"""Lists are given a page at a time; each page says where the one after it begins."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar


class _Listed(Protocol):
    @property
    def id(self) -> str: ...


_Row = TypeVar("_Row")
_ListedRow = TypeVar("_ListedRow", bound=_Listed)


@dataclass(frozen=True)
class Page(Generic[_Row]):
    """Some rows of a list; `next` is the cursor of the page after, None on the last."""

    data: Sequence[_Row]
    next: str | None


def page_of(rows: Sequence[_ListedRow], *, limit: int) -> Page[_ListedRow]:
    """Return the first `limit` rows as a page; the id of its last row is the cursor.

    That there is one row more says that there is a page after: read `limit + 1`.
    """
    return Page(rows[:limit], rows[limit - 1].id if len(rows) > limit else None)
