"""Takes secrets and payment data out of anything that is about to be logged.

Card numbers keep their last four digits (PCI DSS 4.0, 3.4.1); our ids, hashes and addresses on a
chain stay, since a log without them explains nothing.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any

REDACTED = "[redacted]"
DEEPEST = 8
LONGEST_TEXT = 16_384
_LONGEST_INPUT = 65_536

_SENSITIVE_NAMES = frozenset(
    """
    authorization proxy_authorization cookie set_cookie stripe_signature tl_signature
    plaid_verification client_secret password passphrase secret token access_token refresh_token
    id_token api_key x_api_key private_key signing_key mnemonic seed_phrase pepper keyset
    card_number cvc cvv iban account_number
    """.split()  # noqa: SIM905 - thirty names read better without quotes
)
_SENSITIVE_ENDINGS = ("_secret", "_secrets", "_password", "_private_key", "_pepper", "_encrypted")

_SECRET_OR_KEPT = re.compile(
    r"""
      (?P<pem>-----BEGIN\ [A-Z0-9 ]+-----.*?(?:-----END\ [A-Z0-9 ]+-----|\Z))
    | (?P<token>eyJ[A-Za-z0-9_-]{5,4096}\.[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]*)*)
    | (?P<client>(?<![0-9A-Za-z])(?:pi|seti|src|cs)_[A-Za-z0-9_]{1,128}?_secret_)[A-Za-z0-9_]+
    | (?P<key>(?<![0-9A-Za-z])(?:sk|rk|pk|srk|whsec)_)[A-Za-z0-9_+/=-]{6,}
    | (?P<bearer>\b[Bb]earer\ +)[A-Za-z0-9._~+/=-]{16,}
    | (?P<user>://[^\s:/@]*:)[^\s/@]+(?=@)
    | (?P<password>\b(?i:password|passwd|pwd)\s*=\s*)[^\s,;&]+
    # What looks like a card number and is not: hashes, addresses, UUIDs, our own ids.
    | (?P<kept>(?<![0-9A-Za-z])(?:
          0x[0-9a-fA-F]{40,64} | [0-9a-f]{32,128}
        | [0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}
        | [a-z]{2,8}_[0-7][0-9A-HJKMNP-TV-Z]{25}
      )(?![0-9A-Za-z]))
    """,
    re.VERBOSE | re.DOTALL,
)
# Most of a log line: no pattern here matches such words, moments and ids of ours, and asking them
# all takes far longer.
_HARMLESS = re.compile(
    r"""
      [a-z./]* | [A-Z]*
    | (?!(?:s?rk|[sp]k|whsec)_)(?:[a-z]+_[a-z]+ | [a-z]{2,8}_[0-7][0-9A-HJKMNP-TV-Z]{25})
    | [0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?Z
    """,
    re.VERBOSE,
)
_DIGIT_RUN = re.compile(r"(?<![0-9])(?<![0-9]\.)[0-9](?:[ -]?[0-9]){12,}")
_DIGIT_GROUP = re.compile(r"[0-9]+")
_IBAN_START = re.compile(
    r"(?<![0-9A-Za-z])(?=("
    r"[A-Z]{2}[0-9]{2}(?:[ ]?[0-9A-Z]){11,30}|[a-z]{2}[0-9]{2}[0-9a-z]{11,30}"
    r"))"
)
_WORD = re.compile(r"[0-9A-Za-z]+")
_FIRST_DIGITS = "23456"
_CARD_LENGTHS = range(13, 20)  # ISO/IEC 7812-1
_SHORTEST_CARD = 10**12
_IBAN_LENGTHS = range(15, 35)  # ISO 13616-1


def redact(value: Any, *, name: str = "") -> Any:
    """Return `value` as plain data without secrets; `name` is the field it was found under."""
    return _redact(value, name=name, depth=0)


def redact_text(text: str) -> str:
    """Return `text` without card numbers, IBANs, keys, tokens and passwords."""
    if _HARMLESS.fullmatch(text) and len(text) <= LONGEST_TEXT:
        return text
    pieces, position = [], 0
    text = text[:_LONGEST_INPUT]
    for match in _SECRET_OR_KEPT.finditer(text):
        pieces.append(_redact_numbers(text[position : match.start()]))
        pieces.append(_replacement(match))
        position = match.end()
    pieces.append(_redact_numbers(text[position:]))
    result = "".join(pieces)
    return result if len(result) <= LONGEST_TEXT else f"{result[:LONGEST_TEXT]}… [cut]"


def holds_card_number(text: str) -> bool:
    """Whether a payment card's number is written in `text`, so that the text must be refused.

    That is 13 to 19 digits that satisfy Luhn's check and begin with 2 to 6, as the card networks'
    do; without the latter one in ten time stamps would be taken for a card.
    """
    plain = _SECRET_OR_KEPT.sub(" . ", text)
    return any(plain[start] in _FIRST_DIGITS for start, _, _ in _card_spans(plain))


@lru_cache(maxsize=1_024)
def is_sensitive_name(name: str) -> bool:
    """Whether a field of this name is never shown, whatever it holds."""
    plain = name.lower().replace("-", "_")
    return plain in _SENSITIVE_NAMES or plain.endswith(_SENSITIVE_ENDINGS)


def _redact(value: Any, *, name: str, depth: int) -> Any:
    if value is None or isinstance(value, bool | float):
        return value
    if is_sensitive_name(name):
        return REDACTED
    if isinstance(value, Mapping | list | tuple | set | frozenset):
        return _redact_inside(value, depth=depth + 1) if depth < DEEPEST else "[too deep]"
    if isinstance(value, int):
        text = redact_text(str(value)) if abs(value) >= _SHORTEST_CARD else str(value)
        return value if text == str(value) else text
    if isinstance(value, bytes | bytearray | memoryview):
        return f"[{len(value)} bytes]"
    return redact_text(str(value))


def _redact_inside(value: Mapping[Any, Any] | Iterable[Any], *, depth: int) -> Any:
    if isinstance(value, Mapping):
        return {
            redact_text(str(key)): _redact(inner, name=str(key), depth=depth)
            for key, inner in value.items()
        }
    return [_redact(inner, name="", depth=depth) for inner in value]


def _replacement(match: re.Match[str]) -> str:
    kind = match.lastgroup or ""
    if kind == "kept":
        return match.group()
    if kind in ("pem", "token"):
        return REDACTED
    return f"{match[kind]}{REDACTED}"


def _redact_numbers(text: str) -> str:
    spans = sorted([*_card_spans(text), *_iban_spans(text)])
    pieces, position = [], 0
    for start, end, shown in spans:
        pieces.append(text[position : max(start, position)])
        if end > position:
            pieces.append(shown)
            position = end
    pieces.append(text[position:])
    return "".join(pieces)


def _card_spans(text: str) -> Iterator[tuple[int, int, str]]:
    """Find card numbers: whole groups of digits, joined by single blanks or hyphens."""
    for run in _DIGIT_RUN.finditer(text):
        groups = [(m.start(), m.end()) for m in _DIGIT_GROUP.finditer(text, run.start(), run.end())]
        for first, (start, _) in enumerate(groups):
            for _, end in groups[first : first + _CARD_LENGTHS.stop]:
                digits = text[start:end].replace(" ", "").replace("-", "")
                if len(digits) >= _CARD_LENGTHS.stop:
                    break
                if len(digits) in _CARD_LENGTHS and _satisfies_luhn(digits):
                    yield start, end, f"[card ending {digits[-4:]}]"


def _satisfies_luhn(digits: str) -> bool:
    """Check a number as in ISO/IEC 7812-1, annex B; no card begins with 0."""
    doubled = [sum(divmod(2 * int(digit), 10)) for digit in digits[-2::-2]]
    plain = [int(digit) for digit in digits[-1::-2]]
    return digits[0] != "0" and (sum(doubled) + sum(plain)) % 10 == 0


def _iban_spans(text: str) -> Iterator[tuple[int, int, str]]:
    for match in _IBAN_START.finditer(text):
        start, limit = match.span(1)
        ends = [word.end() for word in _WORD.finditer(text, start, limit)]
        if _WORD.match(text, limit):
            ends.pop()  # the last word goes on
        for end in reversed(ends):
            compact = text[start:end].replace(" ", "")
            if len(compact) in _IBAN_LENGTHS and _satisfies_mod_97(compact):
                yield start, end, f"[IBAN {compact[:2].upper()}]"
                break


def _satisfies_mod_97(iban: str) -> bool:
    """Check an account number as in ISO 13616-1: letters count from A = 10."""
    rearranged = iban[4:] + iban[:4]
    return int("".join(str(int(character, 36)) for character in rearranged)) % 97 == 1
