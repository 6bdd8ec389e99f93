"""OFX 1 (SGML) and 2 (XML): lines by FITID, charges, the ledger balance, what is refused."""

import datetime as dt

import pytest

from tests.payments.reconciliation.statements.reading import read, read_line, refusal

SGML = """OFXHEADER:100
DATA:OFXSGML
VERSION:102
SECURITY:NONE
ENCODING:USASCII
CHARSET:1252
COMPRESSION:NONE
OLDFILEUID:NONE
NEWFILEUID:NONE

"""
XML = (
    '<?xml version="1.0" encoding="UTF-8" standalone="no"?>\n'
    '<?OFX OFXHEADER="200" VERSION="220" SECURITY="NONE" OLDFILEUID="NONE" NEWFILEUID="NONE"?>\n'
)
LINE = """<STMTTRN>
<TRNTYPE>CREDIT
<DTPOSTED>20261105120000[-5:EST]
<TRNAMT>{amount}
<FITID>A1
<NAME>Jack &amp; Jill
<MEMO>SRABCDEFGH12
</STMTTRN>
"""
BALANCE = "<LEDGERBAL><BALAMT>1100.00<DTASOF>20261120</LEDGERBAL>"


def ofx(
    *lines: str, header: str = SGML, balance: str = "", end: str = "20261120", extra: str = ""
) -> bytes:
    return (
        f"{header}<OFX><SIGNONMSGSRSV1><SONRS><STATUS><CODE>0<SEVERITY>INFO</STATUS>"
        "<DTSERVER>20261120<LANGUAGE>ENG</SONRS></SIGNONMSGSRSV1>\n"
        "<BANKMSGSRSV1><STMTTRNRS><TRNUID>1<STATUS><CODE>0<SEVERITY>INFO</STATUS><STMTRS>"
        "<CURDEF>USD<BANKACCTFROM><BANKID>121000248<ACCTID>12345678<ACCTTYPE>CHECKING"
        f"</BANKACCTFROM>\n<BANKTRANLIST><DTSTART>20261101<DTEND>{end}\n{''.join(lines)}"
        f"</BANKTRANLIST>{balance}{extra}</STMTRS></STMTTRNRS></BANKMSGSRSV1></OFX>\n"
    ).encode("cp1252")


def closed(content: bytes) -> bytes:
    """Give every element its end, as XML needs it."""
    lines = []
    for line in content.decode().replace("<", "\n<").splitlines():
        tag, _, text = line.removeprefix("<").partition(">")
        is_leaf = line.startswith("<") and not line.startswith(("</", "<?")) and text.strip()
        lines.append(f"{line}</{tag}>" if is_leaf else line)
    return "\n".join(line for line in lines if line).encode()


OURS = {"identifier": "12345678", "currency": "USD"}


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_sgml_is_read(newline: str) -> None:
    content = ofx(LINE.format(amount="100.00"), balance=BALANCE)
    [found] = read(content.replace(b"\n", newline.encode()), **OURS)
    assert (found.account, found.currency) == ("121000248/12345678", "USD")
    assert (found.from_date, found.to_date) == (dt.date(2026, 11, 1), dt.date(2026, 11, 20))
    assert (found.opening_balance, found.closing_balance) == (100_000, 110_000)
    assert found.closing_date == dt.date(2026, 11, 20)
    [line] = found.lines
    assert (line.amount, line.bank_ref, line.where) == (10_000, "A1", "line 14")
    assert (line.booked_on, line.value_on) == (dt.date(2026, 11, 5), dt.date(2026, 11, 5))
    assert (line.counterparty_name, line.text) == ("Jack & Jill", "SRABCDEFGH12")


def test_xml_says_the_same() -> None:
    content = ofx(LINE.format(amount="100.00"), header=XML, balance=BALANCE)
    [found] = read(closed(content), **OURS)
    [expected] = read(ofx(LINE.format(amount="100.00"), balance=BALANCE), **OURS)
    assert found.lines[0].text == expected.lines[0].text
    assert (found.opening_balance, found.closing_balance) == (100_000, 110_000)
    assert [line.amount for line in found.lines] == [10_000]


def test_a_card_is_an_account_too() -> None:
    content = ofx(LINE.format(amount="-5")).replace(b"STMTRS", b"CCSTMTRS")
    content = content.replace(b"BANKACCTFROM", b"CCACCTFROM").replace(b"<BANKID>121000248", b"")
    [found] = read(content, **OURS)
    assert (found.account, found.lines[0].amount) == ("12345678", -500)


