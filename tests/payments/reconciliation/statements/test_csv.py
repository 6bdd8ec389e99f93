"""Tables: mapped columns, ways of writing amounts and dates, running balances, presets."""

import datetime as dt
import json
from typing import Any

import pytest

from payments.errors import InvalidRequestError
from payments.reconciliation.statements.csv_mapping import parse_mapping
from payments.reconciliation.statements.csv_presets import PRESETS
from tests.payments.reconciliation.statements.reading import read, read_line, refusal

COLUMNS = {"booked_on": "day", "amount": "sum"}


def mapping(**changes: Any) -> str:
    columns = COLUMNS | changes.pop("columns", {})
    return json.dumps({"columns": {k: v for k, v in columns.items() if v is not None}} | changes)


def table(*rows: str, header: str = "day,sum") -> bytes:
    return "\n".join((header, *rows)).encode()


@pytest.mark.parametrize(
    ("written", "decimal", "thousands", "units"),
    [
        ("12.5", ".", "", 1250),
        ("-12.50", ".", "", -1250),
        ("12.50-", ".", "", -1250),
        ("- 12.50", ".", "", -1250),
        ("+12", ".", "", 1200),
        ("\u221212.50", ".", "", -1250),
        ('"1,234.50"', ".", ",", 123_450),
        ('"1.234.567,8"', ",", ".", 123_456_780),
        ('"1234,50"', ",", ".", 123_450),
        ("1 234.50", ".", " ", 123_450),
        ("1\u00a0234.50", ".", " ", 123_450),
        ("1'234.50", ".", "'", 123_450),
        ("12.500", ".", "", 1250),
    ],
)
def test_amounts_are_read_as_the_mapping_says(
    written: str, decimal: str, thousands: str, units: int
) -> None:
    told = mapping(decimal=decimal, thousands=thousands)
    assert read_line(table(f"2026-11-20,{written}"), mapping=told).amount == units


@pytest.mark.parametrize(
    ("written", "decimal", "thousands"),
    [
        ('"1,5"', ".", ""),
        ('"1,5"', ".", ","),  # no group of three
        ('"1.23"', ",", "."),
        ('"1234.567,00"', ",", "."),
        ("1.005", ".", ""),
        ("12 EUR", ".", ""),
        ("1e3", ".", ""),
        ("--1", ".", ""),
        ("-1-", ".", ""),
        ("", ".", ""),
        ("-", ".", ""),
        ("٣", ".", ""),
        (" " * 100_000 + "x", ".", " "),
    ],
)
def test_other_amounts_are_refused_with_their_place(
    written: str, decimal: str, thousands: str
) -> None:
    content = table("2026-11-20,1", f"2026-11-20,{written}")
    told = mapping(decimal=decimal, thousands=thousands)
    assert refusal(content, mapping=told)[1] == "line 3, amount"


@pytest.mark.parametrize(
    ("written", "form"),
    [
        ("2026-11-05", "YYYY-MM-DD"),
        ("05.11.2026", "DD.MM.YYYY"),
        ("5.11.26", "DD.MM.YY"),
        ("11/05/2026", "MM/DD/YYYY"),
        ("20261105", "YYYYMMDD"),
        ("2026-11-05 23:59:59", "YYYY-MM-DD hh:mm:ss"),
    ],
)
def test_dates_are_read_as_the_mapping_says(written: str, form: str) -> None:
    line = read_line(table(f"{written},1"), mapping=mapping(date_format=form))
    assert line.booked_on == line.value_on == dt.date(2026, 11, 5)


@pytest.mark.parametrize("written", ["", "05.11.2026", "2026-13-01", "2026-11-05 ", "0026-11-05"])
def test_other_dates_are_refused_with_their_place(written: str) -> None:
    place = refusal(table(f'"{written}x",1'), mapping=mapping())[1]
    assert place == "line 2, booked_on"


def test_debit_and_credit_may_be_two_columns() -> None:
    told = mapping(columns={"amount": None, "debit": "out", "credit": "in"})
    header = "day,out,in"
    content = table("2026-11-20,5.00,", "2026-11-20,,6", "2026-11-20,0.00,7", header=header)
    [found] = read(content, mapping=told)
    assert [line.amount for line in found.lines] == [-500, 600, 700]
    for row in ("2026-11-20,,", "2026-11-20,1,1"):
        _, place, reason = refusal(table(row, header=header), mapping=told)
        assert (place, reason) == (
            "line 2, amount",
            "Exactly one of debit and credit must be given.",
        )


def test_a_column_may_say_the_sign() -> None:
    told = mapping(columns={"sign": "dc"}, debit_words=["S", "debit"])
    content = table("2026-11-20,5,s", "2026-11-20,5,H", "2026-11-20,5,DEBIT", header="day,sum,dc")
    [found] = read(content, mapping=told)
    assert [line.amount for line in found.lines] == [-500, 500, -500]


