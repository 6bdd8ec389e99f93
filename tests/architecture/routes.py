"""The routes of the application, for tests of what guards them."""

import re
from collections.abc import Callable
from typing import Any, NamedTuple

from flask import Flask

from web.policies import action_of

_EXAMPLES = {
    "id": "pty_0",
    "name": "nothing",
    "path": "nothing",
    "account": "assets:nothing",
    "entry": "jrn_0",
    "month": "2026-01",
    "package": "xero",
    "secret_kind": "session_key",
    "document": "S0001-2026-000001",
}


class Route(NamedTuple):
    """A method and a rule, with the view that serves them."""

    method: str
    rule: str
    endpoint: str
    view: Callable[..., Any]

    def __str__(self) -> str:
        """Return it as people write it."""
        return f"{self.method} {self.rule}"

    @property
    def action(self) -> str | None:
        """The action of its policy."""
        return action_of(self.view)

    @property
    def example(self) -> str:
        """A path that leads to it, to something that does not exist."""
        return re.sub(r"<(\w+):\w+>", lambda found: _EXAMPLES[found[1]], self.rule)


def routes_of(app: Flask) -> list[Route]:
    """Return every route, one for each method."""
    return [
        Route(method, rule.rule, rule.endpoint, app.view_functions[rule.endpoint])
        for rule in app.url_map.iter_rules()
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
    ]
