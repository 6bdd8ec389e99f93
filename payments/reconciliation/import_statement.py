"""Takes a file of bank statements in: every line once, however many files it stands in.

One transaction stores the file, its statements and its new lines, and asks for a run to match them.
The file's digest is its reference: the same bytes again are answered as the first time.
"""

import base64
import datetime as dt
import hashlib
import zlib
from collections import Counter
from collections.abc import Mapping
from functools import partial

from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

import ledger
from payments.access.caller import Caller
from payments.bank_settings import BankAccount
from payments.database import in_transaction
from payments.errors import InvalidRequestError, ReferenceReusedError
from payments.idempotency import Answered
from payments.identifiers import new_id
from payments.privacy.encryption import FieldCipher
from payments.reconciliation.read_statements import ImportedFile, read_file
from payments.reconciliation.statements.csv_mapping import CsvMapping
from payments.reconciliation.statements.model import Statement
from payments.reconciliation.statements.parse import Parsed, parse_statements
from payments.reconciliation.store_lines import (
    Aside,
    NewLine,
    at_once,
    find_new_lines,
    insert_lines,
    lock,
)
from payments.reconciliation.tables import BankStatement, StatementFile
from payments.reconciliation.wake_up import wake_up

LONGEST_NAME = 200
_CONTENT = {"table": "statement_files", "column": "content_encrypted"}


def import_statement(
    engine: Engine,
    *,
    caller: Caller,
    content: bytes,
    filename: str,
    account: str,
    accounts: Mapping[str, BankAccount],
    format: str = "auto",  # noqa: A002 - the word of the API
    mapping: CsvMapping | None = None,
    cipher: FieldCipher,
    now: dt.datetime,
    aside: Aside = at_once,
) -> Answered[ImportedFile]:
    """Store what the file says of the account that is named `account` in the settings.

    `aside` runs what takes long without waiting for anything.

    Raises:
        InvalidRequestError: there is no such account.
        StatementError: the file cannot be read, cannot be true, or is of another account.
        ReferenceReusedError: the same file was imported for another account.
    """
    ours = _account_named(account, accounts)
    digest = hashlib.sha256(content).digest()

    def known(session: Session) -> ImportedFile | None:
        return _imported_before(session, digest, ours)

    before = in_transaction(engine, known)
    if before is not None:
        return Answered(before, replayed=True)
    scales = in_transaction(engine, _scales)
    read = partial(parse_statements, content, account=ours, scales=scales, today=now.date())
    parsed = aside(partial(read, format=format, mapping=mapping))
    file_id = new_id("stf", now=now)
    sealed = aside(partial(seal_content, cipher, file_id=file_id, content=content))

    def store(session: Session) -> Answered[ImportedFile]:
        lock(session, digest.hex())
        lock(session, ours.name)
        before = known(session)
        if before is not None:
            return Answered(before, replayed=True)
        session.add(
            StatementFile(
                id=file_id,
                sha256=digest,
                name=filename[:LONGEST_NAME],
                format=parsed.format,
                content_encrypted=sealed,
                imported_by=caller.principal,
                imported_at=now,
            )
        )
        session.flush()
        fresh = _store_statements(session, parsed, file_id=file_id, ours=ours, now=now)
        insert_lines(session, fresh, account=ours.name, cipher=cipher, now=now, aside=aside)
        wake_up(session, now=now)
        return Answered(read_file(session, file_id), replayed=False)

    return in_transaction(engine, store)


def seal_content(cipher: FieldCipher, *, file_id: str, content: bytes) -> bytes:
    """Return the file's ciphertext: compressed first, since XML says everything twice."""
    text = base64.b64encode(zlib.compress(content)).decode()
    return cipher.encrypt(text, row_id=file_id, **_CONTENT)


def open_content(cipher: FieldCipher, *, file_id: str, ciphertext: bytes) -> bytes:
    """Return the file's bytes as they came in.

    Raises:
        DecryptionError: it is not this file's ciphertext, or its key is gone.
    """
    text = cipher.decrypt(ciphertext, row_id=file_id, **_CONTENT)
    return zlib.decompress(base64.b64decode(text))


def _scales(session: Session) -> dict[str, int]:
    return {code: asset.exponent for code, asset in ledger.assets(session.connection()).items()}


def _account_named(name: str, accounts: Mapping[str, BankAccount]) -> BankAccount:
    found = accounts.get(name)
    if found is None:
        listed = ", ".join(sorted(accounts)) or "none; set BANK_ACCOUNTS"
        raise InvalidRequestError(
            "No bank account of ours has this name.", errors={"account": [f"Use one of: {listed}."]}
        )
    return found


def _imported_before(session: Session, digest: bytes, ours: BankAccount) -> ImportedFile | None:
    file_id = session.scalar(_FILE_OF_DIGEST, {"sha256": digest})
    if file_id is None:
        return None
    found = read_file(session, file_id)
    if any(statement.account != ours.name for statement in found.statements):
        raise ReferenceReusedError(
            "This very file was imported for another account; it can be of one only."
        )
    return found


_FILE_OF_DIGEST = text("SELECT id FROM strongroom.statement_files WHERE sha256 = :sha256")


def _store_statements(
    session: Session,
    parsed: Parsed,
    *,
    file_id: str,
    ours: BankAccount,
    now: dt.datetime,
) -> list[NewLine]:
    """Store the statements, and return the lines they bring."""
    ids = sorted(new_id("stm", now=now) for _ in parsed.statements)  # in the file's order
    wanted = dict(zip(ids, parsed.statements, strict=True))
    fresh = find_new_lines(session, wanted, account=ours.name)
    counts = Counter(line.statement_id for line in fresh)
    session.add_all(
        _row(
            statement_id,
            statement,
            file_id=file_id,
            new_lines=counts[statement_id],
            now=now,
            ours=ours,
        )
        for statement_id, statement in wanted.items()
    )
    session.flush()
    return fresh


def _row(
    statement_id: str,
    statement: Statement,
    *,
    file_id: str,
    ours: BankAccount,
    new_lines: int,
    now: dt.datetime,
) -> BankStatement:
    return BankStatement(
        id=statement_id,
        file_id=file_id,
        account=ours.name,
        currency=statement.currency,
        statement_ref=statement.statement_ref,
        from_date=statement.from_date,
        to_date=statement.to_date,
        opening_balance=statement.opening_balance,
        closing_balance=statement.closing_balance,
        closing_date=statement.closing_date,
        line_count=len(statement.lines),
        new_line_count=new_lines,
        imported_at=now,
    )
