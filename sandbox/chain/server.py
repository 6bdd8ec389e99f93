"""The local chain as a running server on 127.0.0.1: a node in front, a miner behind."""

from collections.abc import Sequence
from types import TracebackType
from typing import Self

from sandbox.chain.app import create_app
from sandbox.chain.contracts_at_start import Gift, begin
from sandbox.chain.knobs import Knobs, add_knobs
from sandbox.chain.local_chain import LocalChain
from sandbox.chain.miner import Miner
from sandbox.chain.rpc import Node
from sandbox.serving import LoopbackServer
from sandbox.simulated.faults import Faults


class ChainServer:
    """A node of a chain, with its contracts made; port 0 takes any free port.

    Several may serve one chain, each with its own faults and its own knowledge of it.
    """

    def __init__(
        self,
        chain: LocalChain,
        *,
        port: int = 0,
        every_s: float | None = None,
        gifts: Sequence[Gift] = (),
    ) -> None:
        """`every_s` is how often blocks are made; `gifts` are given once, when the chain is new."""
        self.chain = chain
        begin(chain, gifts)
        self.faults = Faults()
        self.miner = Miner(chain, every_s=every_s)
        self.node = Node(chain, heard=self.miner.wake)
        app = create_app(self.node, self.faults)
        add_knobs(app, Knobs(chain, self.node, self.miner, self.faults))
        self._server = LoopbackServer(app, port=port)

    @property
    def url(self) -> str:
        """Where it answers."""
        return self._server.url

    def start(self) -> None:
        """Answer calls and make blocks, in the background."""
        self.miner.start()
        self._server.start()

    def stop(self) -> None:
        """Answer no more; the chain is the caller's to close."""
        self.faults.stop()
        self._server.stop()
        self.miner.stop()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
