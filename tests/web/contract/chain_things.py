"""Things of the crypto rail and of releases for schemathesis to meet, made over HTTP."""

import datetime as dt
import secrets
from pathlib import Path
from typing import Any

from payments.access.caller import Role
from tests.payments.escrow.desk import Desk, wallet_of_nobody
from tests.web.conftest import Headers
from tests.web.contract.things import Things

ASKED_FOR_MUCH = "2000000"  # releases above 10,000.00 EUR wait for a second person


class ChainThings:
    """Makes escrows in several states, destinations, releases and freezes."""

    def __init__(self, things: Things, desk: Desk) -> None:
        self._things = things
        self._desk = desk
        self._support: Headers = things.key_of(Role.SUPPORT)
        self._finance: Headers = things.key_of(Role.FINANCE)
        for party_id in (things.buyer_id, things.seller_id):
            path = f"/api/parties/{party_id}/kyc"
            answer = things.client.put(path, json={"level": "full"}, headers=things.service)
            assert answer.status_code == 200, answer.text
        self._decided(things.buyer_id, desk.chain.buyer.address)
        self._decided(things.seller_id, desk.chain.seller.address)

    def write(self, folder: Path) -> None:
        """Make them, and name them in `folder`."""
        waiting = [self._deployed() for _ in range(4)]
        funded = [self._deployed() for _ in range(10)]
        self._desk.go_on()
        for escrow in funded:
            self._desk.pay(self._desk.escrow(escrow["id"]))
        self._desk.go_on()
        ids = [escrow["id"] for escrow in funded]
        paid = [self._paid_order() for _ in range(6)]
        much = [self._release(self._paid_order(ASKED_FOR_MUCH)) for _ in range(10)]
        named = {
            "usdc_orders": [self._order() for _ in range(8)],
            "escrows": [escrow["id"] for escrow in waiting] + ids,
            "to_refund": ids[:4],
            "to_dispute": ids[4:8],
            "to_release": ids[8:],
            "paid_orders": paid,
            "releases": much,
            "to_approve": much[:5],
            "to_cancel": much[5:],
            "to_decide": [self._proposed() for _ in range(4)],
            "to_reject": [self._proposed() for _ in range(4)],
            "payouts": self._owed_to_sellers(),
            "freezes": [self._frozen() for _ in range(4)],
            "later": [_in_days(30)],
        }
        for name, values in named.items():
            (folder / f"{name}.txt").write_text("".join(f'"{value}"\n' for value in values))

    # ---- escrows ----------------------------------------------------------------------------

    def _order(self) -> str:
        return self._things.order(currency="USDC")

    def _deployed(self) -> dict[str, Any]:
        body = {"order_id": self._order(), "asset": "USDC"}
        return self._post("/api/escrow/deploy-contract", body)

    def _decided(self, party_id: str, address: str) -> None:
        proposed = self._propose(party_id, address)
        self._post(f"/api/payout-destinations/{proposed}/approve", {}, self._finance)

    def _proposed(self) -> str:
        return self._propose(self._things.seller_id, wallet_of_nobody().address)

    def _propose(self, party_id: str, address: str) -> str:
        body = {"kind": "chain", "chain": self._desk.settings.name, "address": address}
        return str(self._post(f"/api/parties/{party_id}/payout-destinations", body)["id"])

    # ---- releases ---------------------------------------------------------------------------

    def _paid_order(self, unit_amount: str = "10000") -> str:
        payment_id = self._things.started(unit_amount=unit_amount)
        body = {"payment_method": "pm_card_visa"}
        return str(self._post(f"/api/payments/{payment_id}/confirm", body)["order_id"])

    def _release(self, order_id: str) -> str:
        return str(self._post("/api/escrow/release", {"order_id": order_id})["id"])

    def _owed_to_sellers(self) -> list[str]:
        for _ in range(2):
            self._release(self._paid_order())
        page = self._things.client.get("/api/payouts", headers=self._finance).get_json()
        return [payout["id"] for payout in page["data"]]

    def _frozen(self) -> str:
        body = {"order_id": self._order(), "reason": "A drill."}
        return str(self._post("/api/ops/freeze", body, self._support)["id"])

    def _post(
        self, path: str, body: dict[str, Any], headers: Headers | None = None
    ) -> dict[str, Any]:
        content = {"reference": secrets.token_hex(16)} | body
        client = self._things.client
        answer = client.post(path, json=content, headers=headers or self._things.service)
        assert answer.status_code in (200, 201, 202), answer.text
        made: dict[str, Any] = answer.get_json()
        return made


def _in_days(days: int) -> str:
    moment = dt.datetime.now(dt.UTC) + dt.timedelta(days=days)  # noqa: TID251 - the application's clock is real
    return moment.isoformat(timespec="seconds")
