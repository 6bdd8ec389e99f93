"""What finance does at its desk, over HTTP: statements in, runs, the queue, findings."""

import datetime as dt
import secrets
from collections import Counter
from dataclasses import dataclass

import requests

from sandbox.calls import TIMEOUT_S, created, trial_balance
from sandbox.way_in import loopback_session
from tests.conditions import wait_until
from tests.journeys.bank import PATIENCE_S, BankRail, Body


def tomorrow() -> str:
    """Return the day on which the bank books what comes after its closing time."""
    day = dt.datetime.now(dt.UTC).date() + dt.timedelta(days=1)  # noqa: TID251 - the bank's own
    return day.isoformat()


@dataclass(frozen=True)
class Desk:
    """Finance's view of the running system."""

    rail: BankRail

    # ---- statements and runs -------------------------------------------------------------------

    def statement(self, account: str, form: str = "camt053", **which: str) -> bytes:
        """Download the bank's statement of everything that moved on an account until today."""
        way_in = self.rail.system.way_in
        url = f"{way_in.bank_api_url}/_sandbox/statements/{form}"
        with loopback_session(way_in.bank_client_secret) as session:
            answer = session.get(url, params={"account": account, **which}, timeout=TIMEOUT_S)
        assert answer.ok, answer.text
        return answer.content

    def take_in(self, account: str, content: bytes, **query: str) -> requests.Response:
        """Upload a statement."""
        return self.rail.system.cast.finance.post(
            f"{self.rail.system.way_in.base_url}/api/reconciliation/statements",
            params={"account": account, **query},
            data=content,
            headers={"Content-Type": "application/octet-stream"},
            timeout=TIMEOUT_S,
        )

    def run(self) -> Body:
        """Have a run made and return it once it is done."""
        made = created(self._post("runs", {}))
        found = made

        def is_over() -> bool:
            nonlocal found
            found = self.get(f"runs/{made['id']}")
            return found["status"] in ("done", "failed")

        wait_until(is_over, timeout_s=2 * PATIENCE_S)
        assert found["status"] == "done", found
        return found

    def reconcile(self, account: str, **which: str) -> Body:
        """Bring everything that moved at the bank into the books, as far as it explains itself."""
        created(self.take_in(account, self.statement(account, **which)))
        return self.run()

    def matched_by_rule(self) -> Counter[str]:
        """Return how many lines all runs so far have matched by which rule."""
        rules: Counter[str] = Counter()
        for run in self.get("runs", limit="100")["data"]:
            rules.update({name: n for name, n in run["figures"].items() if name.startswith("by_")})
        return rules

    def books(self, currency: str) -> list[Body]:
        """Return every account of a currency with its balance."""
        accounts = trial_balance(self.rail.system.way_in, self.rail.system.cast)
        return [account for account in accounts if account["asset"] == currency]

    # ---- the queue -----------------------------------------------------------------------------

    def unmatched(self, currency: str | None = None, **query: str) -> list[Body]:
        """Return what is in the queue, page by page."""
        items: list[Body] = []
        after: dict[str, str] = {}
        while True:
            page = self.get("unmatched", **query, **after)
            items += page["data"]
            if page["next"] is None:
                return [item for item in items if currency in (None, item["currency"])]
            after = {"after": page["next"]}

    def receipt_of(self, payment: Body) -> Body:
        """Return the one suspended receipt of a payment."""
        [found] = self.receipts_of(payment)
        return found

    def receipts_of(self, payment: Body) -> list[Body]:
        """Return what is suspended of a payment."""
        receipts = self.unmatched(kind="receipt", reference=payment["bank_reference"])
        assert all(receipt["payment_id"] == payment["id"] for receipt in receipts)
        return receipts

    def match(self, item: Body, *parts: Body, reason: str = "seen by a person") -> Body:
        """Say what an item is; without parts a receipt goes into its payment."""
        asked = {"parts": list(parts), "reason": reason} if parts else {}
        return created(self._post(f"unmatched/{item['id']}/match", asked))

    def discard(self, item: Body, reason: str) -> Body:
        """Say that a line has nothing to do with us."""
        return created(self.ask_to_discard(item, reason))

    def ask_to_discard(self, item: Body, reason: str) -> requests.Response:
        """Ask for a line to be discarded."""
        return self._post(f"unmatched/{item['id']}/discard", {"reason": reason})

    def ask_to_give_back(self, receipt: Body) -> requests.Response:
        """Ask for a refund of what is suspended."""
        return self._post(f"unmatched/{receipt['id']}/refund", {})

    def matches_of(self, payment: Body) -> list[Body]:
        """Return what a payment was matched with, oldest first."""
        found: list[Body] = self.get("matches", payment_id=payment["id"])["data"]
        return found

    def undo(self, match: Body, reason: str) -> Body:
        """Take a match back."""
        return created(self._post(f"matches/{match['id']}/undo", {"reason": reason}))

    def findings(self, currency: str) -> list[Body]:
        """Return the open findings in a currency."""
        found: list[Body] = self.get("findings", state="open", limit="100")["data"]
        return [finding for finding in found if finding["currency"] == currency]

    # ---- calls ---------------------------------------------------------------------------------

    def get(self, path: str, **query: str) -> Body:
        """Read something of the reconciliation API."""
        url = f"{self.rail.system.way_in.base_url}/api/reconciliation/{path}"
        return created(self.rail.system.cast.finance.get(url, params=query, timeout=TIMEOUT_S))

    def _post(self, path: str, body: Body) -> requests.Response:
        asked = {"reference": secrets.token_hex(16), **body}
        finance = self.rail.system.cast.finance
        return self.rail.call(finance, "POST", f"reconciliation/{path}", asked)
