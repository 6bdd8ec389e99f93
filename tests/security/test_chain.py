"""The chain: who signs (row 53), and the contract that holds the money (row 54)."""

import ast
import re
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.exc import ProgrammingError

from payments.database import SIGNER_ROLE
from payments.identifiers import new_id
from payments.providers.chain_errors import SigningRefusedError
from payments.providers.chain_port import Fees
from payments.settings import Settings, read_settings
from tests.architecture.sources import ROOT
from tests.chain import USDC
from tests.payments.chain.test_signing_rules import (
    FEES,
    OTHER,
    Asked,
    asked,
    chain,
    funded,
    refusal,
    world,
)
from tests.payments.providers.evm.contracts.machine import RevertedError
from tests.payments.providers.evm.contracts.test_any_calls import AnyCalls, AnyCallsOnTokens
from tests.payments.providers.evm.contracts.test_hostile_tokens import of, turn
from tests.payments.providers.evm.contracts.world import (
    AMOUNT,
    CREATED,
    FALSE,
    FALSE_BUT_MOVES,
    HALF,
    NOTHING,
    REENTERS,
    TOKEN_BURNS,
    TOKEN_REVERTS,
    TRUE,
    TRUE_ONLY,
    World,
    operation,
)
from tests.web.conftest import environment

__all__ = ["asked", "chain", "funded", "world"]  # fixtures

CONTRACTS = ROOT / "payments" / "providers" / "evm" / "contracts"
GWEI = 10**9

WRONG: dict[str, tuple[Callable[[Asked], object], Fees, str]] = {
    "another contract": (
        lambda a: a.in_intent(to_address=a.world.chain.stranger.address),
        FEES,
        "other_contract",
    ),
    "the token itself": (
        lambda a: a.in_intent(to_address=a.escrow.token_address),
        FEES,
        "other_contract",
    ),
    "another method": (lambda a: a.in_intent(calldata=b"\xa9\x05\x9c\xbb"), FEES, "other_call"),
    "another amount in the call": (
        lambda a: a.in_intent(calldata=a.call(OTHER, 2 * USDC)),
        FEES,
        "other_call",
    ),
    "another amount than decided": (lambda a: a.in_release(amount=2 * USDC), FEES, "other_call"),
    "coins sent along": (lambda a: a.in_intent(value=1), FEES, "value"),
    "another chain": (lambda a: a.in_intent(chain="elsewhere"), FEES, "other_chain"),
    "another token": (
        lambda a: a.in_escrow(token_address=a.world.chain.stranger.address),
        FEES,
        "asset",
    ),
    "another recipient": (
        lambda a: a.in_escrow(beneficiary=a.world.chain.stranger.address),
        FEES,
        "other_contract",
    ),
    "nobody approved it": (
        lambda a: a.in_release(needs_approval=True, status="requested"),
        FEES,
        "not_approved",
    ),
    "a used turn": (lambda a: a.in_intent(nonce=10_000), FEES, "nonce"),
    "too much gas": (lambda a: a.in_intent(gas_limit=5_000_000), FEES, "gas"),
    "too high a fee": (lambda _: None, Fees(10_000 * GWEI, GWEI), "fee"),
    "another signer": (
        lambda a: a.in_intent(signer=a.world.chain.arbiter.address),
        FEES,
        "other_signer",
    ),
}


@pytest.mark.parametrize("way", WRONG)
def test_row_53_the_signer_refuses_wrong_intents(asked: Asked, way: str) -> None:
    """It takes an intent's id, reads the database anew, and holds it against its own rules."""
    forge, fees, code = WRONG[way]
    forge(asked)
    assert refusal(asked, fees) == code


def test_row_53_what_is_right_is_signed_and_what_is_not_there_is_not(asked: Asked) -> None:
    assert asked.world.signer().sign(asked.intent.id, fees=FEES).raw
    with pytest.raises(SigningRefusedError):
        asked.world.signer().sign(new_id("cti", now=asked.world.now()), fees=FEES)


def test_row_53_web_and_workers_have_no_key(database_url: str) -> None:
    """With a signer elsewhere they hold its address and a token, and open no keystore."""
    environ = environment(database_url=database_url, redis_url="redis://127.0.0.1:9") | {
        "CHAIN_SIGNER_URL": "http://127.0.0.1:8610",
        "CHAIN_SIGNER_TOKEN": "a token of the sandbox",
    }
    read: Settings = read_settings(environ)
    assert read.chain_signer is not None
    assert not read.chain_signer.keystore
    assert not read.chain_signer.password_file
    for package in ("web/routes", "jobs"):
        for file in (ROOT / package).glob("*.py"):
            imported = {
                f"{node.module}"
                for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
                if isinstance(node, ast.ImportFrom)
            }
            assert not [name for name in imported if "keystore" in name], file


