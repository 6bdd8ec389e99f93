"""Several URLs of one chain: which is asked, which is believed, what is told when they fail."""

import pytest

from payments.providers.chain_errors import WrongChainError
from payments.providers.evm.adapter import EvmChain
from payments.providers.evm.rpc import REST_S, Rpc
from payments.providers.outcome import OutcomeUnknownError
from sandbox.chain.server import ChainServer
from tests.chain import TestChain
from tests.payments.providers.evm.desk import DEAD_URL, Desk
from tests.payments.providers.truelayer.scripted_server import Heard, Say, ScriptedServer

HIDDEN = "3f9c2b7d1e"


def asked_of(server: ChainServer) -> list[str]:
    """Have a node note which methods are called, from now on."""
    methods: list[str] = []
    call = server.node.call

    def noting(method: str, params: object) -> object:
        methods.append(method)
        return call(method, params)  # type: ignore[arg-type]  # as it came

    server.node.call = noting  # type: ignore[method-assign]  # listens in, changes nothing
    return methods


def test_a_dead_url_is_passed_over_and_not_asked_again_soon(chain: TestChain) -> None:
    now = [0.0]
    with chain.another_node() as first, chain.another_node() as second:
        settings = chain.settings(rpc_urls=[first.url, second.url])
        port = EvmChain(settings, rpc=Rpc(settings, clock=lambda: now[0]))
        at_first, at_second = asked_of(first), asked_of(second)
        first.faults.replace([{"fault": "close", "when": "before", "path": "*"}], seed=0)

        assert port.head().number == chain.head.number
        assert port.head().number == chain.head.number
        assert at_first == []
        assert at_second == ["eth_chainId", "eth_getBlockByNumber", "eth_getBlockByNumber"]

        first.faults.replace([], seed=0)
        port.head()
        assert at_first == []
        now[0] += REST_S
        port.head()
        port.head()
        assert at_first == ["eth_chainId", "eth_getBlockByNumber", "eth_getBlockByNumber"]


def test_nobody_listening_at_the_first_url_changes_nothing(chain: TestChain) -> None:
    desk = Desk(chain, rpc_urls=[DEAD_URL, chain.url])
    chain.faults()
    escrow = desk.make()
    assert desk.port.escrow_state(escrow).status == "created"


@pytest.mark.parametrize(
    "rule",
    [
        {"fault": "close", "when": "before"},
        {"fault": "close", "when": "after"},
        {"fault": "answer", "when": "before", "status": 503},
        {"fault": "answer", "when": "before", "status": 429},
        {"fault": "slow", "when": "before", "wait_s": 3},
    ],
    ids=str,
)
def test_whatever_way_a_url_fails_the_next_is_asked(
    chain: TestChain, rule: dict[str, object]
) -> None:
    chain.faults()
    with chain.another_node() as ill:
        ill.faults.replace([{**rule, "path": "eth_getBalance"}], seed=0)
        desk = Desk(chain, rpc_urls=[ill.url, chain.url])
        address = chain.buyer.address
        assert desk.port.balance(address) == chain.wei_of(address)


def test_an_error_of_a_url_about_itself_is_none_about_what_was_asked(chain: TestChain) -> None:
    def refuse(heard: Heard) -> Say:
        error = {"code": -32000, "message": "nonce too low"}
        return Say(content={"jsonrpc": "2.0", "id": heard.content["id"], "error": error})

    chain.faults()
    raw = chain.sign(chain.stranger, chain.stranger.address, nonce=0)
    with ScriptedServer() as ill:
        ill.says("POST", "/", refuse)
        with pytest.raises(OutcomeUnknownError):
            Desk(chain, rpc_urls=[ill.url]).port.broadcast(raw)
        Desk(chain, rpc_urls=[ill.url, chain.url]).port.broadcast(raw)
        assert {heard.content["method"] for heard in ill.heard} == {"eth_chainId"}
    chain.mine()


def test_handing_in_does_not_take_longer_than_a_lock_may_be_held(chain: TestChain) -> None:
    now = [0.0]

    def slowly(_heard: Heard) -> Say:
        now[0] += 6
        return Say(503)

    with ScriptedServer() as slow:
        slow.says("POST", "/", slowly)
        settings = chain.settings(rpc_urls=[f"{slow.url}/?{number}" for number in range(9)])
        port = EvmChain(settings, rpc=Rpc(settings, clock=lambda: now[0]))
        with pytest.raises(OutcomeUnknownError):
            port.broadcast(b"\2")
        assert len(slow.heard) == 2
        with pytest.raises(OutcomeUnknownError):
            port.head()
        assert len(slow.heard) == 2 + 9


def test_when_no_url_answers_it_is_told_without_the_urls_secrets(chain: TestChain) -> None:
    secret_url = f"http://user:{HIDDEN}@127.0.0.1:9/v3/{HIDDEN}?key={HIDDEN}"
    desk = Desk(chain, rpc_urls=[secret_url, DEAD_URL])
    with pytest.raises(OutcomeUnknownError) as raised:
        desk.port.head()
    assert "127.0.0.1:9 gives no answer" in raised.value.detail
    told = f"{raised.value.detail} {raised.value!r} {desk.port!r} {desk.settings!r}"
    assert HIDDEN not in told


def test_another_chain_is_not_asked_for_anything_else(chain: TestChain) -> None:
    desk = Desk(chain, chain_id=1)
    methods = asked_of(chain.server)
    with pytest.raises(WrongChainError):
        desk.port.broadcast(desk.chain.sign(chain.operator, chain.operator.address, nonce=0))
    with pytest.raises(WrongChainError):
        desk.port.head()
    assert set(methods) == {"eth_chainId"}


def test_which_chain_it_is_is_asked_once_and_again_after_a_failure(chain: TestChain) -> None:
    chain.faults()
    desk = Desk(chain)
    methods = asked_of(chain.server)
    desk.port.head()
    desk.port.head()
    assert methods.count("eth_chainId") == 1
    chain.faults({"fault": "close", "when": "before", "path": "eth_getBlockByNumber", "times": 1})
    with pytest.raises(OutcomeUnknownError):
        desk.port.head()
    desk.port.head()
    desk.port.head()
    assert methods.count("eth_chainId") == 2


def test_a_node_that_lags_behind_is_not_asked_for_logs_it_cannot_have(chain: TestChain) -> None:
    chain.faults()
    desk = Desk(chain)
    escrow = desk.make()
    head = chain.head.number
    with chain.another_node() as lagging:
        lagging.node.behind = 2
        both = Desk(chain, rpc_urls=[lagging.url, chain.url]).port
        alone = Desk(chain, rpc_urls=[lagging.url]).port
        assert [
            log.contract for log in both.logs(operators=(), from_block=head, to_block=head)
        ] == [escrow]
        with pytest.raises(OutcomeUnknownError):
            alone.logs(operators=(), from_block=head, to_block=head)
        with pytest.raises(OutcomeUnknownError):
            alone.transfers([escrow], from_block=head, to_block=head)
        lagging.node.behind = 0
        assert [
            log.contract for log in alone.logs(operators=(), from_block=head, to_block=head)
        ] == [escrow]
