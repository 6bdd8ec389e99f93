"""Every condition there is, by name."""

from collections.abc import Callable, Sequence

from payments.alerts.condition import Condition, Measured
from payments.alerts.conditions.money import MONEY
from payments.alerts.conditions.on_chain import ON_CHAIN
from payments.alerts.conditions.upkeep import UPKEEP
from payments.alerts.conditions.waiting import WAITING

CONDITIONS: Sequence[Condition] = (*MONEY, *ON_CHAIN, *WAITING, *UPKEEP)


def conditions_unreadable(names: Sequence[str]) -> Condition:
    """Return the condition that stands for those which could not be looked at."""
    return Condition(
        name="conditions_unreadable",
        priority="P2",
        title="Conditions cannot be looked at",
        measured="Conditions whose question failed or took too long: of these nobody is told",
        runbook="escalation",
        measure=_these(names),
    )


def _these(names: Sequence[str]) -> Callable[..., Measured]:
    found = Measured(len(names), tuple(sorted(names)))
    return lambda _session, _settings, _now: found


BY_NAME = {condition.name: condition for condition in (*CONDITIONS, conditions_unreadable(()))}
