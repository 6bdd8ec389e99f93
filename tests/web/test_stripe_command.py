"""`strongroom stripe balance` shows both books and what is between them."""

import json
from pathlib import Path

from click.testing import CliRunner
from sqlalchemy import Engine

from tests.payments.conftest import SECRET_KEY
from tests.payments.settlement.stripe_account import open_account
from tests.payments.settlement.stripe_books import Books, moved
from tests.payments.shop import open_shop
from tests.web.conftest import environment
from web.command_line import main


def test_both_books_and_what_is_between_them(
    fresh_engine: Engine, fresh_database_url: str, redis_url: str, tmp_path: Path
) -> None:
    books = Books(open_shop(fresh_engine))
    with open_account(books, tmp_path) as account:
        environ = environment(database_url=fresh_database_url, redis_url=redis_url) | {
            "STRIPE_API_URL": account.simulated.url,
            "STRIPE_SECRET_KEY": SECRET_KEY,
        }
        account.charge(10_000)
        shown = CliRunner().invoke(main, ["stripe", "balance"], env=environ)
        assert shown.exit_code == 0, shown.output
        assert "98.25" in shown.output
        assert "in flight: not read yet (1 since" in shown.output

        account.sync()
        books.store(moved("topup", 700))
        books.book()
        broken = CliRunner().invoke(main, ["stripe", "balance", "--json"], env=environ)
        assert broken.exit_code == 1
        unexplained = {
            row["place"]: row["amount"]
            for row in json.loads(broken.stdout)
            if row["figure"] == "unexplained"
        }
        assert unexplained == {"pending": "-700", "available": "0"}
