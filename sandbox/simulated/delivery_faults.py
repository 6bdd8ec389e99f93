"""What goes wrong on the way of a webhook, decided anew for each delivery from a seed."""

from dataclasses import dataclass, fields
from random import Random
from typing import Any, TypeVar

from sandbox.simulated.store import Transaction

OLD_BY_S = 3600
_KNOB = "webhooks"


class KnobError(Exception):
    """A knob cannot be turned so; `knob` is its name."""

    def __init__(self, knob: str, text: str) -> None:
        super().__init__(text)
        self.knob = knob


@dataclass(frozen=True)
class DeliveryFaults:
    """Probabilities from 0 to 1, unless a name ends in `_s`; each provider adds its own."""

    seed: int = 0
    paused: bool = False
    duplicate: float = 0.0
    reorder_window: int = 1
    delay: float = 0.0
    delay_max_s: float = 0.0
    drop: float = 0.0
    old_timestamp: float = 0.0

    def draw(self, what: str, *which: int) -> float:
        """A number from 0 to 1 that is the same for the same seed, fault and delivery."""
        return Random(f"{self.seed} {what} {which}").random()  # noqa: S311 - reproducible, not secret

    def strikes(self, what: str, *which: int) -> bool:
        """Whether the fault of this name happens to this delivery."""
        probability: float = getattr(self, what)
        return probability > 0 and self.draw(what, *which) < probability


Kind = TypeVar("Kind", bound=DeliveryFaults)


def read_faults(transaction: Transaction, kind: type[Kind]) -> Kind:
    """The faults that were asked for, or none."""
    return kind(**transaction.knob(_KNOB, {}))


def write_faults(
    transaction: Transaction, kind: type[DeliveryFaults], wanted: dict[str, Any]
) -> None:
    """Replace the faults; what is not named is off.

    Raises:
        KnobError: there is no such fault, or it cannot have this value.
    """
    known = {field.name: type(field.default) for field in fields(kind)}
    for name, value in wanted.items():
        if name not in known:
            raise KnobError(name, f"No such knob: {name}; there are {', '.join(known)}")
        if not isinstance(value, (int, float) if known[name] is float else known[name]):
            raise KnobError(name, f"{name} has to be of type {known[name].__name__}")
    if wanted.get("duplicate", 0) >= 1:
        raise KnobError("duplicate", "duplicate has to be below 1, or deliveries never end")
    transaction.set_knob(_KNOB, wanted)
