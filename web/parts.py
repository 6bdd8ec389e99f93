"""What every request works with, made once for each process and kept on the Flask application."""

import dataclasses
import datetime as dt
from collections.abc import Callable

import redis
from flask import Flask, current_app
from sqlalchemy import Engine

from payments.access.key_uses import KeyUseNotes
from payments.access.tokens import TokenReader
from payments.database import API_ROLE, connect_engine
from payments.delivery import doorbell
from payments.overview.read_overview import RecentOverview
from payments.privacy.data_keys import connect_cipher
from payments.privacy.encryption import FieldCipher
from payments.providers.connect import Providers, connect_providers
from payments.secret_versions.live import LiveSecrets
from payments.settings import Settings
from payments.standstill.standing import gate
from payments.telemetry.posted_entries import tell_of_entries
from payments.webhooks.inbox_writer import InboxWriter
from payments.webhooks.webhook_notes import WebhookNotes

_EXTENSION = "strongroom"

Clock = Callable[[], dt.datetime]


@dataclasses.dataclass(frozen=True)
class Parts:
    """The settings and what was made from them; connections open on first use."""

    settings: Settings
    engine: Engine
    redis: redis.Redis
    cipher: FieldCipher
    secrets: LiveSecrets
    tokens: TokenReader
    providers: Providers
    inbox: InboxWriter
    webhook_notes: WebhookNotes
    key_uses: KeyUseNotes
    overview: RecentOverview
    clock: Clock

    def now(self) -> dt.datetime:
        """Return the time in UTC, for use cases to be told."""
        return self.clock()

    def close(self) -> None:
        """Close the connections that are idle now."""
        self.webhook_notes.close()
        self.engine.dispose()
        self.redis.close()


def make_parts(settings: Settings, *, clock: Clock | None = None, role: str = API_ROLE) -> Parts:
    """Make the parts of a process that works as a role; `clock` is replaced in tests only."""
    engine = connect_engine(settings.database_url, role=role)
    tell_of_entries(engine)
    cipher = connect_cipher(engine, settings.encryption_keyset)
    secrets = LiveSecrets(engine, cipher=cipher, settings=settings)
    return Parts(
        settings=settings,
        engine=engine,
        redis=doorbell.connect(settings.redis_url),
        cipher=cipher,
        secrets=secrets,
        tokens=TokenReader(
            settings.jwt_jwks,
            issuer=settings.jwt_issuer,
            audience=settings.jwt_audience,
            max_lifetime_s=settings.jwt_max_lifetime_s,
            secrets=secrets,
        ),
        providers=connect_providers(settings, secrets=secrets, gate=gate(engine)),
        inbox=InboxWriter(engine),
        webhook_notes=WebhookNotes(engine, writes_by_itself=True),
        key_uses=KeyUseNotes(engine),
        overview=RecentOverview(engine),
        clock=clock or _system_clock,
    )


def install_parts(app: Flask, parts: Parts) -> None:
    """Keep the parts on the application, where `current_parts` finds them."""
    app.extensions[_EXTENSION] = parts


def parts_of(app: Flask) -> Parts:
    """Return the parts of an application."""
    parts: Parts = app.extensions[_EXTENSION]
    return parts


def current_parts() -> Parts:
    """Return the parts of the application that serves this request."""
    return parts_of(current_app)


def _system_clock() -> dt.datetime:
    return dt.datetime.now(dt.UTC)
