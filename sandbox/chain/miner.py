"""Makes blocks by itself, in a thread of its own."""

import threading

from sandbox.chain.local_chain import LocalChain

_LOOK_AGAIN_S = 0.5


class Miner:
    """Makes a block every so often while the chain wants one; 0 is at once, None is never."""

    def __init__(self, chain: LocalChain, *, every_s: float | None) -> None:
        self._chain = chain
        self._every_s = every_s
        self._woken = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="miner", daemon=True)

    @property
    def every_s(self) -> float | None:
        """How long after a block the next is made, in seconds."""
        return self._every_s

    @every_s.setter
    def every_s(self, seconds: float | None) -> None:
        self._every_s = seconds
        self._woken.set()

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Make no more blocks."""
        self._stopping.set()
        self._woken.set()
        self._thread.join()

    def wake(self) -> None:
        """Make a block now if blocks are made at once: a transaction waits."""
        if self._every_s == 0:
            self._chain.mine()

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._woken.wait(self._every_s or _LOOK_AGAIN_S)
            self._woken.clear()
            if not self._stopping.is_set() and self._every_s and self._chain.wants_block():
                self._chain.mine()
