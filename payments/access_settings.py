"""Settings of who may do what: hosts for staff, second factors, what needs which KYC level."""

import re
from collections.abc import Mapping

from payments.kyc import ANY_ASSET, LEVELS, KycThresholds
from payments.variables import Variables

STEP_UP_AMR = "mfa,otp,hwk,swk"
_HOST = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?|\[[0-9a-f:]+\](:[0-9]{1,5})?")
_FACTOR = re.compile(r"[A-Za-z0-9_.:-]{1,64}")
_ASSET = re.compile(r"[A-Z][A-Z0-9]{2,9}")
_AMOUNT = re.compile(r"0|[1-9][0-9]{0,37}")


def read_staff_hosts(reader: Variables, name: str) -> frozenset[str]:
    """Return the hosts that staff use, in lower case; none means that all hosts are alike."""
    hosts = _listed(reader.text(name, default=""))
    for host in sorted(hosts):
        if not _HOST.fullmatch(host):
            reader.fault(f"{name} lists {host!r}; use names such as staff.example.com[:port]")
    return frozenset(hosts)


def read_factors(reader: Variables, name: str) -> frozenset[str]:
    """Return what of a token's `amr` (RFC 8176) counts as a second factor."""
    factors = _listed(reader.text(name, default=STEP_UP_AMR))
    for factor in sorted(factors):
        if not _FACTOR.fullmatch(factor):
            reader.fault(f"{name} lists {factor!r}; use values of RFC 8176, such as otp or hwk")
    return frozenset(factors)


def read_kyc_thresholds(reader: Variables, name: str) -> KycThresholds:
    """Return from which amount on which KYC level is needed: `basic` from 0, unless it is said."""
    told = reader.json_object(name) if reader.is_given(name) else {}
    if all(_is_threshold(level, amounts) for level, amounts in told.items()):
        by_level = {
            level: {asset: int(amount) for asset, amount in amounts.items()}
            for level, amounts in told.items()
        }
        return KycThresholds({"basic": {ANY_ASSET: 0}, **by_level})
    reader.fault(
        f'{name} must read {{"full": {{"EUR": "1000000", …}}}}: by level (basic, full), minor '
        f"units by asset, or by {ANY_ASSET} for all others"
    )
    return KycThresholds()


def _is_threshold(level: str, amounts: object) -> bool:
    return (
        level in LEVELS[1:]
        and isinstance(amounts, Mapping)
        and all(asset == ANY_ASSET or _ASSET.fullmatch(asset) for asset in amounts)
        and all(type(one) in (int, str) and _AMOUNT.fullmatch(str(one)) for one in amounts.values())
    )


def _listed(text: str) -> set[str]:
    return {part.strip().lower() for part in text.split(",") if part.strip()}
