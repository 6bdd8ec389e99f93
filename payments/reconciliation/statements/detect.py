"""What format a file is in, by its first bytes."""

import re

from payments.reconciliation.statements.errors import refuse_file

FORMATS = ("camt.052", "camt.053", "mt940", "ofx", "csv")
_LOOKED_AT = 8192
_CAMT = re.compile(r"camt\.(?P<kind>05[0-9])\.[0-9]{3}\.[0-9]{2}|<(?:\w+:)?(?P<name>BkToCstmr\w+)")
_NAMES = {
    "BkToCstmrAcctRpt": "camt.052",
    "BkToCstmrStmt": "camt.053",
    "BkToCstmrDbtCdtNtfctn": "camt.054",
}
_MT940 = re.compile(r"(?:^|[\r\n]|\{4:)\s*:20:")


def detect_format(content: bytes) -> str:
    """Return one of `FORMATS`; a CSV file has no mark of its own and is what is left of text.

    Raises:
        StatementError: the file is empty, or of no format that can be taken.
    """
    start = _text_of(content[:_LOOKED_AT])
    if not start.strip():
        raise refuse_file("The file is empty.")
    if "<OFX>" in start or "OFXHEADER" in start:
        return "ofx"
    if start.lstrip().startswith("<"):
        return _kind_of_camt(start)
    if _MT940.search(start):
        return "mt940"
    if content[:4] in (b"PK\x03\x04", b"%PDF") or "\0" in start:
        raise refuse_file(
            "The file is not text: export the statement as camt.053, MT940, OFX or CSV,"
            " and unpack an archive first."
        )
    return "csv"


def _kind_of_camt(start: str) -> str:
    found = _CAMT.search(start)
    kind = None if found is None else (_NAMES.get(found["name"] or "") or f"camt.{found['kind']}")
    if kind in ("camt.052", "camt.053"):
        return str(kind)
    if kind == "camt.054":
        raise refuse_file(
            "camt.054 is a notification without balances, not a statement: export camt.053."
        )
    raise refuse_file("This XML is no bank statement: export camt.053 or camt.052.")


def _text_of(content: bytes) -> str:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16", errors="replace")
    return content.removeprefix(b"\xef\xbb\xbf").decode("latin-1")
