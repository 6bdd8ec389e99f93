"""camt.052 and camt.053: every version, what is booked, batches, charges, parties, balances."""

import datetime as dt

import pytest

from tests.payments.reconciliation.statements.camt_files import (
    IBAN,
    balance,
    details,
    document,
    entry,
    quoting,
    statement,
)
from tests.payments.reconciliation.statements.reading import read, read_line, refusal

CHARGE = "<Domn><Cd>PMNT</Cd><Fmly><Cd>MDOP</Cd><SubFmlyCd>{}</SubFmlyCd></Fmly></Domn>"
VERSIONS = [f"camt.05{kind}.001.{number:02}" for kind in (2, 3) for number in range(1, 14)]


@pytest.mark.parametrize("version", VERSIONS)
def test_every_version_is_read(version: str) -> None:
    tag = "Stmt" if version.startswith("camt.053") else "Rpt"
    is_old = int(version[-2:]) < 8
    status = "<Sts>BOOK</Sts>" if is_old else "<Sts><Cd>BOOK</Cd></Sts>"
    party = "<Nm>Ada</Nm>" if is_old else "<Pty><Nm>Ada</Nm></Pty>"
    told = (
        f"{quoting('E2E-1', 'Tea')}<RltdPties><Dbtr>{party}</Dbtr><DbtrAcct><Id><IBAN>FR76</IBAN>"
        "</Id></DbtrAcct></RltdPties>"
    )
    lines = entry("12.5", ref="R1", status=status, details=details(told))
    line = read_line(document(statement(lines, tag=tag), version=version))
    assert (line.amount, line.bank_ref, line.end_to_end_id) == (1250, "R1", "E2E-1")
    assert (line.counterparty_name, line.counterparty_account) == ("Ada", "FR76")
    assert (line.text, line.position, line.where) == ("E2E-1\nTea", 1, "entry 1 (line 3)")


def test_prefixes_of_names_do_not_matter() -> None:
    plain = document(statement(entry("1.00", ref="A")))
    prefixed = plain.replace(b"</", b"</c:").replace(b"<", b"<c:").replace(b"<c:/c:", b"</c:")
    prefixed = prefixed.replace(b"<c:?xml", b"<?xml").replace(b"xmlns=", b"xmlns:c=")
    assert read(prefixed) == read(plain)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "iso-8859-1"])
def test_other_encodings_are_read(encoding: str) -> None:
    told = details(quoting("NOTPROVIDED", "Müller"))
    content = document(statement(entry("1.00", details=told))).decode()
    named = content.replace("UTF-8", encoding.removesuffix("-sig"))
    assert read_line(named.encode(encoding)).text == "Müller"


def test_only_what_is_booked_is_a_line() -> None:
    entries = [
        entry("1.00"),
        entry("2.00", status="<Sts>PDNG</Sts>"),
        entry("3.00", status="<Sts><Cd>INFO</Cd></Sts>"),
        entry("0.00"),
        entry("4.00", sign="DBIT"),
    ]
    balances = balance("OPBD", "10.00") + balance("CLBD", "7.00")
    [found] = read(document(statement(*entries, balances=balances)))
    assert [(line.position, line.amount) for line in found.lines] == [(1, 100), (2, -400)]


@pytest.mark.parametrize("status", ["", "<Sts>DONE</Sts>", "<Sts><Prtry>OK</Prtry></Sts>"])
def test_a_status_nobody_knows_is_refused(status: str) -> None:
    _, place, reason = refusal(document(statement(entry("1.00", status=status))))
    assert place == "entry 1 (line 3), status"
    assert "is not BOOK, PDNG or INFO" in reason


def test_a_reversal_moves_as_it_says_and_is_of_the_same_party() -> None:
    parties = "<RltdPties><Dbtr><Nm>Us</Nm></Dbtr><Cdtr><Nm>Bob</Nm></Cdtr></RltdPties>"
    reversal = entry("5.00", sign="CRDT", extra="<RvslInd>true</RvslInd>", details=details(parties))
    line = read_line(document(statement(reversal)))
    assert (line.amount, line.counterparty_name) == (500, "Bob")


def test_a_batch_is_one_line_with_all_its_references() -> None:
    batch = "<Btch><MsgId>BATCH-7</MsgId><NbOfTxs>3</NbOfTxs></Btch>"
    inside = [
        quoting(f"SR000000000{n}", "for you") + f'<Amt Ccy="EUR">{n}.00</Amt>' for n in (1, 2, 3)
    ]
    line = read_line(document(statement(entry("6.00", details=details(*inside, batch=batch)))))
    assert (line.amount, line.batch_ref, line.end_to_end_id) == (600, "BATCH-7", None)
    for reference in ("SR0000000001", "SR0000000002", "SR0000000003"):
        assert reference in line.text


