"""A line is stored once however many files it is in, its equal twin beside it; else nothing is."""

import datetime as dt
import threading
from collections.abc import Sequence

import pytest
from sqlalchemy import Engine, event, text

from payments.access.caller import Caller, Role
from payments.bank_settings import BankAccount
from payments.errors import InvalidRequestError, ReferenceReusedError
from payments.idempotency import Answered
from payments.privacy.encryption import FieldCipher, new_keyset_json
from payments.reconciliation.import_statement import import_statement, open_content
from payments.reconciliation.line_details import LineDetails, open_details
from payments.reconciliation.read_statements import ImportedFile
from payments.reconciliation.statements.errors import StatementError
from tests.payments.reconciliation.statements.camt_files import (
    balance,
    balanced,
    details,
    document,
    entry,
    quoting,
    statement,
)

NOW = dt.datetime(2026, 11, 22, 12, tzinfo=dt.UTC)
CIPHER = FieldCipher(new_keyset_json())
FINANCE = Caller(principal="key:finance", role=Role.FINANCE)
ACCOUNTS = {
    "main": BankAccount(name="main", identifier="DE89 3704 0044 0532 0130 00", currency="EUR"),
    "twin": BankAccount(name="twin", identifier="DE89370400440532013000", currency="EUR"),
    "gbp": BankAccount(name="gbp", identifier="GB29NWBK60161331926819", currency="GBP"),
}


def take(
    engine: Engine, content: bytes, *, account: str = "main", filename: str = "nov.xml"
) -> Answered[ImportedFile]:
    return import_statement(
        engine,
        caller=FINANCE,
        content=content,
        filename=filename,
        account=account,
        accounts=ACCOUNTS,
        cipher=CIPHER,
        now=NOW,
    )


def stored(engine: Engine) -> list[int]:
    with engine.connect() as connection:
        found = connection.execute(
            text("SELECT amount FROM strongroom.statement_lines ORDER BY amount")
        )
        return [int(amount) for amount in found.scalars()]


def tables(engine: Engine) -> tuple[int, ...]:
    with engine.connect() as connection:
        return tuple(
            connection.execute(text(f"SELECT count(*) FROM strongroom.{name}")).scalar_one()
            for name in ("statement_files", "bank_statements", "statement_lines")
        )


def test_a_file_is_stored_with_what_it_says(fresh_engine: Engine) -> None:
    told = details(quoting("SR0000000001", "Rechnung 7\nDanke"))
    lines = [
        entry("12.50", ref="BANK-1", details=told, value="2026-11-21"),
        entry("2.5", sign="DBIT"),
    ]
    balances = balance("OPBD", "100.00", date="2026-11-19") + balance("CLBD", "110.00")
    content = document(statement(*lines, balances=balances))
    answered = take(fresh_engine, content)
    assert not answered.replayed
    [found] = answered.resource.statements
    assert (found.account, found.currency, found.statement_ref) == ("main", "EUR", "STMT-1")
    assert (found.opening_balance, found.closing_balance) == (10000, 11000)
    assert (found.lines, found.new_lines) == (2, 2)
    with fresh_engine.connect() as connection:
        rows = connection.execute(
            text("SELECT * FROM strongroom.statement_lines ORDER BY position")
        ).all()
        file = connection.execute(text("SELECT * FROM strongroom.statement_files")).one()
    assert [(row.position, row.amount, row.state, row.booked) for row in rows] == [
        (1, 1250, "new", "nothing"),
        (2, -250, "new", "nothing"),
    ]
    assert (rows[0].booked_on, rows[0].value_on) == (dt.date(2026, 11, 20), dt.date(2026, 11, 21))
    assert (rows[0].bank_ref, rows[0].end_to_end_id) == ("BANK-1", "SR0000000001")
    opened = open_details(CIPHER, line_id=rows[0].id, ciphertext=rows[0].details_encrypted)
    assert opened == LineDetails(None, None, "SR0000000001\nRechnung 7 Danke")
    assert open_content(CIPHER, file_id=file.id, ciphertext=file.content_encrypted) == content
    assert (file.name, file.format, file.imported_by) == ("nov.xml", "camt.053", "key:finance")


def test_the_same_file_again_is_answered_as_before(fresh_engine: Engine) -> None:
    content = balanced("1.00", "2.00")
    first = take(fresh_engine, content)
    again = take(fresh_engine, content, filename="copy.xml")
    assert (again.resource, again.replayed) == (first.resource, True)
    assert tables(fresh_engine) == (1, 1, 2)


def test_the_same_file_cannot_be_of_two_accounts(fresh_engine: Engine) -> None:
    content = balanced("1.00")
    take(fresh_engine, content)
    with pytest.raises(ReferenceReusedError, match="another account"):
        take(fresh_engine, content, account="gbp")


def test_an_overlapping_file_brings_only_what_is_new(fresh_engine: Engine) -> None:
    take(fresh_engine, document(statement(entry("1.00", ref="A"), entry("2.00", ref="B"))))
    longer = statement(*(entry(f"{n}.00", ref=ref) for n, ref in enumerate("ABC", 1)), ref="S2")
    [found] = take(fresh_engine, document(longer)).resource.statements
    assert (found.lines, found.new_lines) == (3, 1)
    assert stored(fresh_engine) == [100, 200, 300]


