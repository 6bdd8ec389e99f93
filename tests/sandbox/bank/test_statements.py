"""Statements: read back with other people's parsers, and adding up to what moved."""

import csv
import datetime as dt
import io
from decimal import Decimal
from typing import Any

import mt940
import pytest
from lxml import etree

from sandbox.bank.account import OUR_ACCOUNTS
from tests.sandbox.bank.client import REFERENCE, Client

OTHER = "SRZYXWVTSRQP98"


def elements(content: bytes, path: str) -> list[Any]:
    """The elements at a path whose steps are names, whatever their namespace."""
    steps = "/".join(f"*[local-name()='{step}']" for step in path.split("/"))
    found = etree.fromstring(content).xpath(f"//{steps}")
    assert isinstance(found, list)
    return found


def texts(content: bytes, path: str) -> list[str]:
    return [element.text for element in elements(content, path)]


def signed(element: Any) -> Decimal:
    """The amount of a balance, an entry or a part of one, with its sign."""
    (amount,) = element.xpath("*[local-name()='Amt']/text()")
    (side,) = element.xpath("*[local-name()='CdtDbtInd']/text()")
    return Decimal(amount) * (1 if side == "CRDT" else -1)


def camt_adds_up(content: bytes) -> list[tuple[Decimal, Decimal]]:
    """Opening and closing balance of every statement, each checked against its entries."""
    pairs = []
    for statement in elements(content, "Stmt"):
        opening, closing = (signed(one) for one in statement.xpath("*[local-name()='Bal']"))
        entries = statement.xpath("*[local-name()='Ntry']")
        assert opening + sum(signed(one) for one in entries) == closing
        for entry in entries:
            parts = entry.xpath("*[local-name()='NtryDtls']/*[local-name()='TxDtls']")
            if parts[0].xpath("*[local-name()='CdtDbtInd']"):
                assert sum(signed(part) for part in parts) == signed(entry)
        pairs.append((opening, closing))
    return pairs


def mt940_adds_up(content: bytes) -> list[tuple[Decimal, Decimal, list[dict[str, Any]]]]:
    """Opening and closing balance and the lines of every message, each checked."""
    found = []
    for message in content.decode("ascii").split("{1:")[1:]:
        read = mt940.models.Transactions(options=mt940.options.Options(applicant_iban=True))
        lines = [one.data for one in read.parse("{1:" + message)]
        opening, closing = (
            read.data[name].amount.amount
            for name in ("final_opening_balance", "final_closing_balance")
        )
        assert opening + sum(line["amount"].amount for line in lines) == closing
        found.append((opening, closing, lines))
    return found


@pytest.fixture
def moved(client: Client) -> Client:
    """A week in the life of our account: payments, a refund, transfers, a payout, a fee, noise."""
    paid = client.settled(amount=10150)
    refund = client.post(
        f"/v3/payments/{paid}/refunds", {"amount_in_minor": 150, "reference": REFERENCE}
    ).json()
    client.turn("POST", f"refunds/{refund['id']}", to="executed")
    client.turn(
        "POST", "transfers", amount=7000, text=f"Rechnung {OTHER} Grüße", name="Jürgen & Co"
    )
    client.turn("POST", "clock", advance_s=2 * 24 * 3600)
    client.turn("POST", "payouts", account="main", amount=250_000, reference="po_1ABC")
    client.turn("POST", "fees", account="main", amount=490)
    client.turn("POST", "noise", account="main", count=12, seed=7)
    client.settled(currency="USD", amount=300)
    return client


@pytest.mark.parametrize("version", ["02", "08"])
def test_camt_adds_up_for_every_account(moved: Client, version: str) -> None:
    content = moved.statement("camt053", version=version)
    assert f"camt.053.001.{version}".encode() in content[:200]
    held = {account.currency: 0 for account in OUR_ACCOUNTS}
    for account in moved.get("/v3/merchant-accounts").json()["items"]:
        held[account["currency"]] = account["current_balance_in_minor"]
    closing = [after for _, after in camt_adds_up(content)]
    assert [int(amount * 100) for amount in closing] == list(held.values())
    assert texts(content, "Acct/Id/IBAN") == [
        account.identifier for account in OUR_ACCOUNTS if account.has_iban
    ]
    assert texts(content, "Acct/Id/Othr/Id") == ["7300012345"]


def test_camt_says_who_what_and_why(moved: Client) -> None:
    content = moved.statement("camt053", account="main")
    assert texts(content, "TxDtls/Refs/EndToEndId")[:3] == [REFERENCE, REFERENCE, "NOTPROVIDED"]
    assert texts(content, "TxDtls/RmtInf/Ustrd")[:3] == [
        REFERENCE,
        REFERENCE,
        f"Rechnung {OTHER} Grüße",
    ]
    assert texts(content, "RltdPties/Dbtr/Pty/Nm")[:2] == ["Ada Payer", "Jürgen & Co"]
    assert texts(content, "RltdPties/Cdtr/Pty/Nm")[:1] == ["Ada Payer"]  # the refund
    families = texts(content, "BkTxCd/Domn/Fmly/SubFmlyCd")
    assert families[:5] == ["ESCT", "ESCT", "ESCT", "ESCT", "CHRG"]
    references = texts(content, "Ntry/AcctSvcrRef")
    assert len(set(references)) == len(references) == 17
    assert all(len(reference) <= 16 for reference in references)


