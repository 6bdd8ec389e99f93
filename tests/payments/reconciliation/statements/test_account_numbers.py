"""One account has many spellings; two accounts never are one."""

import pytest

from payments.reconciliation.statements.account_numbers import is_same_account

IBAN = "DE89370400440532013000"
DUTCH = "NL91ABNA0417164300"
BRITISH = "GB29NWBK60161331926819"


@pytest.mark.parametrize(
    ("named", "ours"),
    [
        (IBAN, IBAN),
        ("de89 3704 0044 0532 0130 00", IBAN),
        (f"{IBAN}EUR", IBAN),
        ("370400440532013000", IBAN),
        ("37040044/0532013000", IBAN),
        ("37040044/532013000", IBAN),
        ("0532013000", IBAN),
        ("532013000", IBAN),
        ("COBADEFF/0532013000", IBAN),
        (IBAN, "37040044/0532013000"),
        (IBAN, "0532013000"),
        ("0417164300", DUTCH),
        ("417164300", DUTCH),
        ("60161331926819", BRITISH),
        ("60-16-13 31926819", BRITISH),
        ("31926819", BRITISH),
        ("7300012345", "7300012345"),
        ("121000248/12345678", "12345678"),
        ("12345678", "121000248/12345678"),
        ("121000248/12345678", "121000248/12345678"),
        ("12345678 EUR", "12345678"),
    ],
)
def test_the_same(named: str, ours: str) -> None:
    assert is_same_account(named, ours, currency="EUR")


@pytest.mark.parametrize(
    ("named", "ours"),
    [
        ("DE02120300000000202051", IBAN),
        ("DE89370400440532013001", IBAN),
        ("DE90370400440532013000", IBAN),
        ("DE44500105170532013000", IBAN),  # the same number at another bank
        ("12030000/0532013000", IBAN),
        ("DE44500105170532013000", "37040044/0532013000"),
        ("121000248/12345678", "121000249/12345678"),
        ("NL91ABNA0417164300", IBAN),
        ("13000", IBAN),
        ("0", "00"),
        ("", ""),
        ("", IBAN),
        ("/", IBAN),
        ("0000", "0"),
        ("EUR", IBAN),
    ],
)
def test_not_the_same(named: str, ours: str) -> None:
    assert not is_same_account(named, ours, currency="EUR")
