"""The problem code of account mappings, provoked over HTTP."""

import secrets

from werkzeug.test import TestResponse

import ledger
from payments.access.caller import Role
from tests.payments.shop import NOW
from tests.web.provocations import Stage, provokes


@provokes("mapping_missing")
def nobody_mapped_the_till(stage: Stage) -> TestResponse:
    with stage.engine.begin() as connection:
        specs = [ledger.AccountSpec(path, "CHF") for path in ("assets:till", "equity:adjustments")]
        debited, credited = ledger.open_accounts(connection, specs).values()
        lines = [ledger.Posting(debited, 500), ledger.Posting(credited, -500)]
        ledger.post(connection, ledger.Entry(f"till_{secrets.token_hex(16)}", "count", NOW, lines))
    path = "/api/ledger/reports/journal?format=xero&asset=CHF"
    answer: TestResponse = stage.client.get(path, headers=stage.key_of(Role.FINANCE))
    return answer