def test_mt940_adds_up_and_quotes_the_references(moved: Client) -> None:
    euros, dollars, pounds = mt940_adds_up(moved.statement("mt940"))
    assert dollars[1] == Decimal("3.00")
    assert pounds[2] == []
    lines = euros[2]
    assert [line["end_to_end_reference"] for line in lines[:3]] == [REFERENCE, REFERENCE, None]
    assert lines[0]["applicant_iban"] == "DE81700700100012345678"
    # A blank at the end of a piece is lost, as it is with real banks.
    assert lines[2]["purpose"].replace(" ", "") == f"Rechnung{OTHER}Gruesse"
    assert lines[2]["applicant_name"] == "Juergen + Co"
    assert (lines[3]["amount"].amount, lines[3]["end_to_end_reference"]) == (
        Decimal("2500.00"),
        "po_1ABC".replace("_", "."),  # SWIFT knows no underscore
    )
    assert (lines[4]["id"], lines[4]["transaction_code"]) == ("NCHG", "808")
    references = [line["bank_reference"] for line in lines]
    assert references == texts(moved.statement("camt053", account="main"), "Ntry/AcctSvcrRef")


def test_days_follow_each_other_without_a_gap(moved: Client) -> None:
    rows = list(csv.DictReader(io.StringIO(moved.statement("csv", account="main").decode())))
    days = sorted({row["Booking date"] for row in rows})
    assert len(days) == 2
    between = dt.date.fromisoformat(days[0]) + dt.timedelta(days=1)
    first, quiet, last = (
        camt_adds_up(moved.statement("camt053", account="main", **{"from": day, "to": day}))[0]
        for day in (days[0], between.isoformat(), days[1])
    )
    whole = camt_adds_up(moved.statement("camt053", account="main"))[0]
    assert quiet == (first[1], first[1])
    assert (whole[0], first[1], last[1]) == (first[0], last[0], whole[1])
    assert Decimal(rows[-1]["Balance"]) == whole[1]
    assert sum(Decimal(row["Amount"]) for row in rows) == whole[1] - whole[0]


def test_the_same_store_gives_the_same_bytes(moved: Client) -> None:
    for form in ("camt053", "mt940", "csv"):
        assert moved.statement(form) == moved.statement(form)


def test_a_batch_is_one_line_of_many_payments(client: Client) -> None:
    client.turn("PUT", "lines", batch=True)
    for number in range(3):
        client.settled(amount=1000 + number, reference=f"SRABCDEFGHJK{number:02d}")
    assert texts(client.statement("camt053"), "Ntry/NtryRef") == []
    assert client.turn("POST", "batches") == {"lines": [1]}
    assert client.turn("POST", "batches") == {"lines": []}

    content = client.statement("camt053", account="main")
    assert camt_adds_up(content) == [(Decimal(0), Decimal("30.03"))]
    assert texts(content, "Btch/NbOfTxs") == ["3"]
    assert texts(content, "TxDtls/RmtInf/Ustrd") == [f"SRABCDEFGHJK{n:02d}" for n in range(3)]
    ((_, _, (line,)), *_) = mt940_adds_up(client.statement("mt940"))
    written = line["purpose"].replace("\n", "").replace(" ", "")
    assert written == "".join(f"SRABCDEFGHJK{n:02d}" for n in range(3))


def test_lines_are_written_as_payers_banks_write_them(client: Client) -> None:
    client.turn("PUT", "lines", text="Order {reference} thanks", end_to_end_id=False, fee=25)
    client.settled(amount=1000)
    client.turn("PUT", "lines", typo=1, seed=4, text="{reference}")
    client.settled(amount=2000)
    content = client.statement("camt053", account="main")
    assert [signed(entry) for entry in elements(content, "Ntry")] == [
        Decimal(amount) for amount in ("10.00", "-0.25", "20.00", "-0.25")
    ]
    said = texts(content, "TxDtls/RmtInf/Ustrd")
    assert said[0] == f"Order {REFERENCE} thanks"
    garbled = said[2]
    assert garbled != REFERENCE
    assert sum(a != b for a, b in zip(garbled, REFERENCE, strict=True)) == 1
    assert set(texts(content, "TxDtls/Refs/EndToEndId")) == {"NOTPROVIDED"}


def test_anybody_sends_anything_on_any_day(client: Client) -> None:
    for amount, text in ((500, REFERENCE), (500, REFERENCE), (9900, ""), (-700, "we send")):
        client.turn("POST", "transfers", amount=amount, text=text, booked_on="2026-01-31")
    opening, closing = camt_adds_up(
        client.statement("camt053", account="main", **{"from": "2026-02-01", "to": "2026-02-28"})
    )[0]
    assert (opening, closing) == (Decimal("102.00"), Decimal("102.00"))
    (january, *_) = mt940_adds_up(client.statement("mt940", to="2026-01-31"))
    assert [int(line["amount"].amount * 100) for line in january[2]] == [500, 500, 9900, -700]


def test_what_cannot_be_asked_for_is_said(client: Client) -> None:
    for path in ("statements/pdf", "statements/csv?account=none", "statements/csv?from=today"):
        assert client.try_to_turn("GET", path).status_code in (400, 404)
    assert client.try_to_turn("GET", "statements/camt053?version=99").status_code == 400
