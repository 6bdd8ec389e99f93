"""Names of Redis channels, which span all databases of a server: ours carry the database's number.

So two systems on one Redis server, each in its own database, never hear each other.
"""

import redis


def channel(client: redis.Redis, name: str) -> str:
    """Return the full name of a channel for everybody who uses the same Redis database."""
    database = client.connection_pool.connection_kwargs.get("db") or 0
    return f"strongroom:{database}:{name}"
