"""Every call made to a provider."""

import datetime as dt
from typing import Any

from sqlalchemy import ForeignKey
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from payments.database import Base


class ProviderCall(Base):
    """The intent of one call to a provider, committed before the call is made.

    `state`: `intent` (committed, perhaps sent), `done`, `refused` (nothing happened there),
    `declined` (the payer's bank said no; `failure` says what was shown), or `unknown` (no answer).
    `request` is what to repeat word for word; `principal`, `claim_operation` and `reference` name
    the claim it stands for; `due_at` is when to look up an outcome nobody has learnt.
    """

    __tablename__ = "provider_calls"

    id: Mapped[str] = mapped_column(primary_key=True)
    payment_id: Mapped[str] = mapped_column(ForeignKey("strongroom.payments.id"))
    operation: Mapped[str]
    idempotency_key: Mapped[str]
    request: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)
    state: Mapped[str]
    error: Mapped[str | None]
    failure: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    principal: Mapped[str | None]
    claim_operation: Mapped[str | None]
    reference: Mapped[str | None]
    attempts: Mapped[int] = mapped_column(default=0)
    due_at: Mapped[dt.datetime | None]
    created_at: Mapped[dt.datetime]
    finished_at: Mapped[dt.datetime | None]
