"""Whatever the bytes, a reader answers with statements that can be true, or with one error."""

import datetime as dt
import random
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from payments.bank_settings import BankAccount
from payments.errors import InvalidRequestError
from payments.reconciliation.statements.camt import read_camt
from payments.reconciliation.statements.csv_mapping import parse_mapping
from payments.reconciliation.statements.csv_presets import PRESETS
from payments.reconciliation.statements.csv_rows import read_csv
from payments.reconciliation.statements.errors import StatementError
from payments.reconciliation.statements.model import Statement
from payments.reconciliation.statements.ofx import read_ofx
from payments.reconciliation.statements.parse import parse_statements
from payments.reconciliation.statements.swift_mt940 import read_mt940
from payments.reconciliation.store_lines import reference_keys
from tests.payments.reconciliation.statements.camt_files import IBAN, balanced
from tests.payments.reconciliation.statements.reading import SAMPLES, SCALES, TODAY
from tests.payments.reconciliation.statements.test_csv import PRESET_ROWS
from tests.payments.reconciliation.statements.test_mt940 import DUTCH, LINE, message
from tests.payments.reconciliation.statements.test_ofx import BALANCE, XML, closed, ofx
from tests.payments.reconciliation.statements.test_ofx import LINE as OFX_LINE

Reader = Callable[[bytes], list[Statement]]


def table_reader(preset: str) -> Reader:
    mapping = parse_mapping(preset)
    return lambda content: read_csv(content, mapping=mapping, currency="EUR", scales=SCALES)


READERS: dict[str, Reader] = {
    "camt": lambda content: read_camt(content, scales=SCALES),
    "mt940": lambda content: read_mt940(content, scales=SCALES),
    "ofx": lambda content: read_ofx(content, scales=SCALES),
    **{preset: table_reader(preset) for preset in PRESETS},
}
GOOD: dict[str, list[bytes]] = {
    "camt": [
        *(file.read_bytes() for file in sorted(SAMPLES.glob("*.xml"))),
        balanced("1.00", "2.00"),
    ],
    "mt940": [
        *(file.read_bytes()[:4_000] for file in sorted(SAMPLES.glob("*.sta"))),
        message(LINE, DUTCH).encode(),
    ],
    "ofx": [
        ofx(OFX_LINE.format(amount="1.5"), balance=BALANCE),
        closed(ofx(OFX_LINE.format(amount="1.5"), header=XML, balance=BALANCE)),
    ],
    **{preset: [content] for preset, (content, _) in PRESET_ROWS.items()},
}
WORDS = [
    *(b"<", b">", b"/", b"&", b"<![CDATA[", b"]]>", b"<!--", b"<!DOCTYPE a>", b"&#0;", b"&lt;"),
    *(b":61:", b":86:", b":20:", b":62F:", b"?20", b"//", b"-\n", b"\r", b"\n", b"\0", b"\xff"),
    *(b",", b";", b'"', b".", b"-", b"9" * 50, b"NaN", b"EUR", b"2026-02-30", b"\xef\xbb\xbf"),
    *("\N{ARABIC-INDIC DIGIT TWO}".encode(), b"1e9", b"0", b"RC", b"\xff\xfe", b" " * 100),
]
ACCOUNT = BankAccount(name="main", identifier=IBAN, currency="EUR")
HEALTH = [HealthCheck.too_slow, HealthCheck.data_too_large]


def mutated(content: bytes, chance: random.Random) -> bytes:
    for _ in range(chance.randint(1, 4)):
        start = chance.randrange(len(content) + 1)
        end = min(len(content), start + chance.choice([0, 1, 1, 5, 40, 400]))
        match chance.randrange(4):
            case 0:
                put = b""
            case 1:
                put = content[start:end] * 2
            case 2:
                put = chance.choice(WORDS)
            case _:
                put = bytes(chance.randrange(256) for _ in range(chance.randint(1, 4)))
        content = content[:start] + put + content[end:]
    return content


def read_or_refused(read: Callable[[], Sequence[Statement]]) -> Sequence[Statement]:
    """Return what was read, nothing if it was refused; anything else comes through."""
    try:
        return read()
    except StatementError as refused:
        named = refused.errors
    assert named
    return ()


def check(statements: Sequence[Statement]) -> None:
    for statement in statements:
        for line in statement.lines:
            assert type(line.amount) is int
            assert line.amount != 0
            assert line.booked_on >= dt.date(1990, 1, 1)
            for text in (line.text, line.bank_ref, line.end_to_end_id, line.batch_ref):
                assert "\0" not in (text or "")
            assert len(reference_keys(line)) < 1000


@pytest.mark.timeout(240)
@pytest.mark.parametrize("reader", READERS)
@settings(max_examples=150, deadline=None, suppress_health_check=HEALTH)
@given(content=st.binary(max_size=2000))
def test_random_bytes(reader: str, content: bytes) -> None:
    for head in (b"", GOOD.get(reader, [b""])[0][:300]):
        check(read_or_refused(partial(READERS[reader], head + content)))


@pytest.mark.timeout(240)
@pytest.mark.parametrize("reader", GOOD)
@settings(max_examples=1500, deadline=None, suppress_health_check=HEALTH)
@given(seed=st.integers(0, 2**64))
def test_good_files_with_faults(reader: str, seed: int) -> None:
    chance = random.Random(seed)
    content = mutated(chance.choice(GOOD[reader]), chance)
    check(read_or_refused(partial(READERS[reader], content)))


@pytest.mark.timeout(240)
@settings(max_examples=1500, deadline=None, suppress_health_check=HEALTH)
@given(seed=st.integers(0, 2**64), preset=st.sampled_from(sorted(PRESETS)))
def test_whatever_comes_in_at_the_door(seed: int, preset: str) -> None:
    chance = random.Random(seed)
    good = chance.choice([content for contents in GOOD.values() for content in contents])
    content = mutated(good, chance) if chance.random() < 0.9 else chance.randbytes(500)
    mapping = parse_mapping(preset)

    def read() -> tuple[Statement, ...]:
        return parse_statements(
            content, account=ACCOUNT, scales=SCALES, today=TODAY, mapping=mapping
        ).statements

    statements = read_or_refused(read)
    check(statements)
    for statement in statements:
        if statement.opening_balance is not None and statement.closing_balance is not None:
            moved = sum(line.amount for line in statement.lines)
            assert statement.opening_balance + moved == statement.closing_balance


@settings(max_examples=1500, deadline=None)
@given(text=st.text(max_size=200) | st.from_regex(r'\{"columns": \{"[a-z_]{1,12}": .{1,9}\}\}'))
def test_whatever_the_mapping(text: str) -> None:
    with suppress(InvalidRequestError):
        parse_mapping(text)


@pytest.mark.parametrize("reader", GOOD)
def test_the_good_files_are_good(reader: str) -> None:
    """Else the faults above would be found in files that were refused anyhow."""
    read = 0
    for content in GOOD[reader]:
        try:
            read += len(READERS[reader](content))
        except StatementError:
            continue
    assert read
