"""Secrets that nobody may ever find again: sent in everywhere, looked for in all that was written.

Each holds a mark that only it has. Put together here, so that no scanner takes them for leaks.
"""

import secrets
from collections.abc import Mapping

_HEX = "4eC39HqLyjWDarjtT1zdp7dc"


def _luhn(digits: str) -> str:
    doubled = [sum(divmod(2 * int(digit), 10)) for digit in digits[::-2]]
    return digits + str(-(sum(doubled) + sum(int(digit) for digit in digits[-2::-2])) % 10)


def _iban(country: str, account: str) -> str:
    number = int("".join(str(int(letter, 36)) for letter in f"{account}{country}00"))
    return f"{country}{98 - number % 97:02}{account}"


def _card(start: str, length: int) -> str:
    missing = length - len(start) - 1
    return _luhn(start + str(secrets.randbelow(10**missing)).zfill(missing))


def _fours(text: str, between: str) -> str:
    return between.join(text[at : at + 4] for at in range(0, len(text), 4))


def make_canaries() -> Mapping[str, tuple[str, str]]:
    """Return by name how a secret is written, and the mark to look for."""

    def word() -> str:
        return _HEX + secrets.token_hex(6)

    visa, master, amex = _card("4", 16), _card("53", 16), _card("37", 15)
    long = _card("6", 19)
    german, british = (
        _iban("DE", str(secrets.randbelow(10**18)).zfill(18)),
        _iban("GB", "NWBK" + str(secrets.randbelow(10**14)).zfill(14)),
    )
    names = {
        "secret key": "sk_live_{}",
        "restricted key": "rk_live_{}",
        "test key": "sk_test_{}",
        "webhook secret": "whsec_{}",
        "API key": "srk_live_01KAX0000000000000000000000_{}_0abcDE",
        "client secret": "pi_3Nabc_secret_{}",
        "token": "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJwdHlfMSJ9.{}",
        "bearer": "Bearer {}",
        "password": "password={}",
        "URL": "postgresql://owner:{}@db.example/strongroom",
        "redis": "rediss://:{}@cache.example:6380/0",
        "PEM": "-----BEGIN PRIVATE KEY----- {} -----END PRIVATE KEY-----",
        "EC PEM": "-----BEGIN EC PRIVATE KEY----- {} -----END EC PRIVATE KEY-----",
    }
    found = {name: (shape.format(mark := word()), mark) for name, shape in names.items()}
    for name, number, written in (
        ("Visa", visa, visa),
        ("Visa in fours", visa, _fours(visa, " ")),
        ("Mastercard", master, _fours(master, "-")),
        ("Amex", amex, f"{amex[:4]} {amex[4:10]} {amex[10:]}"),
        ("long card", long, long),
        ("card in a sentence", visa, f"card {visa}, please"),
        ("IBAN", german, german),
        ("IBAN in fours", german, _fours(german, " ")),
        ("IBAN in lower case", german, german.lower()),
        ("British IBAN", british, f"to {_fours(british, ' ')} today"),
    ):
        found[name] = (written, number)
    return found


def leaked(canaries: Mapping[str, tuple[str, str]], written: str) -> list[str]:
    """Return the lines of what was written in which one can be found, each with its name."""
    found = []
    for line in written.splitlines():
        plain = line.lower()
        squeezed = plain.replace(" ", "").replace("-", "")
        found += [
            f"{name}: {line[:500]}"
            for name, (_, mark) in canaries.items()
            if mark.lower() in plain or mark.lower() in squeezed
        ]
    return found