@pytest.mark.parametrize(
    ("amount", "units"),
    [("100", 10_000), ("+1.5", 150), ("-1,50", -150), ("-.5", -50), ("1.5000", 150)],
)
def test_amounts_are_exact_however_they_are_written(amount: str, units: int) -> None:
    assert read_line(ofx(LINE.format(amount=amount)), **OURS).amount == units


@pytest.mark.parametrize(("kind", "is_charge"), [("SRVCHG", True), ("FEE", True), ("INT", False)])
def test_charges_are_known_by_their_type(kind: str, is_charge: bool) -> None:  # noqa: FBT001 - a case
    content = ofx(LINE.format(amount="-1").replace("CREDIT", kind))
    assert read_line(content, **OURS).is_bank_charge is is_charge


def test_empty_texts_do_not_swallow_what_follows() -> None:
    told = LINE.format(amount="1").replace("<MEMO>SRABCDEFGH12", "<MEMO>\n<CHECKNUM><REFNUM>R9")
    line = read_line(ofx(told), **OURS)
    assert (line.text, line.bank_ref) == ("R9", "A1")


def test_texts_may_stand_in_cdata() -> None:
    told = LINE.format(amount="1").replace(
        "<MEMO>SRABCDEFGH12", "<MEMO><![CDATA[a <b> c]]></MEMO><REFNUM><![CDATA[d]]></REFNUM>"
    )
    assert read_line(ofx(told), **OURS).text == "d\na <b> c"


@pytest.mark.parametrize(
    ("balance", "end"),
    [
        ("", "20261120"),
        (BALANCE, "20261119"),  # as of after the period: lines may have come since
        (BALANCE.replace("20261120", "20261104"), "20261120"),  # lines came since
    ],
)
def test_a_balance_of_another_time_is_left_out(balance: str, end: str) -> None:
    [found] = read(ofx(LINE.format(amount="1"), balance=balance, end=end), **OURS)
    assert (found.opening_balance, found.closing_balance, found.closing_date) == (None, None, None)


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ("<TRNAMT>1", "<TRNAMT>1,234.56", "TRNAMT"),
        ("<TRNAMT>1", "<TRNAMT>1.005", "TRNAMT"),
        ("<TRNAMT>1", "<TRNAMT>NaN", "TRNAMT"),
        ("<TRNAMT>1\n", "", "TRNAMT"),
        ("<DTPOSTED>20261105120000[-5:EST]", "<DTPOSTED>20261305", "DTPOSTED"),
        ("<DTPOSTED>20261105120000[-5:EST]", "<DTPOSTED>5 Nov", "DTPOSTED"),
        ("<FITID>A1", "<FITID>A1<CORRECTFITID>A0", "CORRECTFITID"),
        ("<FITID>A1", "<FITID>A1<CURRENCY><CURRATE>1<CURSYM>GBP</CURRENCY>", "currency"),
    ],
)
def test_a_line_that_makes_no_sense_is_refused_with_its_place(
    old: str, new: str, field: str
) -> None:
    told = LINE.format(amount="1").replace(old, new)
    assert refusal(ofx(told), **OURS)[1] == f"line 14, {field}"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("</STMTTRN>", ""),
        ("</BANKTRANLIST>", ""),
        ("<STMTTRN>", "<stmttrn>"),
        ("<STMTTRN>", "lost <STMTTRN>"),
        ("</OFX>", ""),
        ("</OFX>", "</OFX><OFX></OFX>"),
        ("<ACCTID>12345678", ""),
        ("<CURDEF>USD", ""),
        ("CHARSET:1252", "CHARSET:KLINGON"),
        ("<OFX>", "<!DOCTYPE OFX><OFX>"),
        ("<BANKTRANLIST>", "<!ENTITY a 'b'><BANKTRANLIST>"),
        ("<SONRS>", "<A>" * 100 + "<SONRS>"),
        ("STMTRS", "INVSTMTRS"),
        ("STMTRS", "OTHERRS"),
    ],
)
def test_what_is_not_understood_is_refused_never_passed_over(old: str, new: str) -> None:
    content = ofx(LINE.format(amount="1")).replace(old.encode(), new.encode())
    assert refusal(content, **OURS)[0] == "statement_unreadable"


@pytest.mark.parametrize("cut", [30, 200, 400, 600, -20])
def test_a_file_that_is_cut_off_is_refused(cut: int) -> None:
    content = ofx(LINE.format(amount="1"), balance=BALANCE)
    assert refusal(content[:cut], **OURS)[0] == "statement_unreadable"
