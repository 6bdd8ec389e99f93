"""What a job works with: made once per worker process and handed to every job."""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass

import redis
from sqlalchemy import Engine

from jobs.clock import clock
from payments.database import WORKER_ROLE, connect_engine
from payments.delivery import doorbell
from payments.privacy.data_keys import connect_cipher
from payments.privacy.encryption import FieldCipher
from payments.providers.connect import Providers, connect_providers
from payments.settings import Settings
from payments.standstill.standing import gate
from payments.telemetry.posted_entries import tell_of_entries


@dataclass(frozen=True, kw_only=True)
class JobContext:
    """The ways to the outside that jobs may use."""

    settings: Settings
    engine: Engine
    cipher: FieldCipher
    bell: redis.Redis
    providers: Providers
    clock: Callable[[], dt.datetime] = clock


def connect_context(settings: Settings) -> JobContext:
    """Return a context for a process that runs one job at a time."""
    engine = connect_engine(settings.database_url, pool_size=2, role=WORKER_ROLE)
    tell_of_entries(engine)
    return JobContext(
        settings=settings,
        engine=engine,
        cipher=connect_cipher(engine, settings.encryption_keyset),
        bell=doorbell.connect(settings.redis_url),
        providers=connect_providers(settings, gate=gate(engine)),
    )
