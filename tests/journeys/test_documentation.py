"""Pages of docs/ are run against the whole system: what they show is what is."""

import json
import re
import shutil
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import click
import pytest

from sandbox.bank.books import MOMENTS
from sandbox.bank_calls import at_bank
from sandbox.way_in import loopback_session
from tests.architecture.sources import ROOT
from tests.journeys.conftest import System
from tests.journeys.documentation import blocks, commands, run
from tests.outside_tools import FOLDER, find_hledger
from web.command_line import main

PAGES = ["api.md", "payments.md", "reconciliation.md", "escrow.md", "finance.md"]
WITH_COMMANDS = ["README.md", *sorted(f"docs/{file.name}" for file in (ROOT / "docs").glob("*.md"))]
_CALL = re.compile(r"(?:\$URL|\$\{url\}|`(?:GET|POST|PUT|DELETE|PATCH) )(/[a-z][^\s\"'`?|,]*)")


@pytest.fixture
def folder(system: System, tmp_path: Path) -> Path:
    """A folder with the way into the system, as a checkout has it."""
    if not (shutil.which("curl") and shutil.which("bash")):
        pytest.skip("The pages are shell and curl, and one of both is missing here.")
    (tmp_path / ".strongroom").mkdir()
    way_in = tmp_path / ".strongroom" / "sandbox.json"
    way_in.write_text(json.dumps(asdict(system.way_in)))
    settings = {
        "STRIPE_SECRET_KEY": system.way_in.stripe_secret_key,
        "STRIPE_PUBLISHABLE_KEY": system.way_in.stripe_publishable_key,
        "TRUELAYER_CLIENT_SECRET": system.way_in.bank_client_secret,
    }
    (tmp_path / ".strongroom" / "environment.json").write_text(json.dumps(settings))
    kept = {"wallets_secret": system.way_in.wallets_secret}
    (tmp_path / ".strongroom" / "secrets.json").write_text(json.dumps(kept))
    (tmp_path / ".venv").symlink_to(sys.prefix)
    at_bank(system.way_in, "moments", dict(MOMENTS), method="PUT")  # as in a new sandbox
    return tmp_path


@pytest.mark.parametrize("page", PAGES)
def test_the_page_runs_and_prints_what_it_shows(system: System, folder: Path, page: str) -> None:
    if page != "finance.md":
        run(page, folder=folder)
        return
    if find_hledger() is None:
        pytest.skip("The page runs hledger, and there is none here.")
    (folder / "bill.pdf").write_bytes(b"%PDF-1.7 a bill")
    programs = [Path(sys.prefix) / "bin", FOLDER / "usr" / "bin"]
    run(page, folder=folder, environment=system.environment, programs=programs)


@pytest.mark.parametrize("page", PAGES)
def test_every_address_on_the_page_is_one_of_the_api(system: System, page: str) -> None:
    url = f"{system.way_in.base_url}/api/openapi.json"
    paths = loopback_session().get(url, timeout=10).json()["paths"]
    known = re.compile("|".join(re.sub(r"\{\w+\}", "[^/]+", path) for path in paths))
    text = "\n".join(text for _, text in blocks(page))
    for path in _CALL.findall(text):
        plain = re.sub(r"\$\{[^}]+\}|\$[A-Z]+|\{id\}|\$\w+", "x", path).rstrip("/)")
        assert plain == "x" or known.fullmatch(plain), path


@pytest.mark.parametrize("page", PAGES)
def test_the_javascript_on_the_page_is_javascript(page: str, tmp_path: Path) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("There is no node here to read the JavaScript with.")
    for number, (language, text) in enumerate(blocks(page)):
        if language == "js":
            file = tmp_path / f"{number}.mjs"
            file.write_text(text)
            read = subprocess.run([node, "--check", str(file)], capture_output=True, check=False)
            assert read.returncode == 0, read.stderr.decode()


@pytest.mark.parametrize("page", WITH_COMMANDS)
def test_every_command_on_the_page_is_one_of_ours_with_options_that_it_has(page: str) -> None:
    for words in commands(page):
        command: click.Command = main
        rest = words[1:]
        while isinstance(command, click.Group) and rest and not rest[0].startswith("-"):
            assert rest[0] in command.commands, words
            command, *rest = command.commands[rest[0]], *rest[1:]
        known = {
            name for option in command.params for name in (*option.opts, *option.secondary_opts)
        }
        given = {word.partition("=")[0] for word in rest if word.startswith("-")}
        assert given <= known | {"--help"}, words
