"""How well the platform must know somebody before their money moves: levels and thresholds."""

from collections.abc import Mapping
from dataclasses import dataclass, field

LEVELS = ("none", "basic", "full")
ANY_ASSET = "*"


@dataclass(frozen=True)
class KycThresholds:
    """From which amount on a level is needed: by level, then by asset, in minor units.

    The asset `*` stands for all that are not named. By default everything needs `basic`.
    """

    by_level: Mapping[str, Mapping[str, int]] = field(
        default_factory=lambda: {"basic": {ANY_ASSET: 0}}
    )

    def needed(self, *, amount: int, asset: str) -> str:
        """Return the level that an amount in minor units needs."""
        found = "none"
        for level in LEVELS[1:]:
            amounts = self.by_level.get(level, {})
            least = amounts.get(asset, amounts.get(ANY_ASSET))
            if least is not None and amount >= least:
                found = level
        return found

    def suffice(self, level: str, *, amount: int, asset: str) -> bool:
        """Tell whether somebody of this level may move an amount."""
        return LEVELS.index(level) >= LEVELS.index(self.needed(amount=amount, asset=asset))


EVERYTHING_NEEDS_BASIC = KycThresholds()
