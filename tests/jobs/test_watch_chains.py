"""The job that follows the chains: all of them, whatever becomes of one."""

import dataclasses
import io
from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from jobs.context import JobContext, connect_context
from jobs.registry import find_job
from jobs.schedule import SCHEDULE
from payments.providers.chain_port import Block
from payments.providers.evm.adapter import EvmChain
from tests.chain import running_chain
from tests.jobs.environment import make_settings
from tests.payments.watching.stage import Stage, open_stage


@pytest.fixture
def stage(engine: Engine) -> Iterator[Stage]:
    with running_chain() as chain:
        yield open_stage(engine, chain)


@pytest.fixture
def context(stage: Stage, database_url: str, redis_url: str) -> JobContext:
    """Two chains are set up, and the first of them is out of reach."""
    settings = make_settings(database_url=database_url, redis_url=redis_url)
    dead = stage.chain.settings(name="dead", rpc_urls=["http://127.0.0.1:9"])
    chains = {"dead": dead, stage.settings.name: stage.settings}
    context = connect_context(settings)
    context.engine.dispose()
    return dataclasses.replace(
        context,
        settings=dataclasses.replace(settings, chains=chains),
        engine=stage.engine,
        providers=dataclasses.replace(
            context.providers, chains={name: EvmChain(one) for name, one in chains.items()}
        ),
        clock=stage.now,
    )


def test_a_chain_out_of_reach_does_not_keep_the_others(
    context: JobContext, stage: Stage, log_lines: io.StringIO
) -> None:
    assert "watch_chains" in {periodic.job for periodic in SCHEDULE}
    escrow = stage.deployed()
    stage.deposit(escrow)
    stage.chain.mine(3)
    figures = find_job("watch_chains").run(context, {})
    assert figures["failed"] == 1
    assert '"chain": "dead"' in log_lines.getvalue()
    assert stage.escrow(escrow).status == "funded"


class Surprising(EvmChain):
    """A chain whose answers break what reads them."""

    def head(self) -> Block:
        raise ZeroDivisionError


def test_what_nobody_foresaw_on_a_chain_does_not_keep_the_others(
    context: JobContext, stage: Stage, log_lines: io.StringIO
) -> None:
    chains = {**context.providers.chains, "dead": Surprising(context.settings.chains["dead"])}
    providers = dataclasses.replace(context.providers, chains=chains)
    escrow = stage.deployed()
    stage.deposit(escrow)
    stage.chain.mine(3)
    with pytest.raises(ZeroDivisionError):
        find_job("watch_chains").run(dataclasses.replace(context, providers=providers), {})
    assert '"reason": "ZeroDivisionError"' in log_lines.getvalue()
    assert stage.escrow(escrow).status == "funded"
