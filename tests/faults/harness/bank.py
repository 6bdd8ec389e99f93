"""What the payer and the bank do in fault tests; left alone, the bank settles at once."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

from sqlalchemy import text

from payments.database import transaction
from sandbox.calls import created
from sandbox.way_in import loopback_session
from tests.faults.harness.system import System

TIMEOUT_S = 30
AT_ONCE = {"execution_s": 0, "settlement_s": 0, "refund_s": 0}


class BankSide:
    """A system seen from the bank rail."""

    def __init__(self, system: System) -> None:
        self.system = system

    def wanted_link(self) -> tuple[str, dict[str, Any]]:
        """Return what asks for a link to pay a new order by bank."""
        order = self.system.order()
        url = f"{self.system.plan.shop_url}/orders/{order['id']}"
        body = {"reference": f"link-{order['id']}", "order_id": order["id"], "return_url": url}
        return "/api/payments/bank/link", body

    def link(self) -> dict[str, Any]:
        """Start paying a new order by bank, however often it has to be asked for."""
        path, body = self.wanted_link()
        answer = self.system.insist(self.system.cast.backend, path, body)
        return created(answer)

    def authorise(self, payment: dict[str, Any]) -> None:
        """Do what the payer does on the hosted page: say yes at their bank."""
        leads_to = urlsplit(payment["link_url"])
        handed = parse_qs(leads_to.fragment)
        page = f"{leads_to.scheme}://{leads_to.netloc}/pay/{handed['payment_id'][0]}"
        token = {"token": handed["resource_token"][0]}
        for step in ({"bank": "harbour"}, {"answer": "authorise"}):
            url = f"{page}/{next(iter(step))}"
            answer = loopback_session().post(
                url, data={**token, **step}, timeout=TIMEOUT_S, allow_redirects=False
            )
            assert answer.status_code == 303, answer.text

    def paid(self) -> dict[str, Any]:
        """Return a payment that was paid by bank, here too."""
        payment = self.link()
        self.authorise(payment)
        self.system.wait_for_status(payment, "succeeded")
        return payment

    def wanted_refund(self, payment: dict[str, Any], amount: str) -> tuple[str, dict[str, Any]]:
        """Return what asks for a refund."""
        body = {"reference": f"refund-{payment['id']}", "amount": amount}
        return f"/api/payments/{payment['id']}/refunds", body

    def knob(self, path: str, body: Any = None, *, method: str = "PUT") -> Any:
        """Turn a knob of sandbox/bank/knobs.py."""
        way_in = self.system.way_in
        with loopback_session(way_in.bank_client_secret) as session:
            url = f"{way_in.bank_api_url}/_sandbox/{path}"
            return created(session.request(method, url, json=body or {}, timeout=TIMEOUT_S))

    def statement(self, account: str) -> bytes:
        """Download the bank's statement of an account."""
        way_in = self.system.way_in
        with loopback_session(way_in.bank_client_secret) as session:
            url = f"{way_in.bank_api_url}/_sandbox/statements/camt053"
            answer = session.get(url, params={"account": account}, timeout=TIMEOUT_S)
        assert answer.ok, answer.text
        return answer.content

    def count(self, query: str, it: str) -> int:
        """Return what a query counts about something."""
        with transaction(self.system.engine) as session:
            return int(session.execute(text(query), {"it": it}).scalar_one())
