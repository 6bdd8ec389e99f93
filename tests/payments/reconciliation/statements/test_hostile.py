"""Files made to harm: they are refused, reach no other file and no network, and take no time."""

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from payments.reconciliation.statements.camt import read_camt
from payments.reconciliation.statements.errors import StatementError, quoted
from tests.payments.reconciliation.statements.camt_files import (
    details,
    document,
    entry,
    quoting,
    statement,
)
from tests.payments.reconciliation.statements.reading import SCALES, read, read_line, refusal
from tests.payments.reconciliation.statements.test_mt940 import LINE, message
from tests.payments.reconciliation.statements.test_ofx import OURS, SGML, ofx

SECRET = "the secret of the house"
BODY = document(statement(entry("1.00", details=details(quoting("X", "&x;"))))).decode()
HEAD, REST = BODY.split("\n", 1)


class Listener:
    """A server that notes whether anybody connects."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self.hits = 0
        self._thread = threading.Thread(target=self._accept)
        self._thread.start()

    def _accept(self) -> None:
        while True:
            connection, _ = self._socket.accept()
            is_last = connection.recv(3) == b"END"
            connection.close()
            if is_last:
                return
            self.hits += 1

    def close(self) -> int:
        """Return how often somebody came by."""
        with socket.create_connection(("127.0.0.1", self.port)) as connection:
            connection.sendall(b"END")
        self._thread.join()
        self._socket.close()
        return self.hits


@pytest.fixture
def listener() -> Iterator[Listener]:
    listener = Listener()
    yield listener
    assert listener.close() == 0


def attacks(file: Path, port: int) -> dict[str, str]:
    url = f"http://127.0.0.1:{port}/x"
    padding = "<!-- camt.053.001.08 " + "x" * 100_000 + " -->"
    return {
        "file": f'<!DOCTYPE Document [<!ENTITY x SYSTEM "file://{file}">]>',
        "url": f'<!DOCTYPE Document [<!ENTITY x SYSTEM "{url}">]>',
        "parameter": f'<!DOCTYPE Document [<!ENTITY % p SYSTEM "{url}"> %p;]>',
        "external type": f'<!DOCTYPE Document SYSTEM "{url}">',
        "public type": f'<!DOCTYPE Document PUBLIC "-//x" "{url}">',
        "plain type": "<!DOCTYPE Document>",
        "late type": f'{padding}<!DOCTYPE Document [<!ENTITY x SYSTEM "file://{file}">]>',
        "late external type": f'{padding}<!DOCTYPE Document SYSTEM "{url}">',
        "laughs": "<!DOCTYPE Document [<!ENTITY a 'ha'>"
        + "".join(f"<!ENTITY {chr(98 + n)} '{f'&{chr(97 + n)};' * 10}'>" for n in range(10))
        + "<!ENTITY x '&k;'>]>",
        "blow-up": f"<!DOCTYPE Document [<!ENTITY x '{'a' * 50_000}'>]>",
    }


@pytest.mark.timeout(30)
@pytest.mark.parametrize("name", attacks(Path("/x"), 1))
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-be"])
def test_entities_and_types_are_refused_unread(
    name: str, encoding: str, tmp_path: Path, listener: Listener
) -> None:
    file = tmp_path / "secret"
    file.write_text(SECRET)
    named = HEAD.replace("UTF-8", encoding)
    content = f"{named}\n{attacks(file, listener.port)[name]}\n{REST}".encode(encoding)
    with pytest.raises(StatementError) as caught:
        read_camt(content, scales=SCALES)
    assert SECRET not in str(caught.value) + str(caught.value.errors)
    assert refusal(content)[0] == "statement_unreadable"


def test_references_to_other_files_are_left_alone(tmp_path: Path, listener: Listener) -> None:
    file = tmp_path / "secret"
    file.write_text(SECRET)
    url = f"http://127.0.0.1:{listener.port}/x"
    included = f'<i:include xmlns:i="http://www.w3.org/2001/XInclude" href="{file}" parse="text"/>'
    content = f"{HEAD}\n<?xml-stylesheet href='{url}'?>\n{REST}".replace("&x;", included).replace(
        "<Document ",
        '<Document xmlns:s="http://www.w3.org/2001/XMLSchema-instance"'
        f' s:schemaLocation="urn:x {url}" ',
    )
    assert SECRET not in read_line(content.encode()).text


def test_undeclared_entities_are_refused() -> None:
    assert refusal(BODY.encode())[0] == "statement_unreadable"


DEEP = 200_000
LONG_TEXT = entry("1.00", details=details(quoting("X", "a" * 12_000_000)))
MANY_ATTRIBUTES = entry("1.00").replace(
    "<Ntry", "<Ntry " + " ".join(f"a{n}='{n}'" for n in range(100_000))
)
BOMBS = {
    "deep xml": (HEAD + "<Document xmlns='camt.053.001.08'>" + "<a>" * DEEP).encode(),
    "deep entry": document(statement(entry("1.00", details="<x>" * DEEP + "</x>" * DEEP))),
    "long text": document(statement(LONG_TEXT)),
    "long amount": document(statement(entry("1" * 5_000_000))),
    "many attributes": document(statement(MANY_ATTRIBUTES)) + b"<",
    "spaces in sgml's header": b"OFXHEADER:" + b" " * 5_000_000 + b"<OFX>",
    "short spaces in sgml's header": b"OFXHEADER" + b" \n" * 2_000 + b"<OFX>",
    "spaces in xml's header": b"<?xml" + b" " * 4_000 + b"x ?><OFX>",
    "lines in xml's header": b"<?xml" + b" \n\t" * 1_300 + b"x ?><OFX>",
    "open elements": SGML.encode() + b"<OFX>" + b"<A>" * 1_000_000,
    "open cdata": SGML.encode() + b"<OFX>" + b"<A><![CDATA[" * 300_000,
    "brackets": SGML.encode() + b"<OFX>" + b"<" * 5_000_000,
    "many subfields": message(LINE, ":86:166" + "?20" * 3_000 + "x" * 5_000).encode(),
    "a long line": message(":61:2611201120C1,00NTRF" + "/" * 5_000_000).encode(),
    "half slashes": message(*[":61:2611201120C1,00NTRF" + "/ " * 450] * 2_000).encode(),
    "many blocks": b"{1:a}" * 200 + b"\n" + message(LINE).encode() + b"{1:" * 2_000_000,
    "many messages": b":20:x\n" * 500_000,
    "signs": b"day,sum\n2026-11-20," + b"-" * 100_000,
}  # fmt: skip


@pytest.mark.timeout(60)
@pytest.mark.parametrize("name", BOMBS)
def test_bombs_are_refused_before_they_go_off(name: str) -> None:
    told = '{"columns": {"booked_on": "day", "amount": "sum"}}'
    options = OURS if b"OFX" in BOMBS[name][:9000] else {}
    assert refusal(BOMBS[name], mapping=told, **options)[0].startswith("statement_")


@pytest.mark.timeout(60)
def test_many_pending_entries_and_references_take_their_time_only_once() -> None:
    pending = entry("1.00", status="<Sts>PDNG</Sts>") * 20_000
    told = details(*(quoting(f"E{n}", "Tea") for n in range(20_000)))
    line = read_line(document(statement(pending, entry("1.00", details=told))))
    assert line.text.count("\n") == 20_000
    field = ":86:166" + "?20a" * 2_000
    [found] = read(message(LINE, *[field] * 2_000).encode())
    assert found.lines[0].text.count("a") == 4_000_000
    words = ofx("<STMTTRN><TRNTYPE>FEE<DTPOSTED>20261105<TRNAMT>1<FITID>a</STMTTRN>" * 20_000)
    assert len(words) > 1_000_000


def test_a_quoted_value_is_short_and_holds_no_card_number() -> None:
    assert "4242 4242" not in quoted("4242 4242 4242 4242")
    assert len(quoted("x" * 1000)) < 50
    assert "\x1b" not in quoted("\x1b[31m")


def test_names_that_are_none_are_no_statement() -> None:
    odd = document(statement(entry("1.00"))).replace(b"BkToCstmrStmt", b"BkToCs:20:tmrStmt")
    assert refusal(odd)[0] == "statement_unreadable"
