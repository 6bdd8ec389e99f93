"""What goes wrong on the way of a webhook, decided anew for each delivery from a seed."""

from dataclasses import dataclass, fields
from random import Random
from typing import Any

from sandbox.stripe.refusals import invalid
from sandbox.stripe.store import Transaction

OLD_BY_S = 3600
_KNOB = "webhooks"


@dataclass(frozen=True)
class DeliveryFaults:
    """Probabilities from 0 to 1, unless a name ends in `_s`; as documented in knobs.py."""

    seed: int = 0
    paused: bool = False
    duplicate: float = 0.0
    reorder_window: int = 1
    delay: float = 0.0
    delay_max_s: float = 0.0
    drop: float = 0.0
    wrong_secret: float = 0.0
    old_secret: float = 0.0
    old_secret_value: str = "whsec_old"  # noqa: S105 - signs test events only
    old_timestamp: float = 0.0

    def draw(self, what: str, *which: int) -> float:
        """A number from 0 to 1 that is the same for the same seed, fault and delivery."""
        return Random(f"{self.seed} {what} {which}").random()  # noqa: S311 - reproducible, not secret

    def strikes(self, what: str, *which: int) -> bool:
        """Whether the fault of this name happens to this delivery."""
        probability: float = getattr(self, what)
        return probability > 0 and self.draw(what, *which) < probability

    def secret(self, right: str, *which: int) -> str:
        """The secret this delivery is signed with."""
        if self.strikes("wrong_secret", *which):
            return "whsec_of_somebody_else"
        return self.old_secret_value if self.strikes("old_secret", *which) else right


def read_faults(transaction: Transaction) -> DeliveryFaults:
    """The faults that were asked for, or none."""
    return DeliveryFaults(**transaction.knob(_KNOB, {}))


def write_faults(transaction: Transaction, wanted: dict[str, Any]) -> None:
    """Replace the faults; what is not named is off."""
    known = {field.name: type(field.default) for field in fields(DeliveryFaults)}
    for name, value in wanted.items():
        if name not in known:
            raise invalid(name, f"No such knob: {name}; there are {', '.join(known)}")
        if not isinstance(value, (int, float) if known[name] is float else known[name]):
            raise invalid(name, f"{name} has to be of type {known[name].__name__}")
    if wanted.get("duplicate", 0) >= 1:
        raise invalid("duplicate", "duplicate has to be below 1, or deliveries never end")
    transaction.set_knob(_KNOB, wanted)
