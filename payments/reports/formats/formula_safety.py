"""Keeps a spreadsheet from running what somebody typed as a description or a name.

Source: OWASP, CSV Injection. A cell that begins with = + - @, also in its full-width form and
behind spaces or quotes, is read as a formula. Where lists are separated by semicolons a
spreadsheet also begins a cell after each semicolon, tab and line end inside a quoted one.
"""

import re

FORMULA_SIGNS = "=+-@\uff1d\uff0b\uff0d\uff20"
_SIGN = f"[{re.escape(FORMULA_SIGNS)}]"
_STARTS = re.compile(rf"""\A(?=[\t\r])|(\A|[;\t\r\n])(?=[\s"']*{_SIGN})""")


def defuse(text: str) -> str:
    """Return a text cell with an apostrophe before whatever would start a formula.

    Only for text: an amount below zero begins with a minus and is left alone.
    """
    return _STARTS.sub(_with_apostrophe, text)


def _with_apostrophe(found: re.Match[str]) -> str:
    return f"{found[1] or ''}'"
