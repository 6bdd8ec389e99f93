"""One look at all providers after a restore: what it works with, and how it notes what it finds."""

import datetime as dt
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from payments.privacy.encryption import FieldCipher
from payments.providers.connect import Providers
from payments.restores.findings import Kind, Standing, note_finding

MARGIN = dt.timedelta(hours=1)
"""So long before the moment of the restore a look begins: clocks differ, and events come late."""

CAUSE = "restore"
"""The cause of what changes by a look, in the history of a payment."""


@dataclass(frozen=True, kw_only=True)
class Look:
    """A look for one restore, at what happened at providers since `since`."""

    engine: Engine
    providers: Providers
    cipher: FieldCipher
    restore_id: str
    since: dt.datetime
    clock: Callable[[], dt.datetime]
    figures: Counter[str] = field(default_factory=Counter)

    def note(
        self,
        session: Session,
        kind: Kind,
        *,
        provider: str,
        provider_ref: str,
        status: Standing,
        detail: str,
        order_id: str | None = None,
        payment_id: str | None = None,
        our_id: str | None = None,
        money: tuple[int, str] | None = None,
    ) -> None:
        """Write down a finding of this look, within a transaction."""
        note_finding(
            session,
            restore_id=self.restore_id,
            kind=kind,
            provider=provider,
            provider_ref=provider_ref,
            status=status,
            detail=detail,
            order_id=order_id,
            payment_id=payment_id,
            our_id=our_id,
            money=money,
            now=self.clock(),
        )
        self.figures[f"{kind}_{status}"] += 1
