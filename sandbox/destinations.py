"""Where the demo shop's people are paid: asked for by its backend, agreed to by finance."""

from collections.abc import Iterator, Mapping
from contextlib import closing
from typing import Any

from sandbox.chain.setup import CHAIN_NAME, People
from sandbox.client import Strongroom

# A connected account of the simulated Stripe, and the IBAN that textbooks use.
_STRIPE_ACCOUNT = "acct_sandboxworkshop"
_IBAN = "DE89370400440532013000"

Destination = dict[str, str]


def seed_destinations(
    base_url: str, keys: Mapping[str, str], parties: Mapping[str, str], people: People | None
) -> None:
    """See that all are known well enough to be paid, and where; `parties` are ids by name.

    `people` have the wallets; None where the chain is not ours.
    """
    with (
        closing(Strongroom(base_url, keys["service"])) as backend,
        closing(Strongroom(base_url, keys["finance"])) as finance,
    ):
        for name, party_id in parties.items():
            backend.put(f"/api/parties/{party_id}/kyc", {"level": "basic"})
            known = finance.get(f"/api/parties/{party_id}/payout-destinations")["data"]
            for wanted in _wanted(name, people):
                if not any(_is(one, wanted) for one in known):
                    _agree_on(backend, finance, party_id, wanted)


def _wanted(name: str, people: People | None) -> Iterator[Destination]:
    if people is not None:
        yield {"kind": "chain", "chain": CHAIN_NAME, "address": people.wallet(name).address}
    if name == "seller":
        yield {"kind": "stripe", "account": _STRIPE_ACCOUNT}
        yield {"kind": "bank", "currency": "EUR", "iban": _IBAN, "holder": "Example Workshop"}


def _is(known: Mapping[str, Any], wanted: Destination) -> bool:
    return known["status"] == "approved" and all(known[key] == wanted[key] for key in wanted)


def _agree_on(backend: Strongroom, finance: Strongroom, party_id: str, wanted: Destination) -> None:
    # The place is part of the reference: another sandbox on the same database has other wallets.
    place = wanted.get("address") or wanted.get("account") or wanted["iban"]
    reference = f"sandbox-{party_id}-{place}"
    proposed = backend.post(
        f"/api/parties/{party_id}/payout-destinations", {"reference": reference, **wanted}
    )
    finance.post(f"/api/payout-destinations/{proposed['id']}/approve", {"reference": reference})
