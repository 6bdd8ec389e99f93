"""Sees a standby that took over through, when it knew all that the server before it did.

Then there is nothing to look at by hand, and what the providers say must show it: whatever they
have that was forgotten ends the short way, and is seen to as after any other restore.
"""

import datetime as dt
from collections.abc import Callable, Mapping, Sequence

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from payments.access.caller import Caller
from payments.chain_settings import ChainSettings
from payments.database import in_transaction
from payments.errors import ConflictError
from payments.privacy.encryption import FieldCipher
from payments.providers.connect import Providers
from payments.restores.begin_restore import begin_restore
from payments.restores.finish_restore import finish_restore
from payments.restores.read_restores import find_open, read_restore
from payments.restores.reconcile import reconcile_restore
from payments.restores.settle_finding import settle_finding
from payments.restores.tables import Restore, RestoreFinding

LOOK_BACK = dt.timedelta(hours=1)
"""So long before now a look begins, at least: a standby is seconds behind."""

_SPEAKS_FOR_ITSELF = ("payment", "payout", "dispute", "event")
"""Found of these, what is `adopted` and was not forgotten only went on while nobody listened."""


def fail_over(
    engine: Engine,
    *,
    caller: Caller,
    reference: str,
    reason: str,
    providers: Providers,
    cipher: FieldCipher,
    chains: Mapping[str, ChainSettings],
    clock: Callable[[], dt.datetime],
    tell: Callable[[str], None] = lambda _: None,
) -> Restore:
    """Begin a restore unless one goes on, look at all providers, and ask to finish it.

    The caller answers for it that nothing was lost; somebody else finishes it. It may be run again.

    Raises:
        InvalidRequestError: there is no reason.
        ConflictError: something was forgotten: see to it (`conflict`).
        UnavailableError: a provider did not answer; the same again goes on.
    """
    restore_id = in_transaction(engine, _going_on)
    if restore_id is None:
        now = clock()
        restore_id = begin_restore(
            engine,
            caller=caller,
            reference=f"{reference}-begin",
            reason=reason,
            restored_to=now - LOOK_BACK,
            now=now,
        ).resource.id
    reconcile_restore(
        engine,
        restore_id=restore_id,
        providers=providers,
        cipher=cipher,
        chains=chains,
        clock=clock,
        tell=tell,
    )

    def ask(session: Session) -> Restore:
        restore = read_restore(session, restore_id, lock=True)
        _settle_checks(session, caller, restore, reference=reference, reason=reason, now=clock())
        if restore.finish_requested_by is not None:
            return restore
        return finish_restore(
            session,
            caller=caller,
            reference=f"{reference}-finish",
            restore_id=restore.id,
            now=clock(),
        ).resource

    return in_transaction(engine, ask)


def _going_on(session: Session) -> str | None:
    restore = find_open(session)
    return None if restore is None else restore.id


def _settle_checks(
    session: Session,
    caller: Caller,
    restore: Restore,
    *,
    reference: str,
    reason: str,
    now: dt.datetime,
) -> None:
    """Settle what a person has to look at only when something was forgotten."""
    found = session.scalars(select(RestoreFinding).filter_by(restore_id=restore.id)).all()
    _refuse_forgotten(found)
    for finding in found:
        if finding.status == "open":
            settle_finding(
                session,
                caller=caller,
                reference=f"{reference}-{finding.id}",
                finding_id=finding.id,
                note=f"Nothing was lost: {reason}"[:500],
                now=now,
            )


def _refuse_forgotten(found: Sequence[RestoreFinding]) -> None:
    lost = [one for one in found if one.kind != "to_check" and _was_lost(one)]
    if lost:
        raise ConflictError(
            f"{len(lost)} findings tell of what was forgotten, such as {lost[0].id}: see"
            " `restore findings`, settle what is open, and finish.",
            code="conflict",
        )


def _was_lost(finding: RestoreFinding) -> bool:
    return (
        finding.status in ("open", "awaiting")
        or finding.kind not in _SPEAKS_FOR_ITSELF
        or "forgotten" in finding.detail
    )
