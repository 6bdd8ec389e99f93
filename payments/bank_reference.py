"""The reference a bank transfer quotes: made, checked, and found again in what banks make of it.

`SR`, ten random characters of Crockford's base 32 (no I, L, O, U) and two check digits: fourteen
characters, where the UK's Faster Payments allow eighteen. What people and banks do to it on the
way (spaces, dashes, line breaks, small letters, O for 0, lost zeros) is undone by its *key*.
"""

import re
import secrets

PREFIX = "SR"
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_VALUES = {character: value for value, character in enumerate(_ALPHABET)}
_BODY_LENGTH = 10
_LENGTH = len(PREFIX) + _BODY_LENGTH + 2
# One reference in 33 million begins with more zeros than these.
_MOST_LOST_ZEROS = 4
_READ_AS = str.maketrans({"O": "0", "I": "1", "L": "1"})
_SEPARATORS = re.compile(r"[^0-9A-Z]+")
# Where MT940 breaks a text, `?21` stands between the two halves.
_MT940_SUBFIELD = re.compile(r"\?[2-6][0-9]")
_WHITE_SPACE_OR_PLUS = re.compile(r"[\s+/:;,]+")

# What SEPA has banks write where a payer gave no end-to-end id.
NOT_PROVIDED = "NOTPROVIDED"
# Limits of what is looked at and returned for a line, however long it is.
MOST_TEXT = 20_000
MOST_KEYS = 100
MOST_NEAR_MISSES = 20
MENDED = "~"


def new_reference() -> str:
    """Return a new random reference with its check digits: 50 bits, not a secret."""
    return with_check_digits("".join(secrets.choice(_ALPHABET) for _ in range(_BODY_LENGTH)))


def with_check_digits(body: str) -> str:
    """Return the whole reference for a body of ten characters of Crockford's base 32.

    Raises ValueError if it is not that.
    """
    remainder = _remainder(body)
    if len(body) != _BODY_LENGTH or remainder is None:
        msg = f"a reference's body is {_BODY_LENGTH} characters of base 32"
        raise ValueError(msg)
    return f"{PREFIX}{body}{98 - remainder:02}"


def normalise(text: str) -> str:
    """Return the letters and digits of `text` alone, capital, O read as 0 and I and L as 1."""
    return _SEPARATORS.sub("", text.upper().translate(_READ_AS))


def is_valid(reference: str) -> bool:
    """Say whether this is a whole reference with the right check digits, once normalised.

    No single wrong character and no two swapped ones pass: see `_remainder`.
    """
    folded = normalise(reference)
    return len(folded) == _LENGTH and is_key(folded)


def reference_key(reference: str) -> str:
    """Return what all spellings of a reference have in common; two references never share one.

    Normalised, without the zeros after the prefix; the check digits stay. What is not a reference
    of ours is normalised only.
    """
    folded = normalise(reference)
    return PREFIX + folded[2:].lstrip("0") if folded.startswith(PREFIX) else folded


def is_key(key: str) -> bool:
    """Say whether a key's check digits are right, whatever zeros it has lost."""
    body, check = key[2:-2], key[-2:]
    if not (key.startswith(PREFIX) and len(body) <= _BODY_LENGTH and _is_digits(check)):
        return False
    remainder = _remainder(body)
    return remainder is not None and 98 - remainder == int(check)


def reference_of(key: str) -> str:
    """Return the reference as it was given out, its zeros put back, from its key."""
    return PREFIX + key[2:].rjust(_LENGTH - len(PREFIX), "0")


def extract_keys(*texts: str | None) -> list[str]:
    """Return the keys of all that may be a reference of ours in a line's texts, likeliest first.

    First those with the right check digits; for each that is not literally there, as it was given
    out, the same again with `~` before it, so that a match can say so. Then near misses: what
    looks like a reference with one wrong, missing, added or swapped character. Texts are read one
    after the other as banks chunk them, so a reference may go on in the next. The time grows with
    the length of the texts, of which `MOST_TEXT` characters are read; at most `MOST_KEYS` keys,
    as many marks and `MOST_NEAR_MISSES` near misses are returned.
    """
    given = "\n".join(text for text in texts if text and text != NOT_PROVIDED)[:MOST_TEXT]
    joined = _MT940_SUBFIELD.sub("\n", given).upper()
    stream = normalise(joined)
    words = set(_SEPARATORS.split(joined))
    keys: dict[str, None] = {}
    near: dict[str, None] = {}
    start = stream.find(PREFIX)
    while start >= 0 and len(keys) < MOST_KEYS:
        window = stream[start : start + _LENGTH + 1]
        whole = window[:_LENGTH]
        if whole in words and is_valid(whole):
            keys[reference_key(whole)] = None
        else:
            keys.update(dict.fromkeys(_keys_at(window)))
            near.update(dict.fromkeys(_near_misses_at(window)))
        start = stream.find(PREFIX, start + 1)
    for token in _tokens_with_wrong_prefix(joined):
        near.setdefault(token)
    mended = [MENDED + key for key in keys if reference_of(key) not in given]
    others = [key for key in near if key not in keys]
    return [*list(keys)[:MOST_KEYS], *mended[:MOST_KEYS], *others[:MOST_NEAR_MISSES]]


def _remainder(body: str) -> int | None:
    """Return the remainder by 97 that ISO 7064's mod 97-10 checks, or None if not of base 32.

    Each character counts as two digits, 00 to 31. With IBAN's one or two digits a digit mistaken
    for a letter shifts all before it and may pass; so it cannot, since 97 is a prime that divides
    neither a difference of two characters nor, within 48 places, of two powers of 100.
    """
    total = 0
    for character in body:
        value = _VALUES.get(character)
        if value is None:
            return None
        total = total * 100 + value
    return total * 100 % 97


def _is_digits(text: str) -> bool:
    return len(text) == 2 and text.isascii() and text.isdigit()  # noqa: PLR2004 - check digits


def _keys_at(window: str) -> list[str]:
    """Keys with the right check digits that begin here: whole, or with zeros lost."""
    shortest = _LENGTH - _MOST_LOST_ZEROS
    found = (window[:end] for end in range(min(_LENGTH, len(window)), shortest - 1, -1))
    return [reference_key(text) for text in found if is_key(text)]


def _near_misses_at(window: str) -> list[str]:
    """What begins here and is as long as a reference, give or take one character."""
    lengths = (_LENGTH, _LENGTH - 1, _LENGTH + 1)
    found = (window[:length] for length in lengths if length <= len(window))
    return [reference_key(text) for text in found if _ends_like_check_digits(text)]


def _tokens_with_wrong_prefix(text: str) -> list[str]:
    """Words as long as a reference whose prefix has the one mistake."""
    words = (normalise(word) for word in _WHITE_SPACE_OR_PLUS.split(text))
    return [
        word
        for word in words
        if abs(len(word) - _LENGTH) <= 1
        and not word.startswith(PREFIX)
        and (word[0] in PREFIX or word[1] == PREFIX[1])
        and _ends_like_check_digits(word)
    ]


def _ends_like_check_digits(text: str) -> bool:
    return text[-1].isdigit() or text[-2].isdigit()
