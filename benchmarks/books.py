"""The accounts the benchmarks move money between, and keys that grow as real ones do."""

import itertools
import random
import secrets

from sqlalchemy import Engine

from ledger import AccountSpec, open_accounts

SELLERS = 10_000
HOT = "assets:stripe:pending"


class Books:
    """One hot deferred account, 10,000 strict ones, and where the floor keeps its own."""

    def __init__(self, engine: Engine) -> None:
        specs = [AccountSpec(HOT, "USD", "deferred")]
        specs += [AccountSpec(f"liabilities:escrow:{n}", "USD") for n in range(SELLERS)]
        with engine.begin() as connection:
            ids = open_accounts(connection, specs)
        self.hot = ids[HOT, "USD"]
        self.sellers = [ids[spec.path, "USD"] for spec in specs[1:]]
        self._prefix = secrets.token_hex(4)
        self._numbers = itertools.count()

    def next_key(self) -> str:
        """Return the next effect key."""
        return f"pay_{self._prefix}{next(self._numbers):012d}:charged"

    def draw_hot(self) -> tuple[int, int]:
        """Draw a debit of the hot account and a credit of any other."""
        return self.hot, random.choice(self.sellers)

    def draw_uniform(self) -> tuple[int, int]:
        """Draw two strict accounts."""
        first, second = random.sample(self.sellers, 2)
        return first, second

    def draw_floor_hot(self) -> tuple[int, int]:
        """Draw as draw_hot, in the floor's table."""
        return 1, random.randint(2, SELLERS + 1)

    def draw_floor_uniform(self) -> tuple[int, int]:
        """Draw as draw_uniform, in the floor's table."""
        first, second = random.sample(range(2, SELLERS + 2), 2)
        return first, second
