"""The deposit into an order's contract from the test wallet, and its release."""

from collections.abc import Iterator
from typing import Any

import pytest
from eth_utils.crypto import keccak
from flask.testing import FlaskClient
from web3 import HTTPProvider, Web3

from payments.providers.evm import artifacts
from sandbox.chain.wallet import Wallet, calldata
from sandbox.shop.app import create_app
from sandbox.shop.settings import read_shop_settings
from tests.chain import TestChain, running_chain
from tests.sandbox.shop.fake_strongroom import FakeStrongroom

URL = "http://127.0.0.1:8001"
PRICE = 47_600_000
ORDER = {
    "id": "ord_1",
    "buyer_id": "pty_buyer",
    "currency": "USDC",
    "amount": str(PRICE),
    "tax_amount": "7600000",
    "lines": [],
}
RELEASE = "/api/escrow/release"


@pytest.fixture(scope="module")
def chain() -> Iterator[TestChain]:
    with running_chain() as chain:
        yield chain


@pytest.fixture
def strongroom() -> Iterator[FakeStrongroom]:
    with FakeStrongroom() as strongroom:
        strongroom.shows("/api/orders/ord_1", ORDER)
        yield strongroom


def browser_of(strongroom: FakeStrongroom, chain: TestChain, wallet: Wallet) -> FlaskClient:
    environment = {
        "STRONGROOM_URL": strongroom.url,
        "STRONGROOM_API_KEY": "srk_test_never_shown",
        "SHOP_IDENTITY_KEY": "never shown either",
        "CHAIN_RPC_URL": chain.url,
        "SHOP_WALLET_KEY": wallet.key.hex(),
    }
    return create_app(read_shop_settings(environment, port=8001)).test_client()


@pytest.fixture
def browser(strongroom: FakeStrongroom, chain: TestChain) -> FlaskClient:
    return browser_of(strongroom, chain, chain.buyer)


def press(browser: FlaskClient, path: str, **form: object) -> tuple[int, str | None]:
    answer = browser.post(path, data=form, base_url=URL, headers={"Origin": URL})
    return answer.status_code, answer.location


def sent_by(chain: TestChain, wallet: Wallet) -> int:
    return chain.node.number("eth_getTransactionCount", wallet.address, "latest")


def escrow_on(chain: TestChain, reference: str, depositor: Wallet) -> dict[str, Any]:
    """Make a contract on the chain; return the escrow as Strongroom shows it."""
    abi = artifacts.escrow_factory().abi
    web3 = Web3(HTTPProvider(chain.url))
    factory = web3.eth.contract(Web3.to_checksum_address(chain.factory), abi=abi)
    now = chain.head.timestamp
    terms = (
        keccak(text=reference),
        *(one.address for one in (depositor, chain.seller, chain.operator)),
        *(chain.arbiter.address, chain.guardian.address, chain.token),
        *(PRICE, now + 10_000, now + 20_000, now + 30_000),
    )
    contract = factory.functions.address_of(terms).call()
    create = bytes.fromhex(factory.encode_abi("create", [terms])[2:])
    chain.send(chain.operator, chain.factory, create)
    chain.mine()
    approve = calldata("approve(address,uint256)", contract, PRICE)
    return {
        "id": "esc_1",
        "order_id": "ord_1",
        "contract_address": contract,
        "deposit": {
            "to": contract,
            "data": f"0x{calldata('deposit()').hex()}",
            "value": "0",
            "approve": {"to": chain.token, "data": f"0x{approve.hex()}"},
        },
    }


