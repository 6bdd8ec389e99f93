"""What a command may fail with that one sentence explains."""

from sqlalchemy.exc import DBAPIError

from ledger.errors import LedgerError
from payments.errors import StrongroomError
from payments.privacy.encryption import KeysetError
from payments.privacy.redaction import redact_text
from payments.settings import SettingsError

_FORESEEN = (SettingsError, KeysetError, StrongroomError, LedgerError)


def sentence_of(error: Exception) -> str | None:
    """Return what to tell of an error; None of one that nobody has foreseen."""
    if isinstance(error, _FORESEEN):
        faults = getattr(error, "errors", {}).items()
        lines = [f"  {field}: {' '.join(told)}" for field, told in faults]
        return "\n".join([str(error), *lines])
    if isinstance(error, DBAPIError):
        return f"PostgreSQL refused or is away: {redact_text(str(error.orig)).strip()}"
    return None
