"""Every account of ours has a name in beancount that is valid, and that no other has."""

import re

import pytest
from beancount.core import account
from hypothesis import given
from hypothesis import strategies as st

from payments.reports.formats.beancount_names import beancount_name

PART = r"[A-Za-z0-9_.-]{1,6}"
PATHS = st.from_regex(rf"(assets|income)(:{PART}){{1,3}}", fullmatch=True)
# What looks like the numbers that characters are written as, where clashes would be.
TRICKY = st.lists(
    st.sampled_from(["2", "5", "F", "D", "E", "B", "-", "_", ".", "a", "0-2B", "-2D"])
)


def path_of(name: str) -> str:
    """Read a name back: that this can be done at all is why no two paths share one."""
    return ":".join(map(_part_of, name.split(":")))


def _part_of(part: str) -> str:
    is_whole = part.startswith("0-2B")
    text = part.removeprefix("0-2B")
    found = re.sub("-(2B|2D|2E|5F)", lambda code: chr(int(code[1], 16)), text)
    return found if is_whole or not part[0].isupper() else found[0].lower() + found[1:]


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("assets:bank:main", "Assets:Bank:Main"),
        ("income:platform-fees", "Income:Platform-fees"),
        ("liabilities:escrow:ord_01K9", "Liabilities:Escrow:Ord-5F01K9"),
        ("assets:chain:8453:0xAb", "Assets:Chain:8453:0xAb"),
        ("expenses:Bank.fees", "Expenses:0-2BBank-2Efees"),
        ("assets:a-5F", "Assets:A-2D5F"),
    ],
)
def test_names_are_what_one_would_write(path: str, name: str) -> None:
    assert beancount_name(path) == name


@given(PATHS)
def test_a_name_is_valid_and_leads_back(path: str) -> None:
    assert account.is_valid(beancount_name(path))
    assert path_of(beancount_name(path)) == path


@given(TRICKY)
def test_what_looks_like_a_number_leads_back_too(pieces: list[str]) -> None:
    path = f"assets:{''.join(pieces) or 'x'}"
    assert account.is_valid(beancount_name(path))
    assert path_of(beancount_name(path)) == path