def test_several_transactions_are_a_batch_without_its_name() -> None:
    inside = [
        f"<Refs><PmtInfId>PMT-1</PmtInfId><EndToEndId>E{n}</EndToEndId></Refs>" for n in (1, 2)
    ]
    line = read_line(document(statement(entry("6.00", details=details(*inside)))))
    assert (line.batch_ref, line.end_to_end_id) == ("PMT-1", None)
    assert "E1" in line.text
    assert "E2" in line.text


@pytest.mark.parametrize(
    ("code", "is_charge"),
    [
        (CHARGE.format("CHRG"), True),
        (CHARGE.format("FEES"), True),
        (CHARGE.format("COMM"), True),
        (CHARGE.format("INTR"), False),
        ("<Prtry><Cd>NCHG+808+1234</Cd></Prtry>", True),
        ("<Prtry><Cd>NTRF+166</Cd></Prtry>", False),
    ],
)
def test_charges_are_known_by_the_banks_code(code: str, is_charge: bool) -> None:  # noqa: FBT001 - a case
    told = entry("1.00", sign="DBIT", code=code)
    assert read_line(document(statement(told))).is_bank_charge is is_charge
    inner = details(f"<BkTxCd>{code}</BkTxCd>")
    assert read_line(document(statement(entry("1.00", details=inner)))).is_bank_charge is is_charge


def test_a_batch_with_one_charge_in_it_is_no_charge() -> None:
    codes = (CHARGE.format("CHRG"), CHARGE.format("ESCT"))
    inside = details(*(f"<BkTxCd>{code}</BkTxCd>" for code in codes))
    assert not read_line(document(statement(entry("6.00", details=inside)))).is_bank_charge


def test_the_other_party_is_not_ourselves() -> None:
    told = (
        f"<RltdPties><Dbtr><Nm>Us</Nm></Dbtr><DbtrAcct><Id><IBAN>{IBAN}</IBAN></Id></DbtrAcct>"
        "<Cdtr><Nm>Eve</Nm></Cdtr><CdtrAcct><Id><Othr><Id>77-88</Id></Othr></Id></CdtrAcct>"
        "</RltdPties>"
    )
    line = read_line(document(statement(entry("1.00", details=details(told)))))
    assert (line.counterparty_name, line.counterparty_account) == ("Eve", "77-88")


@pytest.mark.parametrize("ref", ["NOTPROVIDED", "NONREF", "000", "Not provided"])
def test_what_means_no_reference_is_none(ref: str) -> None:
    told = details(quoting(ref, "Tea"))
    line = read_line(document(statement(entry("1.00", ref=ref, details=told))))
    assert (line.bank_ref, line.end_to_end_id, line.text) == (None, None, "Tea")


@pytest.mark.parametrize(
    ("balances", "expected"),
    [
        ([("OPBD", "1.00"), ("CLBD", "6.00")], (100, 600)),
        ([("PRCD", "1.00"), ("CLBD", "6.00")], (100, 600)),
        ([("CLAV", "9.00"), ("CLBD", "6.00"), ("OPBD", "1.00")], (100, 600)),
        ([("OPBD", "1.00"), ("ITBD", "6.00")], (100, 600)),  # the first page of two
        ([("ITBD", "1.00"), ("ITBD", "6.00")], (100, 600)),
        ([("ITBD", "1.00"), ("CLBD", "6.00")], (100, 600)),
        ([("OPBD", "-6.00"), ("CLBD", "-1.00")], (-600, -100)),
        ([("OPBD", "1.00")], (None, None)),
        ([("ITBD", "6.00")], (None, None)),
        ([], (None, None)),
    ],
)
def test_balances_are_those_booked(
    balances: list[tuple[str, str]], expected: tuple[int | None, int | None]
) -> None:
    told = "".join(balance(*each) for each in balances)
    [found] = read(document(statement(entry("5.00"), balances=told)))
    assert (found.opening_balance, found.closing_balance) == expected
    assert found.closing_date == (None if expected[0] is None else dt.date(2026, 11, 20))


def test_a_report_of_the_day_may_begin_later_than_its_balance() -> None:
    told = balance("OPBD", "1.00") + balance("ITBD", "9.00")
    report = statement(entry("5.00"), balances=told, tag="Rpt")
    [found] = read(document(report, version="camt.052.001.02"))
    assert (found.opening_balance, found.closing_balance) == (None, None)
    final = told.replace("ITBD", "CLBD")
    code, *_ = refusal(
        document(statement(entry("5.00"), balances=final, tag="Rpt"), version="camt.052.001.02")
    )
    assert code == "statement_not_balanced"


