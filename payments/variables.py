"""Reads the environment, variable by variable, and tells all faults at once.

Every variable may be given as `NAME_FILE` instead: the path of a file that holds its value, as
vaults and orchestrators mount secrets. A process's environment is dumped more easily than a file.
"""

import ipaddress
import json
import re
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

IPNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network

SANDBOX_MARK = "sandbox"
LONGEST_FILE = 256 * 1024
PLACEHOLDERS = frozenset(
    {"changeme", "default", "dummy", "example", "fixme", "password", "placeholder", "secret"}
    | {"test", "todo", "xxx", "yourkeyhere", "yoursecrethere", "replaceme", "none", "null"}
)
"""What stands in examples for a secret, without its punctuation."""
# As browsers write it (RFC 6454, 6.2): lower case, no path, nothing that stands for several hosts.
_ORIGIN = re.compile(r"https?://([a-z0-9.-]+|\[[0-9a-f:.]+\])(:[1-9]\d{0,4})?")


class Environment(StrEnum):
    """Where this process runs; the sandbox accepts generated secrets and plain HTTP."""

    SANDBOX = "sandbox"
    PRODUCTION = "production"


class SettingsError(Exception):
    """The configuration is not usable; the text lists every fault at once."""


class Variables:
    """Reads variables one by one and collects the faults, so that all are told at once."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._faults: list[str] = []
        self._files: dict[str, str] = {}
        self._sandbox = environ.get("STRONGROOM_ENV") == Environment.SANDBOX

    def fault(self, text: str) -> None:
        """Note what is wrong with a variable, as a sentence that names it."""
        self._faults.append(text)

    def raise_faults(self) -> None:
        """Tell all faults, if there are any.

        Raises:
            SettingsError: there are.
        """
        if self._faults:
            listed = "\n".join(f"  - {fault}" for fault in self._faults)
            raise SettingsError(f"Strongroom cannot start with this configuration:\n{listed}")

    def environment(self) -> Environment:
        """Return where this process runs."""
        value = self._environ.get("STRONGROOM_ENV", Environment.PRODUCTION)
        try:
            return Environment(value)
        except ValueError:
            self.fault(f"STRONGROOM_ENV is {value!r}; use 'sandbox' or 'production'")
            return Environment.PRODUCTION

    def is_given(self, name: str) -> bool:
        """Whether the variable has a value."""
        return bool(self._given(name))

    def text(self, name: str, *, default: str | None = None) -> str:
        """Return a text; without a default it must be given, or be in the file of `NAME_FILE`."""
        value = self._given(name)
        if value:
            return value
        if default is None:
            self.fault(f"{name} is missing")
            return ""
        return default

    def secret(self, name: str) -> str:
        """Return a text that must not be one made for the sandbox, or a placeholder, outside it."""
        value = self.text(name)
        self._check_real(name, value)
        return value

    def secrets(self, name: str) -> tuple[str, ...]:
        """Return up to three secrets, separated by commas."""
        values = tuple(part.strip() for part in self.secret(name).split(",") if part.strip())
        if len(values) > 3:  # noqa: PLR2004 - current, previous and next
            self.fault(f"{name} lists {len(values)} secrets; at most 3 may be live")
        return values

    def _check_real(self, what: str, value: str) -> None:
        if self._sandbox:
            return
        if SANDBOX_MARK in value:
            self.fault(f"{what} holds a value made for the sandbox; set a real one")
        elif any(re.sub(r"\W|_", "", part).lower() in PLACEHOLDERS for part in value.split(",")):
            self.fault(f"{what} holds a placeholder; set a real one")

    def _given(self, name: str) -> str:
        """Return what the variable, or the file that `NAME_FILE` names, holds."""
        value = self._environ.get(name, "").strip()
        path = self._environ.get(f"{name}_FILE", "").strip()
        if not path:
            return value
        if value:
            self._fault_once(f"{name} and {name}_FILE are both given; unset one")
            return value
        if name not in self._files:
            self._files[name] = self._read(f"{name}_FILE", path)
        return self._files[name]

    def _read(self, name: str, path: str) -> str:
        try:
            with Path(path).open(encoding="utf-8") as file:
                value = file.read(LONGEST_FILE + 1).strip()
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "it is not UTF-8"
            self._fault_once(f"{name} names a file that cannot be read: {reason}")
            return ""
        if not value or len(value) > LONGEST_FILE:
            told = "nothing" if not value else f"over {LONGEST_FILE} characters"
            self._fault_once(f"{name} names a file that holds {told}")
            return ""
        return value

    def _fault_once(self, text: str) -> None:
        if text not in self._faults:
            self.fault(text)

    def url(self, name: str, *, schemes: tuple[str, ...], default: str | None = None) -> str:
        """Return a URL of one of the schemes."""
        value = self.text(name, default=default)
        scheme = urlsplit(value).scheme.partition("+")[0]
        if value and scheme not in schemes:
            self.fault(f"{name} must be a URL that begins with {schemes[0]}://")
        if name.endswith(("DATABASE_URL", "REDIS_URL")) and not self._sandbox:
            self._check_real(f"The password in {name}", urlsplit(value).password or "")
        return value

    def origins(self, name: str) -> tuple[str, ...]:
        """Return web origins, separated by commas."""
        origins = tuple(o.strip() for o in self.text(name, default="").split(",") if o.strip())
        for origin in origins:
            if not _ORIGIN.fullmatch(origin):
                self.fault(f"{name} lists {origin!r}; an origin reads https://host[:port]")
            elif origin.startswith("http:") and not self._sandbox:
                self.fault(f"{name} lists {origin!r}; outside the sandbox use https")
        return origins

    def networks(self, name: str) -> tuple[IPNetwork, ...]:
        """Return the addresses and networks that are listed, separated by commas, if any are."""
        found: list[IPNetwork] = []
        for text in filter(None, map(str.strip, self.text(name, default="").split(","))):
            try:
                found.append(ipaddress.ip_network(text))
            except ValueError:
                self.fault(f"{name} lists {text!r}; use networks such as 10.0.0.0/24, fd00:1::/64")
        return tuple(found)

    def positive(
        self, name: str, *, default: int, least: int = 1, longest: int | None = None
    ) -> int:
        """Return a whole number; what is unusable is told, and the default goes on."""
        value = self.text(name, default=str(default))
        if value.isdecimal() and least <= int(value) <= (longest or int(value)):
            return int(value)
        bounds = "above zero" if longest is None else f"from {least} to {longest}"
        self.fault(f"{name} is {value!r}; it must be a whole number {bounds}")
        return default

    def text_or_file(self, name: str, *, begins: str = "{") -> str:
        """Return a text, or what the file it names holds."""
        value = self.text(name)
        if not value or value.lstrip().startswith(begins):
            return value
        try:
            return Path(value).read_text(encoding="utf-8")
        except OSError as error:
            self.fault(f"{name} names a file that cannot be read: {error.strerror}")
            return ""

    def crash_at(self, name: str) -> Path | None:
        """Return the file that names where to die, for tests."""
        value = self.text(name, default="")
        if value and not self._sandbox:
            self.fault(f"{name} kills processes for tests; unset it")
        return Path(value) if value else None

    def json_object(self, name: str) -> Mapping[str, Any]:
        """Return a JSON object, or that of the file it names."""
        text = self.text_or_file(name)
        if not text:
            return {}
        try:
            value = json.loads(text)
        except json.JSONDecodeError:
            value = None
        if isinstance(value, dict):
            return value
        self.fault(f"{name} must be a JSON object or the path of a file with one")
        return {}