def test_columns_may_be_named_by_number_and_texts_joined() -> None:
    told = json.dumps(
        {
            "header": False,
            "skip_rows": 1,
            "delimiter": ";",
            "columns": {"booked_on": 1, "amount": 4, "text": [2, 3]},
        }
    )
    content = b'Account 77;;;\n2026-11-20;Tea;for two;1.5\n;;;\n2026-11-20;"a;\nb";c;-1\n'
    first, second = read(content, mapping=told)[0].lines
    assert (first.text, first.amount, first.where) == ("Tea\nfor two", 150, "line 2")
    assert (second.text, second.where) == ("a;\nb\nc", "line 4")


BALANCED = ("2026-11-18,10,10", "2026-11-19,2,12", "2026-11-20,-3,9")


@pytest.mark.parametrize("rows", [BALANCED, BALANCED[::-1]], ids=["oldest first", "newest first"])
def test_a_running_balance_gives_the_first_and_the_last(rows: tuple[str, ...]) -> None:
    told = mapping(columns={"balance": "held"})
    [found] = read(table(*rows, header="day,sum,held"), mapping=told)
    assert (found.opening_balance, found.closing_balance) == (0, 900)
    assert (found.from_date, found.to_date) == (dt.date(2026, 11, 18), dt.date(2026, 11, 20))
    assert found.closing_date == dt.date(2026, 11, 20)


@pytest.mark.parametrize("is_newest_first", [False, True])
def test_a_lost_row_is_found_by_its_balance(*, is_newest_first: bool) -> None:
    rows = ["2026-11-17,1,1", *(BALANCED[:1]), BALANCED[2], "2026-11-20,1,10"]
    rows[1] = "2026-11-18,9,10"
    content = table(*(rows[::-1] if is_newest_first else rows), header="day,sum,held")
    code, place, reason = refusal(content, mapping=mapping(columns={"balance": "held"}))
    assert (code, place) == (
        "statement_not_balanced",
        f"line {3 if is_newest_first else 4}, balance",
    )
    for figure in ("10.00 EUR", "-3.00 EUR", "7.00 EUR", "9.00 EUR"):
        assert figure in reason


@pytest.mark.parametrize(
    ("content", "place"),
    [
        (b"day,sum\n2026-11-20", "line 2, columns"),
        (b"day,sum\n2026-11-20,1,2", "line 2, columns"),
        (b'day,sum\n2026-11-20,"1', "line 2, row"),
        (b'day,sum\n2026-11-20,"1"x', "line 2, row"),
        (b"date,sum\n2026-11-20,1", "header, booked_on"),
        (b"day,sum,day\n2026-11-20,1,2026-11-20", "header, booked_on"),
        (b"day,sum\n", "file"),
        (b"day,sum\n\xff", "file"),
        (b"day,sum\n" + b" " * 9000 + b"\0", "file"),
        (b"day,sum\n" + b"x" * 200_000, "line 2, row"),
    ],
)
def test_a_broken_table_is_refused_with_its_place(content: bytes, place: str) -> None:
    code, found, _ = refusal(content, mapping=mapping())
    assert (code, found) == ("statement_unreadable", place)


def test_other_encodings_are_read_as_the_mapping_says() -> None:
    content = "day,sum,name\n2026-11-20,1,Müller".encode("cp1252")
    told = mapping(columns={"name": "NAME "}, encoding="cp1252")
    assert read_line(content, mapping=told).counterparty_name == "Müller"
    assert "cp1252" in refusal(content, mapping=mapping())[2]
    assert read_line(b"\xef\xbb\xbf" + table("2026-11-20,1"), mapping=mapping()).amount == 100


def test_the_account_and_the_currency_may_be_columns() -> None:
    told = mapping(columns={"own_account": "ours", "currency": "ccy"})
    header = "day,sum,ours,ccy"
    row = "2026-11-20,1,DE89 3704 0044 0532 0130 00,eur"
    assert read(table(row, header=header), mapping=told)[0].currency == "EUR"
    other = "2026-11-20,1,DE02120300000000202051,EUR"
    for rows in ((other,), (row, other)):
        code, *_ = refusal(table(*rows, header=header), mapping=told)
        assert code == "statement_of_other_account"
    mixed = table(row, row.replace("eur", "usd"), header=header)
    assert refusal(mixed, mapping=told)[1] == "line 3, currency"


