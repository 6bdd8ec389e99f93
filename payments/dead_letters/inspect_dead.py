"""Shows what is inside of a dead letter, masked; who looks says why, and that is kept."""

import json
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from payments.dead_letters.letters import EVENT, JOB, DeadLetter, parse_id
from payments.dead_letters.list_dead import find_dead
from payments.dead_letters.mask import mask
from payments.delivery.tables import OutboxRow
from payments.errors import InvalidRequestError, NotFoundError
from payments.notices.tables import Notice
from payments.privacy.encryption import DecryptionError, FieldCipher
from payments.webhooks.sealed_payload import unseal
from payments.webhooks.tables import InboxEvent

_SHORTEST_REASON = 3


@dataclass(frozen=True)
class Inspected:
    """A dead letter and its masked content; None when that is gone or cannot be read."""

    letter: DeadLetter
    content: Any


def inspect_dead(
    session: Session, *, letter_id: str, reason: str | None, cipher: FieldCipher
) -> Inspected:
    """Return a dead letter with its content, masked.

    Raises:
        InvalidRequestError: there is no reason (`reason_required`).
        NotFoundError: there is no such dead letter, or it lives again.
    """
    if len((reason or "").strip()) < _SHORTEST_REASON:
        raise InvalidRequestError(
            "Say why you look into it: it may hold personal data.",
            errors={"reason": ["Send the header X-Access-Reason."]},
            code="reason_required",
        )
    try:
        kind, number = parse_id(letter_id, field="id")
    except InvalidRequestError as error:
        raise NotFoundError("There is no such dead letter.") from error
    letter = find_dead(session, kind=kind, number=number)
    if letter is None:
        raise NotFoundError("There is no such dead letter.")
    return Inspected(letter, mask(_content(session, letter, number, cipher=cipher)))


def _content(session: Session, letter: DeadLetter, number: int, *, cipher: FieldCipher) -> Any:
    if letter.kind == JOB:
        return session.get_one(OutboxRow, number).args
    if letter.kind == EVENT:
        event = session.get_one(InboxEvent, number)
        if event.payload_encrypted is None:
            return None
        try:
            payload = unseal(
                cipher,
                event.payload_encrypted,
                provider=event.provider,
                event_id=event.event_id,
            )
        except DecryptionError:
            return None
        return _parsed(payload.decode())
    notice = session.get(Notice, letter.about)
    return None if notice is None else _parsed(notice.body)


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None
