"""Our contracts are put on a chain by anybody, and found where it was foretold."""

import json
from pathlib import Path

from click.testing import CliRunner
from eth_utils.crypto import keccak

from payments.providers.evm.addresses import checksum
from payments.providers.evm.placing import PLACER, placements
from tests.chain import TestChain
from tests.payments.providers.evm.desk import Desk
from web.command_line import main

# The code at PLACER: https://github.com/Arachnid/deterministic-deployment-proxy
PLACER_CODE = bytes.fromhex(
    "7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffe0"
    "3601600081602082378035828234f58015156039578182fd5b8082525050506014600cf3"
)
MAKES_IT = bytes.fromhex("604580600e600039806000f350fe") + PLACER_CODE


def put_placer_there(chain: TestChain) -> str:
    wallet = chain.stranger
    nonce = chain.node.number("eth_getTransactionCount", wallet.address, "latest")
    raw = wallet.sign(
        chain_id=chain.chain_id, nonce=nonce, to=None, data=MAKES_IT,
        gas=200_000, max_fee=20 * 10**9, priority_fee=10**9,
    )  # fmt: skip
    tx_hash = chain.broadcast(raw)
    chain.mine()
    return checksum((chain.receipt(tx_hash) or {})["contractAddress"])


def test_what_is_sent_as_told_makes_a_factory_of_ours(chain: TestChain) -> None:
    placer = put_placer_there(chain)
    found = placements(placer=placer)
    for one in found:
        chain.send(chain.stranger, one.to, one.calldata)
        chain.mine()

    desk = Desk(chain, factory=found[-1].address)
    escrow = desk.port.predict_address(terms := desk.terms())
    desk.send(found[-1].address, desk.port.encode_create(terms))

    assert desk.port.escrow_state(escrow).status == "created"


def test_where_they_are_hangs_on_the_code_alone() -> None:
    shared, factory = placements()
    assert shared.to == factory.to == PLACER
    for one in (shared, factory):
        salt, code = one.calldata[:32], one.calldata[32:]
        digest = keccak(b"\xff" + bytes.fromhex(PLACER[2:]) + salt + keccak(code))
        assert one.address == checksum(f"0x{digest[12:].hex()}")
    assert factory.calldata.endswith(bytes.fromhex(shared.address[2:]))


def test_the_command_tells_them_without_any_configuration(tmp_path: Path) -> None:
    done = CliRunner().invoke(
        main, ["chain", "contracts", "--write", str(tmp_path), "--json"], env={"DATABASE_URL": ""}
    )
    assert done.exit_code == 0, done.output
    told = {one["contract"]: one for one in json.loads(done.stdout)}
    for one in placements():
        shown = told[one.contract]
        assert (shown["address"], shown["to"]) == (one.address, PLACER)
        assert bytes.fromhex(shown["data"][2:]) == one.calldata
        assert (tmp_path / f"{one.contract}.hex").read_text().strip() == shown["data"]
    table = CliRunner().invoke(main, ["chain", "contracts"], env={"DATABASE_URL": ""})
    assert placements()[-1].address in table.output
