"""A signer that looks up in the database what it is to sign, wherever its key is."""

import datetime as dt
from collections.abc import Callable, Collection, Mapping

from sqlalchemy import Engine

from payments.chain.instructions import get_ready
from payments.chain.signing_rules import unsigned_of
from payments.chain_settings import ChainSettings
from payments.database import in_transaction
from payments.providers.chain_errors import SigningRefusedError
from payments.providers.chain_port import ChainPort, Fees, KeystorePort, Signed


class GuardedSigner:
    """Signs intents by what the database says of them and of what they are for."""

    def __init__(
        self,
        engine: Engine,
        key: KeystorePort,
        *,
        chains: Mapping[str, ChainSettings],
        ports: Mapping[str, ChainPort],
        clock: Callable[[], dt.datetime],
    ) -> None:
        self._engine = engine
        self._key = key
        self._chains = chains
        self._ports = ports
        self._clock = clock

    def addresses(self) -> Collection[str]:
        """Return for whom it can sign, checksummed.

        Raises:
            KeystoreError: the keys cannot be had.
        """
        return self._key.addresses()

    def sign(self, intent_id: str, *, fees: Fees) -> Signed:
        """Sign an intent at these fees; the same again gives the same bytes.

        Raises:
            SigningRefusedError: it must not be signed; its code says why in a word.
            KeystoreError: the keys cannot be had.
            OutcomeUnknownError: a chain that was never asked for its contracts does not answer.
        """
        for name in self._chains.keys() & self._ports.keys():
            get_ready(self._chains[name], self._ports[name])
        unsigned = in_transaction(
            self._engine,
            lambda session: unsigned_of(
                session,
                intent_id,
                fees=fees,
                chains=self._chains,
                ports=self._ports,
                now=self._clock(),
            ),
        )
        return self._key.sign(unsigned)


class NoSigner:
    """Stands where nothing is to be signed: it refuses all."""

    def addresses(self) -> Collection[str]:
        """Return nobody."""
        return ()

    def sign(self, intent_id: str, *, fees: Fees) -> Signed:  # noqa: ARG002 - as of every signer
        """Refuse.

        Raises:
            SigningRefusedError: always (`no_signer`).
        """
        raise SigningRefusedError(f"Nobody signs {intent_id} here.", code="no_signer")
