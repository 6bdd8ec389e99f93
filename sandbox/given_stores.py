"""Asks the databases a person gave whether they answer, before anything is started on them."""

import psycopg
import redis

from sandbox.environment import EnvironmentFaultError

_TIMEOUT_S = 5


def ask_postgresql(variable: str, url: str) -> str:
    """Return what answers at a given PostgreSQL address.

    Raises:
        EnvironmentFaultError: nothing does, or it does not let us in.
    """
    try:
        with psycopg.connect(url, connect_timeout=_TIMEOUT_S) as connection:
            version = connection.info.parameter_status("server_version")
            return f"PostgreSQL {version} as given"
    except psycopg.Error as error:
        first_line = str(error).splitlines()[0]
        raise EnvironmentFaultError(f"{variable} does not work: {first_line}") from None


def ask_redis(variable: str, url: str) -> str:
    """Return what answers at a given Redis address.

    Raises:
        EnvironmentFaultError: nothing does, or it does not let us in.
    """
    try:
        with redis.Redis.from_url(url, socket_timeout=_TIMEOUT_S) as client:
            client.ping()
            return "Redis or Valkey as given"
    except (redis.RedisError, ValueError) as error:
        raise EnvironmentFaultError(f"{variable} does not work: {error}") from None
