"""What is running on what, and what about it endangers money: the checks of `strongroom doctor`."""

from payments.doctor.report import checks
from payments.provider_checks import Check, State

__all__ = ["Check", "State", "checks"]
