"""Things for schemathesis to meet: payments in several states, and what belongs to them."""

import datetime as dt
import secrets
from pathlib import Path
from typing import Any

from flask.testing import FlaskClient
from sqlalchemy import Engine, select

from payments.access.caller import Role
from payments.database import transaction
from payments.exports.write_export import write_export
from payments.reconciliation.findings import Found, keep_findings
from payments.reconciliation.tables import Finding
from tests.payments.reconciliation.desk import money_in, open_desk
from tests.payments.shop import NOW
from tests.web.conftest import ORIGIN, Headers, KeyOf


class Things:
    """Makes things over HTTP and writes their ids into files that schemathesis reads."""

    def __init__(self, client: FlaskClient, key_of: KeyOf, engine: Engine) -> None:
        self.client = client
        self._desk = open_desk(engine)
        self.key_of = key_of
        self._finance = key_of(Role.FINANCE)
        self.service = key_of(Role.SERVICE)
        self._admin = key_of(Role.ADMIN)
        self.buyer_id = self.post("/api/parties", {"name": "Ada", "email": "ada@example.com"})
        self.seller_id = self.post("/api/parties", {"name": "Sam"})

    def write(self, folder: Path) -> None:
        """Make them, and name them in `folder`."""
        open_orders = [self.order() for _ in range(12)]
        fresh = [self.started() for _ in range(15)]
        paid = [self.confirmed(self.started()) for _ in range(6)]
        reserved = [self.confirmed(self.started(capture="manual")) for _ in range(10)]
        refunds = [self.refunded(self.confirmed(self.started())) for _ in range(2)]
        links = [self._linked() for _ in range(6)]
        lines = self._desk.statement(*[money_in(10_000 + number) for number in range(35)])
        keys = [self._key() for _ in range(6)]
        named = {
            "orders": open_orders,
            "payments": fresh + paid + reserved + links,
            "links": links,
            "to_match": lines[:15],
            "to_discard": lines[15:25],
            "matches": [self._matched(line_id) for line_id in lines[25:]],
            "findings": self._findings(),
            "deadlines": [_tomorrow()],
            "to_confirm": [self.started() for _ in range(30)],  # of which nobody else knows
            "paid": paid,
            "reserved": reserved,
            "refunds": refunds,
            "keys": keys,
            "parties": [self.buyer_id, self.seller_id],
            "buyers": [self.buyer_id],
            "sellers": [self.seller_id],
            "exports": self._exports(),
        }
        for name, ids in named.items():
            (folder / f"{name}.txt").write_text("".join(f'"{id_}"\n' for id_ in ids))

    def post(self, path: str, body: dict[str, Any], headers: Headers | None = None) -> str:
        """Post under a fresh reference, and return the id of what it made."""
        content = {"reference": secrets.token_hex(16)} | body
        answer = self.client.post(path, json=content, headers=headers or self.service)
        assert answer.status_code in (200, 201, 202), answer.text
        return str(answer.get_json()["id"])

    def order(self, *, currency: str = "EUR", unit_amount: str = "10000", **who: str) -> str:
        """Place an order, of our buyer and seller if not of others, and return its id."""
        line = {"description": "A print", "quantity": 1, "unit_amount": unit_amount}
        who = {"buyer_id": self.buyer_id, "seller_id": self.seller_id} | who
        lines = {"currency": currency, "lines": [line | {"tax_rate": "19"}]}
        return self.post("/api/orders", lines | who)

    def started(self, *, unit_amount: str = "10000", **body: Any) -> str:
        """Start a card payment of an order, and return its id."""
        order_id = self.order(unit_amount=unit_amount)
        return self.post("/api/payments/intents", {"order_id": order_id} | body)

    def _matched(self, line_id: str) -> str:
        path = f"/api/reconciliation/unmatched/{line_id}/match"
        body = {"reference": line_id, "parts": [{"account": "equity:adjustments"}]}
        answer = self.client.post(path, json=body, headers=self._finance)
        assert answer.status_code == 201, answer.text
        return str(answer.get_json()["match"]["id"])

    def _findings(self) -> list[str]:
        scope = f"contract:{secrets.token_hex(4)}:"
        found = [
            Found(f"{scope}{number}", "stale_pending", "pay_1", 1, None, "EUR", "It is late.")
            for number in range(6)
        ]
        with transaction(self._desk.engine) as session:
            keep_findings(session, scope, found, run_id="run_1", now=NOW)
            kept = select(Finding.id).where(Finding.finding_key.startswith(scope))
            return list(session.scalars(kept))

    def _exports(self) -> list[str]:
        body = {"report": "journal", "format": "csv"}
        made = [self.post("/api/ledger/exports", body, self._finance) for _ in range(4)]
        for export_id in made[:3]:
            until = _now() + dt.timedelta(minutes=1)
            write_export(self._desk.engine, export_id, clock=_now, until=until)
        return made

    def _linked(self) -> str:
        body = {"order_id": self.order(), "return_url": f"{ORIGIN}/back"}
        return self.post("/api/payments/bank/link", body)

    def confirmed(self, payment_id: str) -> str:
        """Pay by card."""
        body = {"payment_method": "pm_card_visa"}
        return self.post(f"/api/payments/{payment_id}/confirm", body)

    def refunded(self, payment_id: str) -> str:
        """Give back a part, and return the refund's id."""
        return self.post(f"/api/payments/{payment_id}/refunds", {"amount": "100"})

    def _key(self) -> str:
        return self.post("/api/keys", {"name": "To play with", "role": "finance"}, self._admin)


def _tomorrow() -> str:
    return (_now() + dt.timedelta(days=1)).isoformat(timespec="seconds")


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)  # noqa: TID251 - the application's clock is real
