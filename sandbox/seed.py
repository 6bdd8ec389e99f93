"""The people of the demo shop, and the keys and tokens that let scripts speak for them."""

import datetime as dt
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass

from sandbox.client import Strongroom
from sandbox.destinations import seed_destinations
from sandbox.environment import Plan
from sandbox.identity import STAFF, issue_token
from sandbox.keys import ensure_keys, kept_keys

# References make seeding repeatable: every run, on the same database, finds the same parties.
_PARTIES = {
    "buyer": {
        "reference": "sandbox-buyer",
        "name": "Example Buyer",
        "email": "buyer@shop.example",
        "country": "DE",
    },
    "other_buyer": {
        "reference": "sandbox-other-buyer",
        "name": "Another Buyer",
        "email": "another-buyer@shop.example",
        "country": "FR",
    },
    "seller": {
        "reference": "sandbox-seller",
        "name": "Example Workshop",
        "email": "seller@shop.example",
        "country": "DE",
    },
}


@dataclass(frozen=True)
class Parties:
    """Who buys and sells in the demo shop, by party id."""

    buyer_id: str
    other_buyer_id: str
    seller_id: str


def seed_parties(base_url: str, service_key: str) -> Parties:
    """Create the demo shop's people through the API, or find them again."""
    with closing(Strongroom(base_url, service_key)) as strongroom:
        ids = {
            name: strongroom.post("/api/parties", details)["id"]
            for name, details in _PARTIES.items()
        }
    return Parties(
        buyer_id=ids["buyer"], other_buyer_id=ids["other_buyer"], seller_id=ids["seller"]
    )


def seed(plan: Plan, settings: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Return the way in for scripts: an API key for each role, a token for each person."""
    now = dt.datetime.now(dt.UTC)
    keys = kept_keys(plan.home.path)
    ensure_keys(keys, settings, now=now)
    parties = seed_parties(plan.base_url, keys["service"])
    seed_destinations(
        plan.base_url,
        keys,
        {
            "buyer": parties.buyer_id,
            "other_buyer": parties.other_buyer_id,
            "seller": parties.seller_id,
        },
        plan.people if plan.starts_chain else None,
    )
    people = {
        "buyer": (parties.buyer_id, "buyer"),
        "other_buyer": (parties.other_buyer_id, "buyer"),
        "seller": (parties.seller_id, "seller"),
        **{name: (member.id, member.role) for name, member in STAFF.items()},
    }
    tokens = {
        name: issue_token(
            plan.secrets.identity_key,
            party_id=party_id,
            role=role,
            now=now,
            lifetime_s=int(settings["JWT_MAX_LIFETIME_S"]),
            issuer=settings["JWT_ISSUER"],
        )
        for name, (party_id, role) in people.items()
    }
    return {"api_keys": keys, "tokens": tokens}
