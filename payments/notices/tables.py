"""Endpoints of the platform's backend, the secrets they verify by, notices and their deliveries."""

import datetime as dt
from typing import Any

from sqlalchemy import ARRAY, BigInteger, Text, Uuid
from sqlalchemy.orm import Mapped, mapped_column

from payments.database import Base


class NoticeEndpoint(Base):
    """A URL that hears of changes; of all told topics when `topics` is empty.

    `status`: `enabled`, `disabled` (`disabled_reason`: `by_hand`, `failing`, `gone`) or `deleted`.
    `failing_since` is when the first of its failures in a row was; it is sent nothing until
    `paused_until`.
    """

    __tablename__ = "notice_endpoints"

    id: Mapped[str] = mapped_column(primary_key=True)
    url: Mapped[str]
    description: Mapped[str]
    topics: Mapped[list[str]] = mapped_column(ARRAY(Text))
    status: Mapped[str]
    disabled_reason: Mapped[str | None]
    disabled_at: Mapped[dt.datetime | None]
    failing_since: Mapped[dt.datetime | None]
    paused_until: Mapped[dt.datetime | None]
    created_by: Mapped[str]
    created_at: Mapped[dt.datetime]
    updated_at: Mapped[dt.datetime]


class NoticeSecret(Base):
    """A secret that signs an endpoint's notices from `starts_at` until `ends_at`."""

    __tablename__ = "notice_secrets"

    id: Mapped[str] = mapped_column(primary_key=True)
    endpoint_id: Mapped[str]
    secret_encrypted: Mapped[bytes]
    starts_at: Mapped[dt.datetime]
    ends_at: Mapped[dt.datetime | None]


class Notice(Base):
    """What is told: `id` is its `webhook-id`, `body` the very bytes that are signed and sent.

    `subject_id` is what it tells of; None for tests of an endpoint.
    """

    __tablename__ = "notices"

    id: Mapped[str] = mapped_column(primary_key=True)
    type: Mapped[str]
    subject_id: Mapped[str | None]
    body: Mapped[str]
    created_at: Mapped[dt.datetime]


class NoticeDelivery(Base):
    """One notice to one endpoint; `state`: `waiting`, `delivered` or `failed`.

    While it is under way, `lease_token` says who sends it, and `due_at` when that one is given up.
    `discard_id` is by what a failed one was given up for good.
    """

    __tablename__ = "notice_deliveries"

    number: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    notice_id: Mapped[str]
    endpoint_id: Mapped[str]
    state: Mapped[str]
    attempts: Mapped[int]
    due_at: Mapped[dt.datetime]
    lease_token: Mapped[Any | None] = mapped_column(Uuid)
    last_status: Mapped[int | None]
    last_error: Mapped[str | None]
    last_attempt_at: Mapped[dt.datetime | None]
    delivered_at: Mapped[dt.datetime | None]
    created_at: Mapped[dt.datetime]
    discard_id: Mapped[str | None]


class NoticeReplay(Base):
    """That notices were wanted again: how many, and where to go on when it was not all."""

    __tablename__ = "notice_replays"

    id: Mapped[str] = mapped_column(primary_key=True)
    endpoint_id: Mapped[str]
    accepted: Mapped[int]
    next_since: Mapped[dt.datetime | None]
    requested_by: Mapped[str]
    created_at: Mapped[dt.datetime]
