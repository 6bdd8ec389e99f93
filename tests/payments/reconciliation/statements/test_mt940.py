"""MT940: fields 60, 61, 62 and the many ways of field 86."""

import datetime as dt

import pytest

from payments.reconciliation.statements.model import Statement
from tests.payments.reconciliation.statements.reading import read, refusal

ACCOUNT = "37040044/0532013000"
LINE = ":61:2611201120C12,50NTRFREF-1//BANK-1"
DUTCH = """:86:/TRTP/SEPA OVERBOEKING/IBAN/NL86INGB0002445588/BIC/INGBNL2A/NAME/J
. JANSEN/REMI/Factuur SR 12 34/EREF/SRABCDEFGH12"""
ING = ":86:/EREF/SRABCDEFGH12//CNTP/NL32INGB0000012345/INGBNL2A/J. JANSEN///REMI/USTD//Tea/"


def message(
    *lines: str,
    opening: str = "C261119EUR100,00",
    closing: str = "C261120EUR112,50",
    account: str = ACCOUNT,
    page: str = "F",
) -> str:
    return "\n".join(
        (
            ":20:STARTUMSE",
            f":25:{account}",
            ":28C:00047/001",
            f":60{page}:{opening}",
            *lines,
            f":62{page}:{closing}",
            "-",
        )
    )


def read_one(*lines: str, **changes: str) -> Statement:
    [statement] = read(message(*lines, **changes).encode())
    return statement


def test_a_statement_says_what_its_fields_say() -> None:
    found = read_one(LINE)
    assert (found.account, found.currency, found.statement_ref) == (ACCOUNT, "EUR", "00047/001")
    assert (found.opening_balance, found.closing_balance) == (10000, 11250)
    assert found.closing_date == dt.date(2026, 11, 20)
    [line] = found.lines
    assert (line.amount, line.bank_ref, line.text) == (1250, "BANK-1", "REF-1")
    assert line.where == "line 5"


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("before", ["", "{1:F01X}{2:I940X}{4:\n", "\ufeff", "ABNANL2A\n940\n"])
def test_what_banks_write_around_is_no_matter(ending: str, before: str) -> None:
    text = (before + message(LINE)).replace("\n", ending)
    assert read(text.encode())[0].lines[0].amount == 1250


@pytest.mark.parametrize(
    ("mark", "closing", "units"),
    [
        ("C", "C261120EUR112,50", 1250),
        ("D", "C261120EUR87,50", -1250),
        ("RC", "C261120EUR87,50", -1250),
        ("RD", "C261120EUR112,50", 1250),
        ("CR", "C261120EUR112,50", 1250),
        ("DR", "C261120EUR87,50", -1250),
        ("RCR", "C261120EUR87,50", -1250),
        ("RDR", "C261120EUR112,50", 1250),
    ],
)
def test_reversals_turn_the_sign(mark: str, closing: str, units: int) -> None:
    [line] = read_one(f":61:2611201120{mark}12,50NTRFNONREF", closing=closing).lines
    assert (line.amount, line.bank_ref, line.text) == (units, None, "")


@pytest.mark.parametrize(
    ("dates", "booked", "value"),
    [
        ("2611201121", (2026, 11, 21), (2026, 11, 20)),
        ("261120", (2026, 11, 20), (2026, 11, 20)),
        ("261120    ", (2026, 11, 20), (2026, 11, 20)),
        ("2601021231", (2025, 12, 31), (2026, 1, 2)),
        ("2512310102", (2026, 1, 2), (2025, 12, 31)),
        ("2402280229", (2024, 2, 29), (2024, 2, 28)),
    ],
)
def test_the_booking_day_is_the_one_near_the_value_date(
    dates: str, booked: tuple[int, int, int], value: tuple[int, int, int]
) -> None:
    [line] = read_one(f":61:{dates}C12,50NTRFNONREF").lines
    assert (line.booked_on, line.value_on) == (dt.date(*booked), dt.date(*value))


def test_a_german_field_86_is_put_together() -> None:
    told = [
        LINE,
        ":86:166?00GUTSCHRIFT?100599?20EREF+SRABCDEFGHJK12345678901?2123?22SVWZ+Rechnung",
        " 4711, vielen?23 Dank?30COBADEFFXXX?31DE02120300000000202051?32Ada Lovelace und",
        "Soehne Gm?33bH",
    ]
    [line] = read_one(*told).lines
    assert line.end_to_end_id == "SRABCDEFGHJK1234567890123"
    assert line.counterparty_name == "Ada Lovelace undSoehne GmbH"
    assert line.counterparty_account == "DE02120300000000202051"
    assert "SVWZ+Rechnung 4711, vielen\n Dank" in line.text
    assert line.text.endswith("GUTSCHRIFT")


@pytest.mark.parametrize("purpose", ["?20EREF+NOTPROVIDED?21SVWZ+Tea", "?20SVWZ+Tea"])
def test_a_german_line_may_have_no_reference(purpose: str) -> None:
    [line] = read_one(LINE, f":86:166?00GUTSCHRIFT{purpose}?3010010010?31532013000").lines
    assert line.end_to_end_id is None
    assert line.counterparty_account == "10010010/532013000"


def test_a_part_begins_anew_behind_a_full_piece() -> None:
    purpose = "?20EREF+SRABCDEFGHJKMNPQRSTUVW?21SVWZ+Tea"
    [line] = read_one(LINE, f":86:166?00GUTSCHRIFT{purpose}").lines
    assert (line.end_to_end_id, line.text.split("\n")[2]) == ("SRABCDEFGHJKMNPQRSTUVW", "SVWZ+Tea")