def test_days_are_those_of_the_banks_calendar() -> None:
    told = entry("1.00").replace("<Dt>2026-11-20</Dt>", "<DtTm>2026-11-20T23:59:00-05:00</DtTm>")
    line = read_line(document(statement(told)))
    assert (line.booked_on, line.value_on) == (dt.date(2026, 11, 20), dt.date(2026, 11, 20))
    line = read_line(document(statement(entry("1.00", booked=None, value="2026-11-19"))))
    assert line.booked_on == dt.date(2026, 11, 19)
    line = read_line(document(statement(entry("1.00", booked="2026-11-18Z", value=None))))
    assert line.value_on == dt.date(2026, 11, 18)


@pytest.mark.parametrize(
    ("told", "field", "reason"),
    [
        (entry("abc"), "amount", "'abc' is not an amount."),
        (entry(""), "amount", "'' is not an amount."),
        (entry("1,50"), "amount", "'1,50' is not an amount."),
        (entry("1.005"), "amount", "'1.005' has more than the 2 decimals of EUR."),
        (entry("1e3"), "amount", "'1e3' is not an amount."),
        (entry("-1.00"), "amount", "'-1.00' has a sign, which CdtDbtInd gives."),
        (entry("1.00<x/>5"), "amount", "Amt holds more than a number."),
        (entry("9" * 40), "amount", f"'{'9' * 40}' has more digits than any amount."),
        (entry("١٢"), "amount", "'١٢' is not an amount."),
        (entry("1.00", sign="PLUS"), "amount", "CdtDbtInd is 'PLUS', not CRDT or DBIT."),
        (entry("1.00", currency="XTS"), "currency", "'XTS' is not a currency of the ledger."),
        (entry("1.00", booked="2026-02-30"), "booked on", "'2026-02-30' is not a date."),
        (entry("1.00", booked="20.11.2026"), "booked on", "'20.11.2026' is not a date."),
        (entry("1.00", booked="1226-11-20"), "booked on", "'1226-11-20' is before 1990-01-01."),
        (entry("1.00", booked="2062-11-20"), "booked on", "2062-11-20 is in the future."),
        (entry("1.00", value="2062-11-20"), "value date", "2062-11-20 is over a year ahead."),
        (entry("1.00", booked=None, value=None), "booked on", "'' is not a date."),
        (entry("1.00", currency="USD"), "currency", "The line is in USD, the statement in EUR."),
    ],
)
def test_what_makes_no_sense_is_refused_with_its_place(told: str, field: str, reason: str) -> None:
    content = document(statement(entry("1.00"), told))
    assert refusal(content)[1:] == (f"entry 2 (line 4), {field}", reason)


@pytest.mark.parametrize(
    ("amount", "units"),
    [("12", 1200), ("12.", 1200), (".5", 50), ("+1.50", 150), ("1.5000", 150), ("007", 700)],
)
def test_amounts_are_exact_however_they_are_written(amount: str, units: int) -> None:
    assert read_line(document(statement(entry(amount)))).amount == units


@pytest.mark.parametrize(
    ("currency", "amount", "units"), [("JPY", "1500", 1500), ("KWD", "1.005", 1005)]
)
def test_decimals_are_those_of_the_currency(currency: str, amount: str, units: int) -> None:
    told = statement(entry(amount, currency=currency), currency=currency)
    assert read_line(document(told), currency=currency).amount == units


def test_a_line_of_sixteen_digits_beyond_floats_is_exact() -> None:
    assert read_line(document(statement(entry("9007199254740993.01")))).amount == 900719925474099301


def test_the_account_and_the_currency_must_be_ours() -> None:
    other = document(statement(entry("1.00"), iban="DE02120300000000202051"))
    code, place, reason = refusal(other)
    assert (code, place) == ("statement_of_other_account", "statement 1 (line 3), account")
    assert "ends in '2051'" in reason
    dollars = document(statement(entry("1.00", currency="USD"), currency="USD"))
    code, _, reason = refusal(dollars)
    assert (code, reason) == (
        "statement_of_other_account",
        "The statement is in USD, 'main' in EUR.",
    )
    nobody = document(statement().replace(f"<IBAN>{IBAN}</IBAN>", ""))
    assert "does not say what account" in refusal(nobody)[2]


def test_a_notification_is_no_statement() -> None:
    content = document(statement()).replace(b"camt.053", b"camt.054")
    assert "camt.054 is a notification" in refusal(content)[2]
    assert "no bank statement" in refusal(b"<html><body>Sign in</body></html>")[2]
