"""The chains of the settings and who signs for them, connected once for each process.

web3.py takes a second and 60 MB to load: a process that has no chain does without it.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

from payments.chain_settings import ChainSettings, SignerSettings
from payments.providers.chain_port import ChainPort, KeystorePort, SignerPort

READ_TIMEOUT_S = 20


def connect_chains(
    chains: Mapping[str, ChainSettings], *, gate: Callable[[], None] = lambda: None
) -> Mapping[str, ChainPort]:
    """Return the chains by name; nothing is asked of them yet."""
    return {name: connect_chain(settings, gate=gate) for name, settings in chains.items()}


def connect_chain(
    settings: ChainSettings,
    *,
    read_timeout_s: int = READ_TIMEOUT_S,
    gate: Callable[[], None] = lambda: None,
) -> ChainPort:
    """Return one chain; nothing is asked of it yet.

    `gate` is asked before anything is handed in, and raises when it must not be.
    """
    from payments.providers.evm.adapter import EvmChain  # noqa: PLC0415 - see the module
    from payments.providers.evm.rpc import Rpc  # noqa: PLC0415 - likewise

    return EvmChain(settings, rpc=Rpc(settings, read_timeout_s=read_timeout_s), gate=gate)


def connect_signer(settings: SignerSettings | None) -> SignerPort | None:
    """Return the signer that is a process of its own, if there is one."""
    if settings is None or settings.url is None or settings.token is None:
        return None
    from payments.providers.evm.remote_signer import RemoteSigner  # noqa: PLC0415 - see the module

    return RemoteSigner(settings.url, settings.token)


def open_keystore(settings: SignerSettings | None) -> KeystorePort | None:
    """Return the keys of this process, if it has any; they are decrypted on first use."""
    if settings is None or settings.keystore is None or settings.password_file is None:
        return None
    from payments.providers.evm.keystore import Keystore  # noqa: PLC0415 - see the module

    return Keystore(Path(settings.keystore), Path(settings.password_file))
