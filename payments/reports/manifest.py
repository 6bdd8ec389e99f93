"""The manifest of a report's file: what it shows, what it comes to, and the hash of its bytes.

Nothing in it or in the file depends on when it was made, so that whoever has the manifest can
have the file made again and compare.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any

from payments.reports.formats.registry import FORMATS
from payments.reports.formats.tally import Tally
from payments.reports.json_text import column_sums
from payments.reports.open_report import OpenReport
from payments.reports.report import Report
from payments.reports.wanted import moment_text

DISTRIBUTION = "strongroom"


@dataclass
class Written:
    """What was written of a report so far; `pieces` are its bytes, without empty ones."""

    report: Report
    format_name: str
    tally: Tally = field(default_factory=Tally)
    size: int = 0
    _hash: Any = field(default_factory=hashlib.sha256)

    def pieces(self, opened: OpenReport) -> Iterator[bytes]:
        """Give the file's bytes piece by piece; an empty piece says that it goes on."""
        encode = FORMATS[self.format_name].encoder(opened.connection)
        for piece in encode(self.report, self.tally):
            self.size += len(piece)
            self._hash.update(piece)
            yield piece

    def manifest(self) -> dict[str, Any]:
        """Return the manifest, once all pieces were given."""
        scope = self.report.scope
        sums = column_sums(self.report, self.tally)
        return {
            "report": self.report.name,
            "format": self.format_name,
            "filters": _without_as_of(self.report.parameters),
            "as_of": moment_text(scope.as_of),
            "ledger_sequence": self.report.sequence,
            "rows": self.tally.rows,
            "sums": [
                {"asset": asset, **{name: str(amount) for name, amount in by_column.items()}}
                for asset, by_column in sums.items()
            ],
            "sha256": self._hash.hexdigest(),
            "size": self.size,
            "generator": f"{DISTRIBUTION} {version(DISTRIBUTION)}",
        }


def begin_writing(opened: OpenReport, format_name: str) -> Written:
    """Return what will write an open report in a format."""
    return Written(opened.report, format_name)


def differences(manifest: Mapping[str, Any], made: Mapping[str, Any]) -> list[str]:
    """Return what of a manifest is not so in one made anew; the generator's version may differ."""
    names = ("ledger_sequence", "rows", "sums", "sha256", "size")
    return [
        f"{name}: {manifest.get(name)} in the manifest, {made[name]} in the books"
        for name in names
        if manifest.get(name) != made[name]
    ]


def _without_as_of(parameters: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in parameters.items() if name != "as_of"}