@pytest.mark.parametrize("told", [DUTCH, ING])
def test_a_dutch_field_86_is_taken_apart(told: str) -> None:
    [line] = read_one(LINE, told).lines
    assert (line.end_to_end_id, line.counterparty_name) == ("SRABCDEFGH12", "J. JANSEN")
    assert str(line.counterparty_account).startswith("NL")
    assert "SRABCDEFGH12" in line.text


def test_a_plain_field_86_is_the_text() -> None:
    [line] = read_one(LINE, ":86:BEA NR:XXX1234", "", "  21.05.11/12.54 DIRCKIII  ").lines
    assert line.text == "REF-1\nBEA NR:XXX1234\n21.05.11/12.54 DIRCKIII"
    [line] = read_one(":61:2611201120C12,50NTRFNONREF", "/extra", ":86:Tea").lines
    assert line.text == "/extra\nTea"


def test_a_reference_longer_than_swift_allows_is_kept() -> None:
    [line] = read_one(":61:2611201120C12,50NTRFBIPI-dvT1FzfMqvzF5HaU4oetlH7SGR//2022").lines
    assert (line.text, line.bank_ref) == ("BIPI-dvT1FzfMqvzF5HaU4oetlH7SGR", "2022")


@pytest.mark.parametrize(
    ("kind", "told", "is_charge"),
    [
        ("NCHG", ":86:Fee", True),
        ("NTRF", ":86:808?00GEBUEHREN", True),
        ("NTRF", ":86:809?00PROVISION", True),
        ("NTRF", ":86:166?00GUTSCHRIFT", False),
        ("NMSC", ":86:Charges", False),
    ],
)
def test_charges_are_known_by_the_banks_code(kind: str, told: str, is_charge: bool) -> None:  # noqa: FBT001 - a case
    [line] = read_one(f":61:2611201120C12,50{kind}NONREF", told).lines
    assert line.is_bank_charge is is_charge


def test_pages_of_a_statement_follow_each_other() -> None:
    first = message(LINE, page="M")
    last = message(
        LINE.replace("BANK-1", "BANK-2"),
        opening="C261120EUR112,50",
        closing="C261120EUR125,00",
        page="F",
    )
    found = read(f"{first}\n{last}".encode())
    assert [(each.opening_balance, each.closing_balance) for each in found] == [
        (10000, 11250),
        (11250, 12500),
    ]


def test_what_is_said_of_the_statement_is_of_no_line() -> None:
    text = message(LINE, ":86:of the line").replace(
        "\n-", "\n:64:C261120EUR112,50\n:86:of the statement\n-"
    )
    assert read(text.encode())[0].lines[0].text == "REF-1\nof the line"


def test_a_line_of_nothing_is_left_out() -> None:
    assert [line.amount for line in read_one(LINE, ":61:2611201120C0,00NMSCNONREF").lines] == [1250]


@pytest.mark.parametrize(
    ("line", "field"),
    [
        (":61:2611201120C12.50NTRFNONREF", ":61:"),
        (":61:2611201120C1250NTRFNONREF", "amount"),
        (":61:2611201120C12,505NTRFNONREF", "amount"),
        (":61:2611201120C1,2,5NTRFNONREF", "amount"),
        (":61:2611201120C,NTRFNONREF", "amount"),
        (":61:2611201120X12,50NTRFNONREF", ":61:"),
        (":61:2611201120C12,50", ":61:"),
        (":61:2613201120C12,50NTRFNONREF", "date"),
        (":61:2611201399C12,50NTRFNONREF", "entry date"),
        (":61:", ":61:"),
    ],
)
def test_a_line_that_makes_no_sense_is_refused_with_its_place(line: str, field: str) -> None:
    code, place, _ = refusal(message(line).encode())
    assert (code, place) == ("statement_unreadable", f"line 5, {field}")


def test_lost_fields_are_missed() -> None:
    whole = message(LINE)
    for tag in (":25:", ":60F:", ":62F:"):
        without = "\n".join(line for line in whole.split("\n") if not line.startswith(tag))
        code, place, reason = refusal(without.encode())
        assert (code, place) == ("statement_unreadable", f"statement of line 1, {tag}"), tag
        assert "missing" in reason
    _, place, reason = refusal((whole + "\n:61:2611201120C1,00NTRFNONREF").encode())
    assert (place, "belongs to no statement" in reason) == ("line 8, :61:", True)
    doubled = whole.replace(":62F:", ":62F:C261120EUR112,50\n:62F:")
    assert refusal(doubled.encode())[2] == "It stands twice in one statement."


def test_sums_and_currencies_are_checked() -> None:
    code, _, reason = refusal(message(LINE, closing="C261120EUR112,51").encode())
    assert code == "statement_not_balanced"
    for figure in ("100.00 EUR", "12.50 EUR", "112.50 EUR", "112.51 EUR"):
        assert figure in reason
    _, place, reason = refusal(message(LINE, closing="C261120USD112,50").encode())
    assert (place, reason) == ("line 6, :62F:", "It is in USD, the opening balance in EUR.")


def test_a_field_without_end_is_refused() -> None:
    _, place, reason = refusal(message(LINE, ":86:" + "x" * 20_000).encode())
    assert (place, reason) == ("line 6, :86:", "The field is longer than any.")
    _, place, _ = refusal(message(LINE, ":86:a", *["b"] * 300).encode())
    assert place == "line 6, :86:"


@pytest.mark.parametrize(
    "account",
    [
        "DE89370400440532013000",
        "DE89 3704 0044 0532 0130 00",
        "0532013000",
        "37040044/532013000EUR",
    ],
)
def test_the_account_may_be_written_in_other_ways(account: str) -> None:
    assert read_one(LINE, account=account).account == account
