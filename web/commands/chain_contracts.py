"""`strongroom chain contracts`: where our contracts are, and what to send to put them there."""

from pathlib import Path

import click

from payments.providers.evm.placing import placements
from web.commands.output import json_option, print_json, print_rows


@click.command("contracts")
@click.option(
    "--write",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write each transaction's data to a file in this folder.",
)
@json_option
def contracts(*, folder: Path | None, as_json: bool) -> None:
    """Show where our contracts are on every chain, and what puts them there.

    Send the data to the address under `to`, the first before the second, from any wallet and with
    no coins; then write the factory's address into CHAINS, and see what `strongroom doctor` says.
    """
    found = placements()
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        for one in found:
            (folder / f"{one.contract}.hex").write_text(f"0x{one.calldata.hex()}\n")
    rows = [{"contract": one.contract, "address": one.address, "to": one.to} for one in found]
    if as_json:
        datas = [f"0x{one.calldata.hex()}" for one in found]
        print_json([{**row, "data": data} for row, data in zip(rows, datas, strict=True)])
    else:
        print_rows(rows, as_json=False, empty="")