PRESET_ROWS = {
    "generic": (
        (
            b"date,value_date,amount,currency,text,name,account,bank_ref,end_to_end_id\n"
            b"2026-11-20,2026-11-21,-12.5,EUR,Tea,Ada,FR76,B1,E1\n"
        ),
        ("B1", "E1", "Ada", "FR76", "Tea"),
    ),
    "n26": (
        (
            b'"Booking Date","Value Date","Partner Name","Partner Iban",Type,"Payment Reference",'
            b'"Account Name","Amount (EUR)","Original Amount","Original Currency","Exchange Rate"\n'
            b'2026-11-20,2026-11-21,Ada,FR76,"Debit Transfer",Tea,Main,-12.5,,,\n'
        ),
        (None, None, "Ada", "FR76", "Tea"),
    ),
    "revolut": (
        (
            b"Type,Product,Started Date,Completed Date,Description,Amount,Fee,Currency,State,"
            b"Balance\n"
            b"TRANSFER,Current,2026-11-19 08:00:00,2026-11-20 09:00:00,Tea,-12.00,0.50,EUR,"
            b"COMPLETED,1\n"
            b"TRANSFER,Current,2026-11-20 08:00:00,,Tea,-1.00,0.00,EUR,PENDING,\n"
        ),
        (None, None, None, None, "Tea"),
    ),
    "sparkasse": (
        (
            '"Auftragskonto";"Buchungstag";"Valutadatum";"Buchungstext";"Verwendungszweck";'
            '"Glaeubiger ID";"Mandatsreferenz";"Kundenreferenz (End-to-End)";"Sammlerreferenz";'
            '"Lastschrift Ursprungsbetrag";"Auslagenersatz Ruecklastschrift";'
            '"Beguenstigter/Zahlungspflichtiger";"Kontonummer/IBAN";"BIC (SWIFT-Code)";"Betrag";'
            '"Waehrung";"Info"\n'
            '"DE89370400440532013000";"20.11.26";"21.11.26";"UEBERWEISUNG";"Grüße";"";"";"E1";"";'
            '"";"";"Ada";"FR76";"X";"-12,50";"EUR";"Umsatz gebucht"\n'
            '"DE89370400440532013000";"22.11.26";"22.11.26";"UEBERWEISUNG";"Tea";"";"";"";"";'
            '"";"";"Ada";"FR76";"X";"-1,00";"EUR";"Umsatz vorgemerkt"\n'
        ).encode("cp1252"),
        (None, "E1", "Ada", "FR76", "UEBERWEISUNG\nGrüße"),
    ),
}


@pytest.mark.parametrize("preset", PRESET_ROWS)
def test_presets_read_what_banks_export(preset: str) -> None:
    content, expected = PRESET_ROWS[preset]
    line = read_line(content, mapping=preset)
    assert (line.amount, line.booked_on) == (-1250, dt.date(2026, 11, 20))
    assert (
        line.bank_ref,
        line.end_to_end_id,
        line.counterparty_name,
        line.counterparty_account,
        line.text,
    ) == expected


def test_a_preset_can_be_changed_in_part() -> None:
    found = parse_mapping('{"preset": "n26", "delimiter": ";"}')
    assert (found.delimiter, found.columns["booked_on"]) == (";", ("Booking Date",))
    assert set(PRESETS) - set(PRESET_ROWS) == {"sandbox"}


@pytest.mark.parametrize(
    ("told", "field"),
    [
        ("nobank", "mapping"),
        ("[]", "mapping"),
        ("{" * 10_001, "mapping"),
        ("[" * 9_000, "mapping"),
        ('{"preset": "nobank"}', "mapping.preset"),
        ('{"preset": ["n26"]}', "mapping.preset"),
        ("{}", "mapping.columns"),
        ('{"columns": {"booked_on": 1}}', "mapping.columns.amount"),
        ('{"columns": {"amount": 1}}', "mapping.columns.booked_on"),
        (mapping(columns={"debit": "d", "credit": "c"}), "mapping.columns.amount"),
        (mapping(columns={"amount": None, "debit": "d"}), "mapping.columns.debit"),
        (mapping(columns={"amount": 0}), "mapping.columns.amount"),
        (mapping(columns={"amount": True}), "mapping.columns.amount"),
        (mapping(columns={"amount": ["a", "b"]}), "mapping.columns.amount"),
        (mapping(columns={"colour": "red"}), "mapping.columns.colour"),
        (mapping(columns={"sign": "s"}), "mapping.debit_words"),
        (mapping(booked_words=["x"]), "mapping.booked_words"),
        (mapping(booked_words="x"), "mapping.booked_words"),
        (mapping(delimiter=", "), "mapping.delimiter"),
        (mapping(delimiter=[]), "mapping.delimiter"),
        (mapping(decimal=",", thousands=","), "mapping.thousands"),
        (mapping(encoding="utf-7"), "mapping.encoding"),
        (mapping(date_format="YYYY-MM"), "mapping.date_format"),
        (mapping(date_format="YY-YYYY-MM-DD"), "mapping.date_format"),
        (mapping(header=1), "mapping.header"),
        (mapping(header=False), "mapping.header"),
        (mapping(skip_rows=-1), "mapping.skip_rows"),
        (mapping(date_pattern=".*"), "mapping.date_pattern"),
    ],
)
def test_a_mapping_that_makes_no_sense_names_the_field(told: str, field: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        parse_mapping(told)
    assert caught.value.code == "validation"
    assert field in caught.value.errors