def test_the_test_wallet_pays_once_however_often_it_is_asked(
    browser: FlaskClient, strongroom: FakeStrongroom, chain: TestChain
) -> None:
    escrow = escrow_on(chain, "paid once", chain.buyer)
    strongroom.shows("/api/escrow/esc_1", escrow)
    had, sent = chain.tokens_of(chain.buyer.address), sent_by(chain, chain.buyer)
    for _ in range(2):
        assert press(browser, "/orders/ord_1/deposit", escrow="esc_1") == (303, "/orders/ord_1")
    chain.mine()
    assert press(browser, "/orders/ord_1/deposit", escrow="esc_1") == (303, "/orders/ord_1")
    assert chain.local.pool.waiting() == []
    assert chain.tokens_of(escrow["contract_address"]) == PRICE
    assert chain.tokens_of(chain.buyer.address) == had - PRICE
    assert sent_by(chain, chain.buyer) == sent + 2  # what allows the deposit, and the deposit


def test_nothing_is_paid_where_no_deposit_is_wanted(
    browser: FlaskClient, strongroom: FakeStrongroom, chain: TestChain
) -> None:
    escrow = escrow_on(chain, "not wanted", chain.buyer)
    strongroom.shows("/api/escrow/esc_1", {**escrow, "deposit": None})
    assert press(browser, "/orders/ord_1/deposit", escrow="esc_1") == (303, "/orders/ord_1")
    strongroom.shows("/api/escrow/esc_1", {**escrow, "order_id": "ord_2"})
    assert press(browser, "/orders/ord_1/deposit", escrow="esc_1") == (404, None)
    assert chain.local.pool.waiting() == []


def test_a_wallet_that_cannot_pay_is_said_politely(
    strongroom: FakeStrongroom, chain: TestChain
) -> None:
    poor = Wallet.named("somebody without a coin")
    strongroom.shows("/api/escrow/esc_1", escrow_on(chain, "too poor", poor))
    browser = browser_of(strongroom, chain, poor)
    answer = browser.post(
        "/orders/ord_1/deposit", data={"escrow": "esc_1"}, base_url=URL, headers={"Origin": URL}
    )
    assert answer.status_code == 502
    assert "The wallet could not pay" in answer.text
    assert "insufficient funds" in answer.text


def test_a_contract_the_chain_has_lost_is_not_paid(
    browser: FlaskClient, strongroom: FakeStrongroom, chain: TestChain
) -> None:
    escrow = escrow_on(chain, "lost", chain.buyer)
    strongroom.shows("/api/escrow/esc_1", escrow)
    made = f"0x{chain.head.transactions[0].hash.hex()}"
    chain.reorganise(1, drop=[made])
    assert press(browser, "/orders/ord_1/deposit", escrow="esc_1")[0] == 502
    assert chain.local.pool.waiting() == []


@pytest.mark.parametrize(
    ("escrow", "released"), [("esc_1", {"escrow_id": "esc_1"}), (None, {"order_id": "ord_1"})]
)
def test_the_shops_staff_releases_what_is_held(
    browser: FlaskClient,
    strongroom: FakeStrongroom,
    escrow: str | None,
    released: dict[str, str],
) -> None:
    payment = {"id": "pay_1", "order_id": "ord_1", "escrow_id": escrow}
    strongroom.shows("/api/payments/pay_1", payment)
    form = {"payment": "pay_1", "reference": "once"}
    assert press(browser, "/orders/ord_1/release", **form) == (303, "/orders/ord_1")
    assert strongroom.asked(RELEASE) == [{"reference": "release-once", **released}]
    strongroom.shows("/api/payments/pay_1", {**payment, "order_id": "ord_2"})
    assert press(browser, "/orders/ord_1/release", **form) == (404, None)


def test_without_a_chain_nothing_is_sold_that_needs_one(
    browser: FlaskClient, strongroom: FakeStrongroom
) -> None:
    environment = {
        "STRONGROOM_URL": strongroom.url,
        "STRONGROOM_API_KEY": "srk_test_never_shown",
        "SHOP_IDENTITY_KEY": "never shown either",
    }
    without = create_app(read_shop_settings(environment, port=8001)).test_client()
    assert "Salt-glazed bowl" in browser.get("/", base_url=URL).text
    assert "Salt-glazed bowl" not in without.get("/", base_url=URL).text
    assert "Walnut stool" in without.get("/", base_url=URL).text
