"""Files of real banks: what they say, figures checked by hand, or why they are refused."""

import datetime as dt

import pytest

from payments.reconciliation.statements.checks import check_balances
from payments.reconciliation.statements.errors import NotBalancedError, OtherAccountError
from payments.reconciliation.statements.swift_mt940 import read_mt940
from tests.payments.reconciliation.statements.reading import SAMPLES, SCALES, read, refusal

GENKGO = "NL26 VAYB 8060 4768 90"


def sample(name: str) -> bytes:
    return (SAMPLES / name).read_bytes()


def test_two_statements_of_one_file() -> None:
    first, second = read(sample("camt053.v2.multi.statement.xml"), identifier=GENKGO)
    assert (first.statement_ref, first.opening_balance, first.closing_balance) == (
        "253EURNL26VAYB8060476890",
        1815,
        2700,
    )
    assert (second.statement_ref, second.opening_balance, second.closing_balance) == (
        "254EURNL26VAYB8060476890",
        2700,
        2000,
    )
    [line] = first.lines
    assert (line.amount, line.currency, line.end_to_end_id) == (885, "EUR", "000000001")
    assert (line.booked_on, line.value_on) == (dt.date(2014, 12, 31), dt.date(2015, 1, 2))
    assert (line.counterparty_name, line.counterparty_account) == (
        "Company Name 1",
        "NL56AGDH9619008421",
    )
    assert line.text == "000000001\nTransaction Description 1"
    [line] = second.lines
    assert (line.amount, line.end_to_end_id) == (-700, "000000002")


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("camt053.v2.minimal.xml", "statement 1 (line 26), balance CLBD"),
        ("camt053.v8.xml", "statement 1 (line 30), balance CLBD"),
    ],
)
def test_balances_in_two_currencies_are_refused(name: str, place: str) -> None:
    """They open with 18.15 EUR, get 8.85 EUR, and close with minus 27.00 SEK."""
    assert refusal(sample(name), identifier=GENKGO) == (
        OtherAccountError.code,
        place,
        "It is in SEK, the account in EUR.",
    )


@pytest.mark.parametrize("name", ["camt053.v2.minimal.xml", "camt053.v8.xml"])
def test_in_one_currency_their_balances_contradict_the_line(name: str) -> None:
    code, _, reason = refusal(sample(name).replace(b'"SEK"', b'"EUR"'), identifier=GENKGO)
    assert code == NotBalancedError.code
    for figure in ("18.15 EUR", "8.85 EUR", "27.00 EUR", "-27.00 EUR"):
        assert figure in reason


def test_without_their_balances_the_rest_of_them_is_read() -> None:
    content = sample("camt053.v8.xml").replace(b"<Cd>CLBD</Cd>", b"<Cd>XXXX</Cd>")
    [statement] = read(content, identifier=GENKGO)
    assert (statement.opening_balance, statement.closing_balance) == (None, None)
    [line] = statement.lines
    assert (line.amount, line.booked_on) == (885, dt.date(2014, 12, 31))
    assert (line.bank_ref, line.end_to_end_id) == ("AAAASESS-FP-CN_98765/01", "MUELL/FINP/RA12345")
    assert (line.counterparty_name, line.counterparty_account) == (
        "NAME NAME",
        "NL56AGDH9619008421",
    )
    assert line.text == "MUELL/FINP/RA12345\n100\n4654654654654654"


def test_a_file_without_a_statement_is_refused() -> None:
    _, place, reason = refusal(sample("camt053.v2.wrong.xml"), identifier=GENKGO)
    assert (place, reason) == ("file", "The file holds no statement: export it anew, and whole.")


def test_a_bank_whose_sums_were_changed_is_refused() -> None:
    """3236.28 less 9.00, 11.59, 11.63, 11.80, 13.45, 15.49, 107.00 and 141.48 is not 876.84."""
    code, place, reason = refusal(sample("abnamro.sta"), identifier="517852257")
    assert (code, place) == (NotBalancedError.code, "statement of line 4, balances")
    for figure in ("3236.28 EUR", "-321.44 EUR", "2914.84 EUR", "876.84 EUR"):
        assert figure in reason


def test_its_lines_are_read_all_the_same() -> None:
    first, second = read_mt940(sample("abnamro.sta"), scales=SCALES)
    assert [line.amount for line in first.lines] == [
        -900,
        -1159,
        -1163,
        -1180,
        -1345,
        -1549,
        -10700,
        -14148,
    ]
    assert (first.account, first.statement_ref) == ("517852257", "19321/1")
    assert (first.lines[1].value_on, first.lines[1].booked_on) == (
        dt.date(2011, 5, 21),
        dt.date(2011, 5, 23),
    )
    assert first.lines[0].text.startswith("GIRO   428428 KPN - DIGITENNE")
    assert first.lines[0].text.endswith(
        "5314606715                       BETREFT FACTUUR D.D. 20-05-2011\nINCL. 1,44 BTW"
    )
    assert [line.amount for line in second.lines] == [-949, -1500]


def test_all_statements_of_a_german_bank_add_up() -> None:
    statements = read_mt940(sample("sepa_mt9401.sta"), scales=SCALES)
    assert len(statements) == 26  # as often as :20: stands in it
    for statement in statements:
        check_balances(statement, scales=SCALES)
    assert sum(len(statement.lines) for statement in statements) == sample("sepa_mt9401.sta").count(
        b"\n:61:"
    )


def test_returns_batches_and_reversals_of_the_german_bank() -> None:
    first, second, *_ = read_mt940(sample("sepa_mt9401.sta"), scales=SCALES)
    assert (first.opening_balance, first.closing_balance) == (-123_471_836, -123_762_823)
    assert [line.amount for line in first.lines] == [
        30_000,
        33_533,
        1_500_000,
        6_629_508,
        91_531_155,
        -20_488,  # RC: a credit that is taken back
        -99_994_695,
    ]
    returned, *_, reversal, _ = first.lines
    assert (returned.end_to_end_id, returned.bank_ref) == ("TFNR 40005 00005", "0724710345313905")
    assert (reversal.bank_ref, reversal.end_to_end_id) == (None, None)
    credit, _ = second.lines
    assert credit.end_to_end_id == "EndToEndIdTFNR2000400001"  # broken after 27 characters
    assert credit.counterparty_account == "DE42100100100043921105"  # broken by the line's end
    assert credit.counterparty_name == "Richter Renate 70 Zeichen Beginn Fuellzeichen xxxxxxxx"
    assert "TO 13 TFNr 20004 Eingangskanal Mint" in credit.text


def test_a_file_of_many_accounts_is_refused_for_one_of_them() -> None:
    code, place, reason = refusal(sample("sepa_mt9401.sta"), identifier="50880050/0194774600888")
    assert (code, place) == (OtherAccountError.code, "statement of line 26, account")
    assert "ends in '0888'" in reason
