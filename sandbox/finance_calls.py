"""What finance does at its desk, over HTTP: statements in, runs, the queue, matches, findings."""

import secrets
from collections import Counter
from dataclasses import dataclass
from typing import Any

from sandbox.calls import TIMEOUT_S, Cast, created, until
from sandbox.way_in import WayIn


@dataclass(frozen=True)
class Desk:
    """The reconciliation API, called with finance's key."""

    way_in: WayIn
    cast: Cast

    def take_in(self, account: str, statement: bytes) -> dict[str, Any]:
        """Import a statement."""
        answer = self.cast.finance.post(
            self._url("statements"),
            params={"account": account, "filename": "statement.xml"},
            data=statement,
            headers={"Content-Type": "application/octet-stream"},
            timeout=TIMEOUT_S,
        )
        return created(answer)

    def run(self) -> dict[str, Any]:
        """Have books and statements brought together, and wait for it."""
        asked = self._post("runs", {})

        def over() -> dict[str, Any] | None:
            run = self._get(f"runs/{asked['id']}")
            return run if run["status"] in ("done", "failed") else None

        return until(over)

    def newest_runs(self) -> dict[str, Counter[str]]:
        """Return what came of the newest runs, by their ids; an import starts one by itself."""
        runs = self._get("runs", limit="100")["data"]
        return {run["id"]: Counter(run["figures"]) for run in runs if run["status"] == "done"}

    def unmatched(self, currency: str, kind: str) -> list[dict[str, Any]]:
        """Return what of a kind nothing explains."""
        found = self._all("unmatched", kind=kind)
        return [item for item in found if item["currency"] == currency]

    def match(self, item: dict[str, Any], part: dict[str, str], reason: str) -> dict[str, Any]:
        """Say what a line is."""
        return self._post(f"unmatched/{item['id']}/match", {"parts": [part], "reason": reason})

    def findings(self) -> list[dict[str, Any]]:
        """Return what does not agree, in any currency."""
        return self._all("findings", state="open")

    def _all(self, path: str, **query: str) -> list[dict[str, Any]]:
        page = self._get(path, limit="100", **query)
        found: list[dict[str, Any]] = page["data"]
        while page["next"] is not None:
            page = self._get(path, limit="100", after=page["next"], **query)
            found += page["data"]
        return found

    def _get(self, path: str, **query: str) -> dict[str, Any]:
        return created(self.cast.finance.get(self._url(path), params=query, timeout=TIMEOUT_S))

    def _post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        asked = {"reference": f"demo-{secrets.token_hex(16)}", **body}
        return created(self.cast.finance.post(self._url(path), json=asked, timeout=TIMEOUT_S))

    def _url(self, path: str) -> str:
        return f"{self.way_in.base_url}/api/reconciliation/{path}"
