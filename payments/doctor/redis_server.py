"""Redis or Valkey: which it is, what it may lose, who can read along."""

from typing import Any

import redis

from payments.doctor.places import leaves_the_machine, option
from payments.provider_checks import CONNECT_TIMEOUT_S, Check, State, place
from payments.settings import Settings

OLDEST_REDIS = 7


def redis_checks(settings: Settings) -> list[Check]:
    """Ask the server; all of it is one line when it does not answer."""
    at = place(settings.redis_url)
    client = redis.Redis.from_url(
        settings.redis_url,
        socket_connect_timeout=CONNECT_TIMEOUT_S,
        socket_timeout=CONNECT_TIMEOUT_S,
        retry=None,
    )
    try:
        facts: dict[str, Any] = client.info()
        return [
            _version(facts, at),
            redis_transport(settings.redis_url),
            _user(client, is_sandbox=settings.is_sandbox),
            _persistence(facts),
            _eviction(facts),
        ]
    except redis.RedisError as error:
        told = str(error).partition("\n")[0]
        detail = f"{at} does not answer: {told}"
        return [Check("Redis", State.FAIL, detail), redis_transport(settings.redis_url)]
    finally:
        client.close()


def redis_transport(url: str) -> Check:
    """Look at a URL: over a network, only TLS that checks whose certificate it is."""
    name = "Redis TLS"
    if not leaves_the_machine(url):
        return Check(name, State.OK, "not needed: it is on this machine")
    if not url.startswith("rediss:"):
        change = "set REDIS_URL to rediss://… and give Redis a certificate (tls-port)"
        return Check(name, State.FAIL, "jobs and events cross the network in clear", change)
    if option(url, "ssl_cert_reqs") in ("none", "optional"):
        change = "take ssl_cert_reqs out of REDIS_URL; for a CA of your own add ssl_ca_certs=/path"
        return Check(name, State.FAIL, "whoever answers is believed", change)
    if (option(url, "ssl_check_hostname") or "true").casefold() in ("false", "no", "0"):
        change = "take ssl_check_hostname out of REDIS_URL"
        return Check(name, State.FAIL, "a certificate of any other host is believed", change)
    return Check(name, State.OK, "with the server's certificate checked")


def _version(facts: dict[str, Any], place: str) -> Check:
    name = "Valkey" if "valkey_version" in facts else "Redis"
    version = str(facts.get("valkey_version") or facts["redis_version"])
    if int(version.split(".", maxsplit=1)[0]) < OLDEST_REDIS:
        change = f"upgrade to {OLDEST_REDIS} or newer"
        return Check(name, State.FAIL, f"{version} on {place}", change)
    if facts.get("role", "master") != "master":
        change = "let REDIS_URL lead to the one that is written to"
        return Check(name, State.FAIL, f"{version} on {place} is a replica", change)
    return Check(name, State.OK, f"{version} on {place}")


def _user(client: redis.Redis, *, is_sandbox: bool) -> Check:
    name = "Redis user"
    try:
        user = str(client.execute_command("ACL WHOAMI"))  # type: ignore[no-untyped-call] # redis-py's
    except redis.exceptions.NoPermissionError:
        return Check(name, State.OK, "one of its own, which may not even ask its name")
    user = user.removeprefix("b'").removesuffix("'")
    if user != "default" or is_sandbox:
        return Check(name, State.OK, user)
    change = "make a user for Strongroom (docs/operating.md, Redis) and name it in REDIS_URL"
    return Check(name, State.WARN, "default, which may do everything", change)


def _persistence(facts: dict[str, Any]) -> Check:
    name = "Redis persistence"
    if facts.get("aof_enabled") and facts.get("aof_last_write_status", "ok") != "ok":
        return Check(name, State.FAIL, "it cannot write its file", "look at its disk and its log")
    if facts.get("aof_enabled"):
        return Check(name, State.OK, "append-only file")
    detail = "no append-only file: after a restart, jobs wait for the next sweep of the outbox"
    return Check(name, State.WARN, detail, "set appendonly yes")


def _eviction(facts: dict[str, Any]) -> Check:
    policy = str(facts.get("maxmemory_policy", "unknown"))
    if policy == "noeviction":
        return Check("Redis eviction", State.OK, policy)
    detail = f"{policy}: jobs may vanish when memory is short"
    return Check("Redis eviction", State.FAIL, detail, "set maxmemory-policy noeviction")
