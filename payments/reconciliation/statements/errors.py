"""Why a statement is refused: with the place in the file, and nothing of it stored."""

import re

from payments.errors import InvalidRequestError
from payments.privacy.redaction import redact_text

UNREADABLE = "statement_unreadable"
NOT_BALANCED = "statement_not_balanced"
OTHER_ACCOUNT = "statement_of_other_account"
_LONGEST_QUOTE = 40
_UNPRINTABLE = re.compile(r"[^\x20-\x7e\xa1-\uffff]")


class StatementError(InvalidRequestError):
    """The file is no statement that can be taken; `errors` names each place at fault."""

    code = UNREADABLE


def refuse_at(where: str, field: str, told: str, *, code: str = UNREADABLE) -> StatementError:
    """Return the error for one field of one place, such as `line 14` and `amount`."""
    return StatementError(
        f"The statement is refused: {where}, {field}: {told}",
        code=code,
        errors={f"{where}, {field}": [told]},
    )


def refuse_file(told: str) -> StatementError:
    """Return the error for a file that is wrong as a whole."""
    return StatementError(told, errors={"file": [told]})


def quoted(text: str) -> str:
    """Return a value of the file as an error may show it: short, printable, no card number."""
    shown = _UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", redact_text(text[:200]))
    return f"'{shown[:_LONGEST_QUOTE]}{'…' if len(shown) > _LONGEST_QUOTE else ''}'"
