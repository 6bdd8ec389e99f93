"""A simulated provider's clock, which a test can put forward."""

from collections.abc import Callable

from sandbox.simulated.store import Store, Transaction

_KNOB = "ahead_s"


class Clock:
    """The real time plus what the clock was put forward, which a restart keeps."""

    def __init__(self, real_now: Callable[[], float], store: Store) -> None:
        self._real_now = real_now
        with store.transaction() as transaction:
            self._ahead_s: float = transaction.knob(_KNOB, 0.0)

    def now(self) -> float:
        """Seconds since 1970, as the provider sees it."""
        return self._real_now() + self._ahead_s

    def put_forward(self, transaction: Transaction, seconds: float) -> None:
        """Let time pass at once: what was pending becomes due or available."""
        self._ahead_s += seconds
        transaction.set_knob(_KNOB, self._ahead_s)
