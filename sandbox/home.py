"""The sandbox's home folder: where its data, logs and generated secrets are, kept between runs."""

import fcntl
import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from payments.privacy.encryption import new_keyset_json
from sandbox.bank.account import new_private_key

ROOT = Path(__file__).resolve().parents[1]
DEFAULT_HOME = ROOT / ".strongroom"


class HomeError(Exception):
    """The home cannot be used; the text says why and what to do."""


@dataclass(frozen=True)
class Secrets:
    """What a sandbox makes up for itself, once; production refuses every one of them."""

    postgres_password: str
    postgres_superuser_password: str
    valkey_password: str
    stripe_secret_key: str
    stripe_publishable_key: str
    stripe_webhook_secret: str
    truelayer_client_secret: str
    truelayer_signing_key: str  # ours: the ES512 private key, in PEM, that signs what we ask
    bank_webhook_key: str  # the simulated bank's, likewise, that signs what it tells
    wallets_secret: str  # of which the private keys of the local chain are made
    chain_signer_token: str
    keystore_password: str
    api_key_pepper: str
    encryption_keyset: str
    identity_key: str  # the ES256 private key, in PEM, of the demo platform's identity provider


class Home:
    """One sandbox's folder, mode 0700, held by at most one run at a time."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.postgres = path / "postgres"
        self.valkey = path / "valkey"
        self.stripe = path / "stripe"
        self.bank = path / "bank"
        self.chain = path / "chain"
        self.signer = path / "signer"
        self.logs = path / "logs"
        self.metrics = path / "metrics"
        self.sandbox_file = path / "sandbox.json"
        self.environment_file = path / "environment.json"
        self._secrets_file = path / "secrets.json"
        self._lock: int | None = None

    def take(self, *, port: int) -> bool:
        """Make the folder if need be and take it for this process; False if a live run holds it.

        The system lets go of it when the process ends, however that happens.

        Raises:
            HomeError: when the folder belongs to somebody else, or cannot be made.
        """
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        except PermissionError as error:
            raise HomeError(f"This user may not write {self.path.parent}.") from error
        owner = self.path.stat().st_uid
        if owner != os.geteuid():
            raise HomeError(
                f"{self.path} belongs to user {owner} and this is user {os.geteuid()}.\n"
                "Run as the same user as before, or remove it (its data goes with it)."
            )
        self.path.chmod(0o700)
        lock = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            return False
        os.ftruncate(lock, 0)
        os.write(lock, f"{os.getpid()} {port}".encode())
        self._lock = lock
        return True

    def release(self) -> None:
        """Let another run take the folder."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def holder(self) -> tuple[int, int]:
        """Return the process id and the first port of the run that last took the folder."""
        process, port = (self.path / "lock").read_text().split()
        return int(process), int(port)

    def secrets(self) -> Secrets:
        """Return this home's secrets, made up on the first call and kept."""
        kept = json.loads(self._secrets_file.read_text()) if self._secrets_file.exists() else {}
        complete = Secrets(**{**asdict(_new_secrets()), **kept})
        if asdict(complete) != kept:
            write_private(self._secrets_file, asdict(complete))
        return complete


def take_home(path: Path, *, port: int) -> Home:
    """Take `path`, or `path`/port-N when a live run holds it.

    Raises:
        HomeError: when this port's sandbox runs already, or the folder is another user's.
    """
    for home in (Home(path), Home(path / f"port-{port}")):
        if home.take(port=port):
            return home
        process, taken = home.holder()
        if taken == port:
            raise HomeError(
                f"A sandbox runs here already with PORT={port} (process {process}).\n"
                f"Use it, stop it with Ctrl-C, or run another: make run PORT={port + 1000}"
            )
    raise HomeError(f"{path} is held by other runs.")


def write_private(path: Path, content: Mapping[str, Any]) -> None:
    """Write JSON to a file only we may read; a reader never sees half of it."""
    fresh = path.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(content, file, indent=2)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())
    fresh.rename(path)


def _new_secrets() -> Secrets:
    return Secrets(
        postgres_password=f"sandbox_{secrets.token_urlsafe(24)}",
        postgres_superuser_password=f"sandbox_{secrets.token_urlsafe(24)}",
        valkey_password=f"sandbox_{secrets.token_urlsafe(24)}",
        stripe_secret_key=f"sk_test_sandbox_{secrets.token_hex(16)}",
        stripe_publishable_key=f"pk_test_sandbox_{secrets.token_hex(16)}",
        stripe_webhook_secret=f"whsec_sandbox_{secrets.token_hex(16)}",
        truelayer_client_secret=f"sandbox_{secrets.token_urlsafe(32)}",
        truelayer_signing_key=new_private_key(),
        bank_webhook_key=new_private_key(),
        wallets_secret=f"sandbox_{secrets.token_urlsafe(32)}",
        chain_signer_token=f"sandbox_{secrets.token_urlsafe(32)}",
        keystore_password=f"sandbox_{secrets.token_urlsafe(24)}",
        api_key_pepper=f"sandbox_{secrets.token_urlsafe(32)}",
        encryption_keyset=new_keyset_json(),
        identity_key=_new_identity_key(),
    )


def _new_identity_key() -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()