@pytest.mark.parametrize("ref", [None, "SAME", "NONREF"])
def test_two_equal_payments_of_a_day_are_two(fresh_engine: Engine, ref: str | None) -> None:
    twin = entry("5.00", ref=ref, details=details(quoting("NOTPROVIDED", "Tea")))
    take(fresh_engine, document(statement(twin)))
    assert stored(fresh_engine) == [500]
    take(fresh_engine, document(statement(twin, twin, ref="S2")))
    take(fresh_engine, document(statement(twin, twin, ref="S3")))
    assert stored(fresh_engine) == [500, 500]


def part_of_day(opening: int, *amounts: str, ref: str) -> str:
    closing = opening + sum(map(int, amounts))
    balances = balance("OPBD", f"{opening}.00") + balance("CLBD", f"{closing}.00")
    return statement(*map(entry, amounts), ref=ref, balances=balances)


@pytest.mark.parametrize("in_one_file", [True, False])
def test_an_equal_payment_later_in_the_day_is_not_the_earlier_one(
    fresh_engine: Engine, *, in_one_file: bool
) -> None:
    parts = [
        part_of_day(100, "5", ref="1/1"),
        part_of_day(105, "7", ref="1/2"),
        part_of_day(112, "5", ref="1/3"),
    ]
    files = [document(*parts)] if in_one_file else [document(part) for part in parts]
    for file in files:
        take(fresh_engine, file)
    assert stored(fresh_engine) == [500, 500, 700]
    take(fresh_engine, document(part_of_day(100, "5", "7", "5", ref="whole day")))
    take(fresh_engine, document(part_of_day(112, "5", ref="1/3 again"), part_of_day(117, ref="9")))
    assert stored(fresh_engine) == [500, 500, 700]


def test_a_report_of_the_day_and_its_statement_are_no_double(fresh_engine: Engine) -> None:
    lines = [entry("5.00"), entry("5.00"), entry("6.00", ref="R")]
    report = statement(*lines[1:], tag="Rpt", ref="day")
    take(fresh_engine, document(report, version="camt.052.001.06"))
    take(fresh_engine, document(statement(*lines), version="camt.053.001.02"))
    assert stored(fresh_engine) == [500, 500, 600]


def test_concurrent_imports_of_a_file_are_one(fresh_engine: Engine) -> None:
    content = balanced(*["1.00"] * 200)
    answers: list[Answered[ImportedFile]] = []
    barrier = threading.Barrier(4)

    def work() -> None:
        barrier.wait()
        answers.append(take(fresh_engine, content))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answer.replayed for answer in answers) == [False, True, True, True]
    assert len({answer.resource.file_id for answer in answers}) == 1
    assert tables(fresh_engine) == (1, 1, 200)


def test_concurrent_imports_of_a_file_for_two_accounts_are_of_one(fresh_engine: Engine) -> None:
    content = balanced(*["1.00"] * 200)
    barrier = threading.Barrier(2)
    refused: list[ReferenceReusedError] = []

    def work(account: str) -> None:
        barrier.wait()
        try:
            take(fresh_engine, content, account=account)
        except ReferenceReusedError as error:
            refused.append(error)

    threads = [threading.Thread(target=work, args=(account,)) for account in ("main", "twin")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refused) == 1
    assert tables(fresh_engine) == (1, 1, 200)


def test_concurrent_imports_of_overlapping_files_share_their_lines(fresh_engine: Engine) -> None:
    def file(start: int) -> bytes:
        refs = range(start, start + 100)
        return document(statement(*(entry("1.00", ref=f"R{n}") for n in refs), ref=f"S{start}"))

    barrier = threading.Barrier(3)

    def work(start: int) -> None:
        barrier.wait()
        take(fresh_engine, file(start))

    threads = [threading.Thread(target=work, args=(start,)) for start in (0, 50, 75)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert tables(fresh_engine) == (3, 3, 175)


@pytest.mark.parametrize(
    "content",
    [
        document(statement(entry("1.00"), entry("1.0x"))),
        document(
            statement(entry("1.00")), statement(entry("1.00"), iban="FR7630006000011234567890189")
        ),
        document(part_of_day(100, "5", ref="a").replace("105", "106")),
        balanced("1.00")[:-30],
    ],
    ids=["amount", "account", "balance", "cut off"],
)
def test_nothing_of_a_refused_file_is_stored(fresh_engine: Engine, content: bytes) -> None:
    with pytest.raises(StatementError):
        take(fresh_engine, content)
    assert tables(fresh_engine) == (0, 0, 0)


def test_an_unknown_account_is_named_with_those_there_are(fresh_engine: Engine) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        take(fresh_engine, balanced("1.00"), account="savings")
    assert caught.value.errors == {"account": ["Use one of: gbp, main, twin."]}


def count_statements(engine: Engine, content: bytes) -> int:
    seen: list[str] = []

    def note(*arguments: Sequence[object]) -> None:
        seen.append(str(arguments[2]))

    event.listen(engine, "before_cursor_execute", note)
    try:
        take(engine, content)
    finally:
        event.remove(engine, "before_cursor_execute", note)
    return len(seen)


def test_more_lines_need_no_more_statements(fresh_engine: Engine) -> None:
    take(fresh_engine, balanced("3.00"))  # from now on a run is asked for already
    few = count_statements(fresh_engine, balanced("1.00", opening="5"))
    many = count_statements(fresh_engine, balanced(*["2.00"] * 500, opening="7"))
    assert few == many < 20
