"""The sandbox's own API keys: made up once, kept in its home, stored in the database it uses."""

import datetime as dt
import json
from collections.abc import Mapping
from pathlib import Path

from payments.access.api_keys import ensure_key
from payments.access.caller import KEY_ROLES, Role
from payments.access.key_text import make_key_text
from payments.database import connect_engine, transaction
from sandbox.home import write_private


def kept_keys(home: Path) -> dict[str, str]:
    """Return the text of one key for each role a key can have, the same at every call."""
    file = home / "api_keys.json"
    keys: dict[str, str] = json.loads(file.read_text()) if file.exists() else {}
    missing = [role.value for role in sorted(KEY_ROLES) if role.value not in keys]
    if missing:
        now = dt.datetime.now(dt.UTC)
        keys |= {role: str(make_key_text(livemode=False, now=now)) for role in missing}
        write_private(file, keys)
    return keys


def ensure_keys(keys: Mapping[str, str], settings: Mapping[str, str], *, now: dt.datetime) -> None:
    """Store the keys in the database of these settings, unless they are there."""
    engine = connect_engine(settings["DATABASE_URL"])
    try:
        with transaction(engine) as session:
            for role, text in keys.items():
                ensure_key(
                    session,
                    text=text,
                    name=f"sandbox {role}",
                    role=Role(role),
                    pepper=settings["API_KEY_PEPPER"],
                    owner=f"sandbox:{role}",  # as many people as keys: approvals take two
                    now=now,
                )
    finally:
        engine.dispose()
