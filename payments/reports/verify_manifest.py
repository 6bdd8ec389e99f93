"""Proves a report's file against the books: it is made again, and every figure must be the same."""

import datetime as dt
import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Engine

from payments.errors import InvalidRequestError
from payments.reports.file_format import check_format, report_for
from payments.reports.manifest import begin_writing, differences
from payments.reports.open_report import open_report
from payments.reports.wanted import read_wanted

_PATIENCE_S = 600


def read_manifest(content: str) -> Mapping[str, Any]:
    """Return a manifest as it was written.

    Raises:
        InvalidRequestError: this is none.
    """
    try:
        found = json.loads(content)
        texts = [found[name] for name in ("report", "format", "as_of", "sha256")]
        texts += [*found["filters"], *found["filters"].values()]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InvalidRequestError("This is no manifest of a report.") from error
    if not all(isinstance(text, str) for text in texts):
        raise InvalidRequestError("This is no manifest of a report.")
    manifest: Mapping[str, Any] = found
    return manifest


def verify_manifest(engine: Engine, manifest: Mapping[str, Any], *, now: dt.datetime) -> list[str]:
    """Return what in a manifest is not what the books say; nothing when all is.

    Raises:
        InvalidRequestError, NotFoundError: there is no such report in these books.
    """
    filters = {**manifest["filters"], "as_of": manifest["as_of"]}
    wanted = read_wanted(manifest["report"], filters, now=now)
    check_format(wanted, manifest["format"])
    with open_report(
        engine,
        report_for(wanted, manifest["format"]),
        now=now,
        statement_timeout_s=_PATIENCE_S,
    ) as opened:
        written = begin_writing(opened, manifest["format"])
        for _ in written.pieces(opened):
            pass
        return differences(manifest, written.manifest())
