"""A platform's backend calling Strongroom: JSON over HTTP with an API key."""

from collections.abc import Mapping
from typing import Any

import requests

TIMEOUT_S = 30


class StrongroomError(Exception):
    """Strongroom refused; `status` and `problem` are its answer (RFC 9457)."""

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        super().__init__(f"{status} {problem.get('code')}: {problem.get('detail')}")
        self.status = status
        self.problem = problem


class Strongroom:
    """One HTTP connection to Strongroom as whoever the API key or token belongs to."""

    def __init__(self, base_url: str, key: str) -> None:
        self.base_url = base_url
        self._http = requests.Session()
        self._http.trust_env = False  # no proxy stands between two processes of one machine
        self._http.headers["Authorization"] = f"Bearer {key}"

    def get(self, path: str) -> dict[str, Any]:
        """Read a resource.

        Raises:
            StrongroomError: the answer is a refusal.
        """
        return _body(self._http.get(self.base_url + path, timeout=TIMEOUT_S))

    def post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Create a resource; `body` carries the reference that makes it happen once.

        Raises:
            StrongroomError: the answer is a refusal.
        """
        return _body(self._http.post(self.base_url + path, json=body, timeout=TIMEOUT_S))

    def put(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Set what a resource says.

        Raises:
            StrongroomError: the answer is a refusal.
        """
        return _body(self._http.put(self.base_url + path, json=body, timeout=TIMEOUT_S))

    def close(self) -> None:
        """Close the connection."""
        self._http.close()


def _body(answer: requests.Response) -> dict[str, Any]:
    try:
        body: dict[str, Any] = answer.json()
    except requests.JSONDecodeError:
        body = {"code": "not_json", "detail": answer.text[:200]}
    if not answer.ok:
        raise StrongroomError(answer.status_code, body)
    return body
