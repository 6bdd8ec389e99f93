"""schemathesis calls every operation in every way that its description allows, and in others."""

import dataclasses
import json
import os
import shutil
import subprocess
import sys
import threading
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask, Response, request
from sqlalchemy import Engine
from werkzeug.serving import WSGIRequestHandler, make_server

from payments.access.caller import Role
from payments.privacy.data_keys import connect_cipher
from payments.settings import Settings
from sandbox.stripe.server import SimulatedStripe
from tests.architecture.routes import routes_of
from tests.chain import TestChain, running_chain
from tests.payments.conftest import SECRET_KEY, simulated
from tests.payments.escrow.desk import Desk
from tests.payments.shop import open_shop
from tests.payments.simulated_bank import Bank, bank, letterbox, running_bank
from tests.web.conftest import KeyOf, MakeApp, TokenOf
from tests.web.contract.chain_things import ChainThings
from tests.web.contract.invoice_things import write_invoices
from tests.web.contract.month_things import write_months
from tests.web.contract.operations_things import TARGETS, write_operations
from tests.web.contract.things import Things
from web.paths import openapi_path
from web.policies import POLICIES

__all__ = ["bank", "letterbox", "running_bank", "simulated"]  # fixtures of the domain's tests

HERE = Path(__file__).parent
EXAMPLES = os.environ.get("CONTRACT_EXAMPLES", "4")  # noqa: TID251 - `make contract` asks for more
ENOUGH = 12  # for each to be answered well once
PATIENCE_S = 300 + 20 * int(EXAMPLES)
ROLES = (Role.ADMIN, Role.SERVICE, Role.FINANCE, Role.OPERATOR)
STREAM = "/api/events"  # it does not end: test_events.py reads it
# Nothing schemathesis sends is signed, or a bank's statement, or has a bank give back money that
# came too late or refuse to pay a seller, or brings books in order in which no month may be closed,
# or restores a database: these have tests of their own.
OUT_OF_REACH = {
    "GET /api/ops/restores/{restore_id}",
    "POST /api/ops/restores/findings/{finding_id}/settle",
    "POST /api/ops/restores/{restore_id}/finish",
    "POST /api/ops/restores/{restore_id}/reconcile",
    "POST /api/ledger/periods/{month}/close",
    "POST /api/payouts/{payout_id}/retry",
    "POST /api/parties/{party_id}/payout-destinations",  # by then the party may be erased
    "POST /api/notices/replay",  # by then the endpoint may be removed
    "POST /api/webhooks/bank",
    "POST /api/webhooks/stripe",
    "POST /api/reconciliation/statements",
    "POST /api/reconciliation/unmatched/{receipt_id}/refund",
}

Answers = dict[str, set[int]]


@pytest.fixture
def chain() -> Iterator[TestChain]:
    with running_chain() as chain:
        yield chain


@pytest.fixture
def settings(
    settings: Settings, simulated: SimulatedStripe, bank: Bank, chain: TestChain
) -> Settings:
    base = chain.settings(name="base")  # as the examples of the description say
    return dataclasses.replace(
        settings,
        chains={"base": base},
        stripe_api_url=simulated.url,
        stripe_secret_key=SECRET_KEY,
        truelayer=bank.settings,
        bank_accounts=bank.bank_accounts,
        alert_targets=TARGETS,
        log_level="ERROR",
    )


class QuietHandler(WSGIRequestHandler):
    def log(self, *_: object) -> None: ...


@pytest.fixture
def app(make_app: MakeApp, settings: Settings) -> Flask:
    return make_app(settings)


@pytest.fixture
def answers(app: Flask) -> Answers:
    """The statuses each operation has answered with."""
    found: Answers = defaultdict(set)

    def note(response: Response) -> Response:
        if request.url_rule is not None:
            path = openapi_path(request.url_rule.rule)
            found[f"{request.method} {path}"].add(response.status_code)
        return response

    app.after_request(note)
    return found


@pytest.fixture
def url(app: Flask) -> Iterator[str]:
    """The application on a port of its own."""
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=QuietHandler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def credentials(app: Flask, key_of: KeyOf) -> dict[str, str | None]:
    """Who calls which operation, for hooks.py."""
    keys = {role: key_of(role)["Authorization"] for role in ROLES}
    chosen: dict[str, str | None] = {}
    for route in routes_of(app):
        able = POLICIES.get(str(route.action), frozenset())
        label = f"{route.method} {openapi_path(route.rule)}"
        chosen[label] = next((keys[role] for role in ROLES if role in able), None)
    return chosen


@pytest.mark.timeout(2 * PATIENCE_S)
def test_nothing_violates_the_description(
    app: Flask,
    url: str,
    answers: Answers,
    engine: Engine,
    key_of: KeyOf,
    token_of: TokenOf,
    tmp_path: Path,
    chain: TestChain,
    settings: Settings,
) -> None:
    things = Things(app.test_client(), key_of, engine)
    things.write(tmp_path)
    desk = Desk(open_shop(engine), chain, settings.chains["base"])
    ChainThings(things, desk).write(tmp_path)
    write_invoices(things, engine, connect_cipher(engine, settings.encryption_keyset), tmp_path)
    write_months(engine, tmp_path)
    write_operations(things, engine, settings, tmp_path)
    answers.clear()
    shutil.copy(HERE / "schemathesis.toml", tmp_path)
    chosen = credentials(app, key_of)
    chosen["POST /api/session"] = token_of(things.buyer_id)["Authorization"]
    environment = {
        **os.environ,  # noqa: TID251 - the command needs a PATH and a HOME
        "SCHEMATHESIS_HOOKS": str(HERE / "hooks.py"),
        "CONTRACT_CREDENTIALS": json.dumps(chosen),
    }
    command = [
        sys.executable, "-m", "schemathesis.cli", "--no-color", "run", f"{url}/api/openapi.json",
        "--checks", "all", "--max-examples", EXAMPLES, "--exclude-path", STREAM,
    ]  # fmt: skip
    told = subprocess.run(
        command,
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_S,
    )
    assert told.returncode == 0, told.stdout + told.stderr
    described = {label for label in answers if label.split()[0] not in {"OPTIONS", "HEAD"}}
    shallow = {label for label in described if not answers[label] & {200, 201, 202, 204}}
    missed = sorted(shallow - OUT_OF_REACH) if int(EXAMPLES) >= ENOUGH else []
    assert not missed, f"these never did what they are for: {', '.join(missed)}"
