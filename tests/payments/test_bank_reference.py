"""Bank references: what a typing mistake does to them, and finding them in a bank's text."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payments.bank_reference import (
    MENDED,
    MOST_KEYS,
    MOST_NEAR_MISSES,
    extract_keys,
    is_key,
    is_valid,
    new_reference,
    normalise,
    reference_key,
    reference_of,
    with_check_digits,
)

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
bodies = st.text(ALPHABET, min_size=10, max_size=10)
references = bodies.map(with_check_digits)
# The most zeros a reference may lose and still be found: see the module.
findable = references.filter(lambda reference: not reference.startswith("SR00000"))
# Words that hold no beginning of a reference, and whose end none can be completed with.
words = st.lists(st.sampled_from(["Invoice", "THANK YOU", "no.", "Mrs Fay", "2026-11-22", "&"]))


def test_a_new_reference_is_whole_and_random() -> None:
    made = {new_reference() for _ in range(1_000)}
    assert len(made) == 1_000
    for reference in made:
        assert re.fullmatch(r"SR[0-9A-HJKMNP-TV-Z]{10}[0-9]{2}", reference)
        assert is_valid(reference)


def test_a_worked_example() -> None:
    # As two digits each: 00 01 02 03 04 05 06 07 08 09, then 00 for the check; modulo 97 that is 1.
    remainder = int("00010203040506070809" + "00") % 97
    assert with_check_digits("0123456789") == f"SR0123456789{98 - remainder:02}"


@pytest.mark.parametrize("body", ["", "012345678", "01234567890", "012345678U", "abcdefghjk"])
def test_what_is_no_body_is_refused(body: str) -> None:
    with pytest.raises(ValueError, match="10 characters of base 32"):
        with_check_digits(body)


@given(references, st.integers(0, 13), st.sampled_from("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"))
def test_one_wrong_character_never_passes(reference: str, at: int, wrong: str) -> None:
    typed = reference[:at] + wrong + reference[at + 1 :]
    assert is_valid(typed) == (normalise(typed) == reference)


@given(references, st.integers(0, 12))
def test_two_swapped_characters_never_pass(reference: str, at: int) -> None:
    typed = reference[:at] + reference[at + 1] + reference[at] + reference[at + 2 :]
    assert is_valid(typed) == (typed == reference)


@pytest.mark.parametrize("text", ["", "SR", "SR1", "SR98", "0" * 14, "SR" + "U" * 12, "ZZ" * 7])
def test_what_is_no_reference_is_not_valid(text: str) -> None:
    assert not is_valid(text)


@given(references)
def test_a_key_leads_back_to_its_reference(reference: str) -> None:
    key = reference_key(reference)
    assert is_key(key)
    assert reference_of(key) == reference
    assert reference_key(key) == key


@given(references, references)
def test_two_references_have_two_keys(one: str, other: str) -> None:
    assert (reference_key(one) == reference_key(other)) == (one == other)


def test_what_is_not_ours_is_only_normalised() -> None:
    assert reference_key("po_1 Lo") == "P0110"


@given(references, words, words)
def test_found_as_it_was_given_out(reference: str, before: list[str], after: list[str]) -> None:
    found = extract_keys(" ".join([*before, reference, *after]))
    assert found[0] == reference_key(reference)
    assert MENDED + found[0] not in found


SEPARATORS = ["", " ", "  ", "-", ".", "\n", "\r\n", "/", " - ", "?21"]


@given(findable, st.data(), words, words)
def test_found_however_it_is_mangled(
    reference: str, data: st.DataObject, before: list[str], after: list[str]
) -> None:
    body = reference[2:]
    zeros = len(body) - len(body.lstrip("0"))
    kept = body[data.draw(st.integers(0, zeros)) :]
    misread = {"0": "0Oo", "1": "1IiLl"}
    mangled = "".join(
        data.draw(st.sampled_from(misread.get(character, character + character.lower())))
        + data.draw(st.sampled_from(SEPARATORS))
        for character in "SR" + kept
    )
    found = extract_keys(" ".join([*before, mangled, *after]))
    assert reference_key(reference) in found
    literal = reference in mangled
    assert (MENDED + reference_key(reference) in found) == (not literal)


@given(references, st.integers(1, 13))
def test_found_where_the_next_text_goes_on(reference: str, at: int) -> None:
    assert reference_key(reference) in extract_keys(None, reference[:at], reference[at:], "")


@given(st.lists(references, min_size=2, max_size=9))
def test_all_references_of_a_line_are_found(several: list[str]) -> None:
    found = extract_keys("SVWZ+" + "/".join(several))
    assert {reference_key(reference) for reference in several} <= set(found)


@given(references, st.integers(0, 13), st.sampled_from(ALPHABET))
def test_a_wrong_character_is_a_near_miss(reference: str, at: int, wrong: str) -> None:
    typed = reference[:at] + wrong + reference[at + 1 :]
    assert _near(typed) in extract_keys(f"Invoice {typed} thank you")


@given(findable, st.integers(2, 13))
def test_a_missing_character_is_a_near_miss(reference: str, at: int) -> None:
    typed = reference[:at] + reference[at + 1 :]
    assert _near(typed) in extract_keys(f"Invoice {typed} thank you")


@given(references, st.integers(2, 13), st.sampled_from(ALPHABET))
def test_an_added_character_is_a_near_miss(reference: str, at: int, added: str) -> None:
    typed = reference[:at] + added + reference[at:]
    assert {_near(typed), reference_key(reference)} & set(extract_keys(f"for {typed} thank you"))


@given(references, st.integers(0, 12))
def test_swapped_characters_are_a_near_miss(reference: str, at: int) -> None:
    typed = reference[:at] + reference[at + 1] + reference[at] + reference[at + 2 :]
    assert _near(typed) in extract_keys(f"Invoice {typed} thank you")


def _near(typed: str) -> str:
    """A near miss as it is returned: without the zeros after the prefix, if it has one."""
    return reference_key(typed)


@given(references.filter(lambda reference: reference.count("SR") == 1))
def test_with_a_whole_reference_there_are_no_near_misses(reference: str) -> None:
    assert extract_keys(reference + " 12 34") == [reference_key(reference)]


def test_ordinary_text_has_no_keys() -> None:
    text = "NOTPROVIDED CREDIT TRANSFER CLASSROOM RENT MARCH, Mrs Smith, DE02120300000000202051"
    assert extract_keys(text, "NOTPROVIDED", None) == []


@pytest.mark.parametrize(
    "text",
    ["SR" * 100_000, "SR1" * 50_000, "SR12345678" * 50_000, "S1 " * 100_000, "S" * 10**6],
)
def test_hostile_text_is_bounded(text: str) -> None:
    assert len(extract_keys(text)) <= 2 * MOST_KEYS + MOST_NEAR_MISSES


def test_more_references_than_a_line_may_have_are_cut() -> None:
    several = [with_check_digits(f"X{number:09}") for number in range(500)]
    found = extract_keys(" ".join(several))
    assert len(found) <= 2 * MOST_KEYS + MOST_NEAR_MISSES
    assert set(several[: MOST_KEYS // 2]) <= set(found)


@given(st.lists(st.text()))
def test_any_text_is_taken(texts: list[str]) -> None:
    extract_keys(*texts)


def test_where_the_payer_gave_no_id_nothing_is_read_into_it() -> None:
    assert extract_keys("TO SRV 8", "NOTPROVIDED") == []
