"""Acts of two people: whoever asked does not agree, whichever of their credentials they use.

The tables' own checks compare the persons recorded once more; see docs/security.md.
"""

from sqlalchemy import text
from sqlalchemy.orm import Session

from payments.access.caller import Caller
from payments.errors import ConflictError

# Who made a key for somebody else has seen its text and could act as them, and so could make keys
# as them: `behind` goes back through all who could. Whoever runs commands on the machine makes the
# first keys of all, and is no common hand of those people.
_ONE_HAND = text("""
    WITH RECURSIVE behind (whom, person) AS (
      SELECT one, one FROM unnest(CAST(ARRAY[:caller, :first] AS text[])) AS one
      UNION
      SELECT behind.whom, k.created_by
        FROM behind JOIN strongroom.api_keys k ON k.owner = behind.person
    ), shared AS (
      SELECT person FROM behind WHERE whom = :caller
      INTERSECT
      SELECT person FROM behind WHERE whom = :first
    )
    SELECT EXISTS (
      SELECT FROM shared
       WHERE person IN (:caller, :first) OR (:by_key AND person NOT LIKE 'command:%'))
""")


def require_second_person(session: Session, caller: Caller, *, first: str, detail: str) -> None:
    """Let somebody else than the person `first` go on.

    Who signed in has proved to be themselves; who sends an API key has not, so nobody may have
    made keys for both of them either.

    Raises:
        ConflictError: the caller is that person, or one of the two, or somebody behind both keys,
            could have acted as the other (`second_person_needed`); `detail` says what they
            asked for.
    """
    people = {
        "caller": caller.person,
        "first": first,
        "by_key": caller.principal.startswith("key:"),
    }
    if caller.person == first or session.execute(_ONE_HAND, people).scalar_one():
        raise ConflictError(detail, code="second_person_needed")
