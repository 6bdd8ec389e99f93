"""What comes in as a file, and what goes out as a PDF, reaches nothing it should not."""

import io
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from payments.access.caller import Role
from payments.documents.renderer import Renderer, RenderingError
from payments.documents.weasyprint_renderer import find_weasyprint
from payments.documents.wkhtmltopdf import find_wkhtmltopdf
from tests.payments.documents import conftest as documents
from tests.payments.documents.printed import everything_in
from tests.payments.documents.test_attacks import OF_PDFKIT, WANTING_AN_ADDRESS, WITH_A_SCRIPT
from tests.payments.reconciliation.statements.camt_files import document, entry, statement
from tests.payments.reconciliation.statements.test_hostile import BOMBS, HEAD, REST, attacks
from tests.security.one_world import Keys, api, keys, one_app, one_settings

__all__ = ["api", "keys", "one_app", "one_settings"]  # fixtures

STATEMENTS = "/api/reconciliation/statements?account=main"
ZIPPED_BYTES = 50_000_000


@pytest.fixture
def listener() -> Iterator[documents.Listener]:
    running = documents.Listener()
    yield running
    running.close()


def zip_bomb() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("statement.xml", b"0" * ZIPPED_BYTES)
    return packed.getvalue()


OTHER_FILES = {
    "zip": zip_bomb(),
    "gzip": b"\x1f\x8b\x08\x00" + b"\0" * 500,
    "pdf": b"%PDF-1.7\n1 0 obj <</OpenAction <</S /JavaScript /JS (app.alert(1))>>>> endobj",
    "workbook": b"PK\x03\x04[Content_Types].xml",
    "old workbook": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 500,
    "html": b"<html><script>alert(1)</script></html>",
    "nothing": b"",
    "zeros": b"\0" * 10_000,
}


def test_row_40_xml_has_no_entities_no_network_and_no_bombs(
    api: FlaskClient, keys: Keys, tmp_path: Path, listener: documents.Listener
) -> None:
    """Over HTTP, as finance would upload it: refused with the reason, and nothing is reached."""
    finance, secret = keys.make(Role.FINANCE), tmp_path / "secret"
    secret.write_text(documents.MARK)
    port = int(listener.url.rpartition(":")[2])
    hostile = {
        name: f"{HEAD}\n{attack}\n{REST}".encode() for name, attack in attacks(secret, port).items()
    }
    bombs = {name: bomb for name, bomb in BOMBS.items() if len(bomb) < 6_000_000}
    for name, content in (hostile | bombs | OTHER_FILES).items():
        answer = api.post(STATEMENTS, data=content, headers=finance)
        assert answer.status_code == 400, (name, answer.text[:500])
        assert answer.get_json()["code"].startswith(("statement_", "validation")), name
        assert documents.MARK not in answer.text
    assert listener.requests == []
    assert api.get("/api/reconciliation/statements", headers=finance).get_json()["data"] == []
    good = api.post(STATEMENTS, data=document(statement(entry("1.00"))), headers=finance)
    assert good.status_code == 201, good.text


def test_a_file_of_many_megabytes_is_refused_before_it_is_read(
    api: FlaskClient, keys: Keys
) -> None:
    finance = keys.make(Role.FINANCE)
    assert api.post(STATEMENTS, data=b"0" * 64_000_000, headers=finance).status_code == 413


@pytest.mark.parametrize("find", [find_wkhtmltopdf, find_weasyprint])
def test_row_44_a_page_that_attacks_reaches_no_server_no_file_and_no_script(
    find: object, listener: documents.Listener
) -> None:
    """Every attack at once, on each renderer with its locks; one by one in tests/payments."""
    renderer = find() if callable(find) else None
    if renderer is None:
        pytest.skip("this renderer is not installed")
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        file = Path(folder) / "page.html"
        file.write_text(f"<p>{documents.MARK}</p>")
        file.chmod(0o644)
        for url in (listener.url, file.as_uri()):
            values = {"url": url, "file": file.as_uri(), "path": str(file)}
            scripts = [f"<script>{code}</script>" for code in WITH_A_SCRIPT.values()]
            for kind in (WANTING_AN_ADDRESS.values(), scripts, OF_PDFKIT.values()):
                filled = "".join(attack.format_map(values) for attack in kind)
                assert documents.MARK not in tried(renderer, f"<html><body>{filled}</body></html>")
    assert listener.requests == []


def tried(renderer: Renderer, page: str) -> str:
    try:
        return everything_in(renderer.render(page, title="Attack"))
    except RenderingError as error:
        return str(error)
