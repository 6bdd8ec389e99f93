"""The demo's end: finance takes its documents home, and checks that they say what the books say."""

import io
import os
import re
import time
import zipfile
from pathlib import Path
from typing import Any

import requests

from sandbox.calls import TIMEOUT_S, until
from sandbox.demo_sequels import Stage

_NAME = re.compile(r'filename="([A-Za-z0-9._-]+)"')


def take_documents_home(stage: Stage, order: dict[str, Any], folder: Path) -> None:
    """Write an invoice, a trial balance and the journal into `folder`, and say where they are."""
    tell = stage.tell
    tell.chapter("22. Finance takes its documents home")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    invoice = _invoice(stage, order)
    tell.check("the order has an invoice, as PDF", holds=invoice.content.startswith(b"%PDF"))
    trial_balance = _report(stage, "trial-balance", "xlsx")
    as_of = trial_balance.headers["Report-As-Of"]
    tell.step("GET /api/ledger/reports/trial-balance", f"as of {as_of}")
    tell.check("the trial balance is a workbook", holds=_is_workbook(trial_balance.content))
    journal = _report(stage, "journal", "beancount", as_of=as_of)
    again = _report(stage, "journal", "beancount", as_of=as_of)
    is_same = journal.content == again.content
    tell.check("the journal as of then is the same again, byte for byte", holds=is_same)
    asserted = journal.text.count(" balance ")
    tell.check(f"it carries {asserted} balance assertions for bean-check", holds=asserted > 0)
    tell.places(
        {
            "Invoice": _kept(invoice, folder),
            "Trial balance": _kept(trial_balance, folder),
            "Journal": _kept(journal, folder),
        }
    )


def _invoice(stage: Stage, order: dict[str, Any]) -> requests.Response:
    """Fetch the invoice as the buyer; it is made by a job, within seconds of the payment."""
    url = f"{stage.way_in.base_url}/api/invoices/{order['id']}.pdf"

    def made() -> requests.Response | None:
        answer = stage.cast.buyer.get(url, timeout=TIMEOUT_S)
        if answer.status_code == requests.codes.service_unavailable:
            return None
        answer.raise_for_status()
        return answer

    begun = time.monotonic()
    answer = until(made)
    stage.tell.step("GET /api/invoices/….pdf", f"after {time.monotonic() - begun:.1f} s")
    return answer


def _report(stage: Stage, name: str, format_name: str, **filters: str) -> requests.Response:
    url = f"{stage.way_in.base_url}/api/ledger/reports/{name}"
    query = {"format": format_name, **filters}
    answer = stage.cast.finance.get(url, params=query, timeout=TIMEOUT_S)
    answer.raise_for_status()
    return answer


def _is_workbook(content: bytes) -> bool:
    if not zipfile.is_zipfile(io.BytesIO(content)):
        return False
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return "xl/workbook.xml" in archive.namelist()


def _kept(answer: requests.Response, folder: Path) -> str:
    """Write a file under the name that the answer gives it; return its path, from here."""
    named = _NAME.search(answer.headers.get("Content-Disposition", ""))
    if named is None:
        raise requests.HTTPError("the answer names no file", response=answer)
    file = folder / named[1]
    file.write_bytes(answer.content)
    return os.path.relpath(file)