def test_row_53_the_signers_role_reads_and_changes_nothing(database_url: str) -> None:
    engine: Engine = create_engine(database_url)
    with engine.connect() as connection:
        may_change = connection.execute(
            text(
                "SELECT c.oid::regclass::text FROM pg_class c"
                " JOIN pg_namespace n ON n.oid = c.relnamespace"
                " WHERE n.nspname IN ('strongroom', 'ledger') AND c.relkind IN ('r', 'p')"
                " AND (has_table_privilege(:role, c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE')"
                "  OR has_any_column_privilege(:role, c.oid, 'INSERT, UPDATE'))"
            ),
            {"role": SIGNER_ROLE},
        ).all()
        assert may_change == []
        connection.execute(text(f"SET ROLE {SIGNER_ROLE}"))
        with pytest.raises(ProgrammingError, match="permission denied"):
            connection.execute(text("SELECT name_encrypted FROM strongroom.parties"))
    engine.dispose()


QUICK = settings(
    max_examples=4,
    stateful_step_count=25,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
TAKEN_FOR_NO_DEPOSIT = [FALSE, FALSE_BUT_MOVES, TRUE_ONLY, TOKEN_REVERTS, TOKEN_BURNS, HALF]


def test_row_54_money_goes_where_the_terms_say_whoever_calls_what() -> None:
    """A short run of tests/payments/providers/evm/contracts/test_any_calls.py, which is long."""
    for kind in (AnyCalls, AnyCallsOnTokens):
        before = kind.calls
        run_state_machine_as_test(kind, settings=QUICK)
        assert kind.calls - before > 50


def test_row_54_who_calls_back_while_being_paid_does_not_get_in() -> None:
    for name in ("release", "refund"):
        world = World(beneficiary_is_contract=True).fund()
        world.behave("beneficiary", REENTERS, world.escrow.calldata(name, operation(2), 1))
        world.act("operator", "release", operation(1), AMOUNT // 2)
        assert world.contracts["beneficiary"].look("calls_done") == 0
        assert world.held(world.escrow.address) >= AMOUNT // 2


def test_row_54_strange_tokens_deposit_nothing_and_hold_up_nobody() -> None:
    for manner in TAKEN_FOR_NO_DEPOSIT:
        world = of(manner)
        with pytest.raises(RevertedError):
            world.deposit()
        assert world.status == CREATED
    for fee in (1, 100):  # taken on the way: less arrives than was sent
        world = of(TRUE, fee)
        with pytest.raises(RevertedError):
            world.deposit()
    world = of(NOTHING)  # as tether: no answer at all
    world.deposit()
    world.act("operator", "release", operation(1), AMOUNT)
    world = of(TRUE)
    world.deposit()
    turn(world, FALSE)  # begins to refuse, as an issuer's list may: parked, not stuck
    world.act("operator", "release", operation(1), AMOUNT)
    assert world.parked("beneficiary") == AMOUNT


def test_row_54_the_source_is_pinned_and_uses_nothing_dangerous() -> None:
    for file in CONTRACTS.glob("*.vy"):
        source = file.read_text(encoding="utf-8")
        code = re.sub(r"#.*", "", source)
        assert re.search(r"^# pragma version \d+\.\d+\.\d+$", source, re.MULTILINE), file
        for word in ("tx.origin", "selfdestruct", "is_delegate_call", "block.prevrandao"):
            assert word not in code, (file, word)
    escrow = (CONTRACTS / "escrow.vy").read_text(encoding="utf-8")
    for name in re.findall(r"@external\n((?:@\w+\n)*)def (\w+)", escrow):
        decorators, function = name
        reads = "@view" in decorators or "@pure" in decorators
        moves = function in {"deposit", "release", "refund", "reclaim", "withdraw", "rescue"}
        assert reads or not moves or "@nonreentrant" in decorators, function


def test_row_54_only_pinned_tokens_are_taken(database_url: str) -> None:
    """Fee-taking, rebasing and other strange tokens cannot be named: tokens come from CHAINS."""
    read = read_settings(environment(database_url=database_url, redis_url="redis://127.0.0.1:9"))
    assert list(read.chains["base"].tokens) == ["USDC"]
