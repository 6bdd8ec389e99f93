"""The shop's server side of every purchase: what it asks of Strongroom with its API key."""

import datetime as dt
from typing import Any

from flask import abort

from sandbox.client import Strongroom, StrongroomError
from sandbox.identity import issue_token
from sandbox.seed import Parties, seed_parties
from sandbox.shop.catalogue import find_product
from sandbox.shop.settings import ShopSettings

TOKEN_LIFETIME_S = 300
_NOT_FOUND = 404


class Shop:
    """The shop's server side of every purchase."""

    def __init__(self, settings: ShopSettings) -> None:
        self.settings = settings
        self._parties: Parties | None = None

    @property
    def parties(self) -> Parties:
        """The buyer and the seller; found at Strongroom by reference at the first purchase."""
        if self._parties is None:
            self._parties = seed_parties(self.settings.strongroom_url, self.settings.service_key)
        return self._parties

    def order(self, slug: str, *, reference: str) -> str:
        """Create the order for one product and return its id; the same reference, the same id."""
        product = find_product(slug)
        if product is None:
            abort(_NOT_FOUND)
        answer = self.strongroom().post(
            "/api/orders",
            {
                "reference": reference,
                "buyer_id": self.parties.buyer_id,
                "seller_id": self.parties.seller_id,
                "currency": product.currency,
                "lines": [
                    {
                        "description": product.name,
                        "quantity": 1,
                        "unit_amount": str(product.net),
                        "tax_rate": str(product.tax_percent),
                    }
                ],
                "platform_fee": str(product.platform_fee),
            },
        )
        order_id: str = answer["id"]
        return order_id

    def own_order(self, order_id: str) -> dict[str, Any]:
        """The order, if it is the signed-in buyer's; otherwise it does not exist."""
        order = self._found(f"/api/orders/{order_id}")
        if order["buyer_id"] != self.parties.buyer_id:
            abort(_NOT_FOUND)
        return order

    def refund(
        self, order: dict[str, Any], payment_id: str, *, share: int | None, reference: str
    ) -> None:
        """Give back a share of an order's payment (10: a tenth), or with None all that is left."""
        payment = self._own_payment(order, payment_id)
        body = {"reference": f"refund-{reference}", "reason": "requested_by_customer"}
        if share is not None:
            body["amount"] = str(int(payment["amount"]) // share)
        self.strongroom().post(f"/api/payments/{payment_id}/refunds", body)

    def release(self, order: dict[str, Any], payment_id: str, *, reference: str) -> None:
        """Have the workshop get all that is held for an order, by whichever rail it was paid."""
        payment = self._own_payment(order, payment_id)
        escrow = payment.get("escrow_id")
        body = {"escrow_id": escrow} if escrow else {"order_id": order["id"]}
        self.strongroom().post("/api/escrow/release", {"reference": f"release-{reference}", **body})

    def own_escrow(self, order: dict[str, Any], escrow_id: str) -> dict[str, Any]:
        """An escrow, if it is this order's; otherwise it does not exist."""
        escrow = self._found(f"/api/escrow/{escrow_id}")
        if escrow["order_id"] != order["id"]:
            abort(_NOT_FOUND)
        return escrow

    def token(self, *, now: dt.datetime, party_id: str | None = None, role: str = "buyer") -> str:
        """A token for a browser's session at Strongroom: the buyer's, or this party's."""
        return issue_token(
            self.settings.identity_key,
            party_id=party_id or self.parties.buyer_id,
            role=role,
            now=now,
            lifetime_s=TOKEN_LIFETIME_S,
            issuer=self.settings.issuer,
            audience=self.settings.audience,
        )

    def strongroom(self) -> Strongroom:
        """The shop's own way to Strongroom, with its API key."""
        return Strongroom(self.settings.strongroom_url, self.settings.service_key)

    def _own_payment(self, order: dict[str, Any], payment_id: str) -> dict[str, Any]:
        payment = self._found(f"/api/payments/{payment_id}")
        if payment["order_id"] != order["id"]:
            abort(_NOT_FOUND)
        return payment

    def _found(self, path: str) -> dict[str, Any]:
        try:
            return self.strongroom().get(path)
        except StrongroomError as refusal:
            if refusal.status == _NOT_FOUND:
                abort(_NOT_FOUND)
            raise
