"""Why a statement is refused: with the place in the file, and nothing of it stored."""

import re

from payments.errors import InvalidRequestError
from payments.privacy.redaction import redact_text

_LONGEST_QUOTE = 40
_UNPRINTABLE = re.compile(r"[^\x20-\x7e\xa1-\uffff]")


class StatementError(InvalidRequestError):
    """The file is no statement that can be taken; `errors` names each place at fault."""

    code = "statement_unreadable"


class NotBalancedError(StatementError):
    """The lines do not lead from the opening to the closing balance."""

    code = "statement_not_balanced"


class OtherAccountError(StatementError):
    """The statement is of another account, or in another currency, than the one named."""

    code = "statement_of_other_account"


def refuse_at(
    where: str, field: str, told: str, *, error: type[StatementError] = StatementError
) -> StatementError:
    """Return the error for one field of one place, such as `line 14` and `amount`."""
    return error(
        f"The statement is refused: {where}, {field}: {told}",
        errors={f"{where}, {field}": [told]},
    )


def refuse_file(told: str) -> StatementError:
    """Return the error for a file that is wrong as a whole."""
    return StatementError(told, errors={"file": [told]})


def quoted(text: str) -> str:
    """Return a value of the file as an error may show it: short, printable, no card number."""
    shown = _UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", redact_text(text[:200]))
    return f"'{shown[:_LONGEST_QUOTE]}{'…' if len(shown) > _LONGEST_QUOTE else ''}'"
