"""Whatever waits for somebody else waits for so long only: every client is made with time-outs."""

import ast
from collections.abc import Iterator

from payments.database import connect_engine
from tests.architecture.sources import ROOT

FOLDERS = ("ledger", "payments", "web", "jobs")
MAKERS = {  # what makes a client, and the argument that says how long it waits
    "create_engine": {"connect_args"},
    "from_url": {"socket_timeout", "socket_connect_timeout"},
    "PoolManager": {"timeout"},
    "StripeClient": {"http_client"},
    "create_connection": {"timeout"},
}
OTHERS = {"HTTPProvider", "urlopen", "ProxyManager", "HTTPConnectionPool", "SMTP"}


def test_every_client_is_made_with_time_outs() -> None:
    found = 0
    for place, name, arguments in _made():
        assert name not in OTHERS, f"{place}: {name} makes a client of its own"
        if name in MAKERS:
            assert MAKERS[name] <= arguments, f"{place}: {name} waits for ever"
            found += 1
    assert found >= 12


def test_none_waits_for_ever_by_saying_so() -> None:
    """Only RQ's worker has a socket without a time-out, which RQ then sets itself."""
    endless = [
        place
        for place, _, node in _calls()
        for keyword in node.keywords
        if keyword.arg and keyword.arg.endswith("timeout")
        if isinstance(keyword.value, ast.Constant) and keyword.value.value is None
    ]
    assert [place.partition(":")[0] for place in endless] == ["jobs/redis_clients.py"]


def test_the_database_ends_what_takes_too_long(database_url: str) -> None:
    engine = connect_engine(database_url)
    with engine.connect() as connection:
        for setting in (
            "statement_timeout",
            "lock_timeout",
            "idle_in_transaction_session_timeout",
        ):
            value = connection.exec_driver_sql(f"SHOW {setting}").scalar_one()
            assert value not in {"0", ""}, setting
    engine.dispose()


def _made() -> Iterator[tuple[str, str, set[str]]]:
    for place, name, node in _calls():
        arguments = {keyword.arg or "**" for keyword in node.keywords}
        in_order = {"timeout"} if name == "create_connection" and len(node.args) > 1 else set()
        yield place, name, arguments | in_order


def _calls() -> Iterator[tuple[str, str, ast.Call]]:
    for folder in FOLDERS:
        for file in sorted((ROOT / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call):
                    called = node.func
                    name = str(getattr(called, "attr", None) or getattr(called, "id", ""))
                    yield f"{file.relative_to(ROOT)}:{node.lineno}", name, node
