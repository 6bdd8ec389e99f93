"""How problem codes are provoked: what a provocation needs, and the one table they are put into."""

from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from sqlalchemy import Engine
from werkzeug.test import TestResponse

from payments.access.caller import Role
from tests.payments.shop import Shop


class Stage(Protocol):
    """What a provocation needs."""

    client: Any
    engine: Engine
    shop: Shop
    key_of: Any

    def post(self, path: str, body: dict[str, Any], *, role: Role | None = None) -> TestResponse:
        """Post under a fresh reference."""


_Provoke = TypeVar("_Provoke", bound=Callable[[Any], TestResponse])

PROVOKED: dict[str, Callable[[Any], TestResponse]] = {}


def provokes(code: str) -> Callable[[_Provoke], _Provoke]:
    """Put a function into the table as the one that provokes `code`."""

    def add(provoke: _Provoke) -> _Provoke:
        assert code not in PROVOKED, f"{code} is provoked twice"
        PROVOKED[code] = provoke
        return provoke

    return add
