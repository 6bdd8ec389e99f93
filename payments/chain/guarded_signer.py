"""A signer that looks up in the database what it is to sign, wherever its key is."""

import datetime as dt
from collections.abc import Callable, Collection, Mapping

from sqlalchemy import Engine, select

from payments.chain.signing_rules import unsigned_of
from payments.chain.tables import ChainIntent
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
        self._check_contracts_of(intent_id)
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

    def _check_contracts_of(self, intent_id: str) -> None:
        """Have an intent's chain asked for its contracts, before a transaction is open."""
        wanted = select(ChainIntent.chain).where(ChainIntent.id == intent_id)
        name = in_transaction(self._engine, lambda session: session.scalar(wanted))
        if name is not None and name in self._ports:
            self._ports[name].check_contracts()


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
