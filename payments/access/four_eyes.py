"""Acts of two people: whoever asked does not agree, whichever of their credentials they use.

The tables' own checks compare the persons recorded once more; see docs/security.md.
"""

from sqlalchemy import text
from sqlalchemy.orm import Session

from payments.access.caller import Caller
from payments.errors import ConflictError

# Who made a key for somebody else has seen its text, and could act as them.
_SHARES_A_KEY = text("""
    SELECT EXISTS (
      SELECT FROM strongroom.api_keys
       WHERE owner <> created_by
         AND owner IN (:one, :other) AND created_by IN (:one, :other))
""")


def require_second_person(session: Session, caller: Caller, *, first: str, detail: str) -> None:
    """Let somebody else than the person `first` go on.

    Raises:
        ConflictError: the caller is that person, or one of the two made an API key for the other
            (`second_person_needed`); `detail` says what they asked for.
    """
    people = {"one": caller.person, "other": first}
    if caller.person == first or session.execute(_SHARES_A_KEY, people).scalar_one():
        raise ConflictError(detail, code="second_person_needed")
