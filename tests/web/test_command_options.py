"""Every command speaks JSON; what changes something can be tried first; what ends asks why."""

import importlib
import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping

import click
import pytest
from click.testing import CliRunner

from payments.database import Base
from tests.architecture.sources import ROOT
from web.command_line import main
from web.command_table import PLACES, CommandTable
from web.commands import foreign_tables
from web.commands.deeds import ONLY_READING
from web.commands.rehearsal import dry_run_option
from web.policies import POLICIES

WIDTH = 80
"""Columns of a terminal."""

NO_JSON: Mapping[str, str] = {
    "audit export": "it is JSON already, a line for each entry",
    "completion": "it is a shell's script",
    "encryption add-key": "it prints a keyset, which is JSON",
    "encryption rewrap": "it prints a keyset, which is JSON",
    "ledger export": "it writes a file in a format that is asked for",
    "ledger report": "it prints a format that is asked for, JSON among them",
}

NO_DRY_RUN: Mapping[str, str] = {
    "alerts evaluate": "routine of a worker",
    "audit export": "it only reads, and the look is written down",
    "audit list": "it only reads, and the look is written down",
    "backup create": "it changes no row: it copies",
    "backup restore": "it changes no row: it lays files out",
    "bank find": "it only reads, and the look is written down",
    "chain thaw-signer": "it asks the chain on the way, and frees what is proven there",
    "completion": "it only prints",
    "dead-letters show": "it only reads, and the look is written down",
    "encryption add-key": "it prints, and changes nothing",
    "encryption rewrap": "it prints, and changes nothing",
    "encryption rotate": "a job does it; --wait would wait for ever",
    "events test": "it must go the whole way to prove anything",
    "find": "it only reads, and the look is written down",
    "keys uses": "it only reads, and the look is written down",
    "ledger close-period": "several steps; its checklist is the look ahead",
    "metrics serve": "it only reads",
    "metrics show": "it only reads",
    "reconcile run": "a job does it, and what it finds cannot be known before",
    "reconcile unmatched": "it only reads, and the look is written down",
    "restore fail-over": "it asks every provider, and begins what cannot be taken back",
    "restore reconcile": "it asks every provider; what it adopts is true there already",
    "statements list": "it only reads, and the look is written down",
    "stripe balance": "it only reads",
}

REASONS = {
    "dead-letters discard",
    "dead-letters replay",
    "dead-letters show",
    "deadlines extend",
    "freeze",
    "keys revoke",
    "ledger post-entry",
    "ledger reject-entry",
    "ledger reopen-period",
    "ledger reverse-entry",
    "notices remove",
    "restore begin",
    "restore fail-over",
    "restore settle",
    "secrets revoke",
    "sessions end",
    "unfreeze",
}
"""What stops, ends, replays or takes something back, and what shows personal data on request."""


def commands(command: click.Command, *words: str) -> Iterator[tuple[str, click.Command]]:
    """Every command with its words."""
    if isinstance(command, click.Group):
        for name, inner in command.commands.items():
            yield from commands(inner, *words, name)
    else:
        yield " ".join(words), command


COMMANDS = dict(commands(main))


def options(name: str) -> set[str]:
    return {option for parameter in COMMANDS[name].params for option in parameter.opts}


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_a_command_has_the_options_that_it_must_have(name: str) -> None:
    assert ("--json" in options(name)) is not (name in NO_JSON)
    is_reading = name in ONLY_READING or name in NO_DRY_RUN
    assert ("--dry-run" in options(name)) is not is_reading
    assert "--reason" in options(name) or name not in REASONS
    assert COMMANDS[name].help, "it says what it does"


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_the_help_of_a_command_fits_on_a_screen(name: str) -> None:
    told = CliRunner().invoke(main, [*name.split(), "--help"], terminal_width=WIDTH)
    assert told.exit_code == 0, told.output
    assert [line for line in told.output.splitlines() if len(line) > WIDTH] == []


def test_the_scopes_of_a_key_are_listed_by_subject_and_a_misspelled_one_is_told() -> None:
    told = CliRunner().invoke(main, ["keys", "create", "--help"]).output
    listed = dict(re.findall(r"^  ([a-z_]+) +(\..+(?:\n {4,}\..+)*)$", told, re.MULTILINE))
    named = {f"{one}{verb}" for one in listed for verb in re.split(r",\s+", listed[one])}
    assert named == set(POLICIES)
    wrong = ["keys", "create", "--name", "Shop", "--role", "service", "--scope", "payment.read"]
    refused = CliRunner().invoke(main, wrong)
    assert (refused.exit_code, "Did you mean payments.read" in refused.output) == (2, True)
    assert "webhooks.replay" not in refused.output


def test_the_lists_name_commands_that_there_are() -> None:
    assert {*NO_JSON, *NO_DRY_RUN, *REASONS, *ONLY_READING} <= set(COMMANDS)


def test_a_command_says_of_itself_what_the_table_says() -> None:
    table = CommandTable()
    said = {name: table[name].get_short_help_str(limit=200) for name in table}
    assert said == {name: told for name, (_, told) in PLACES.items()}
    with pytest.raises(KeyError):
        table["nothing"]


def test_a_dry_run_says_that_it_was_one() -> None:
    done: list[str] = []

    @click.command()
    @dry_run_option
    def act() -> None:
        done.append("act")

    tried = CliRunner().invoke(act, ["--dry-run"])
    assert (tried.exit_code, "this was a dry run" in tried.stderr, done) == (0, True, ["act"])


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_is_told_how_to_complete(shell: str) -> None:
    printed = CliRunner().invoke(main, ["completion", shell])
    assert printed.exit_code == 0, printed.output
    assert "_STRONGROOM_COMPLETE" in printed.output


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ("du", "duplicates"),
        ("keys u", "uses"),
        ("freeze --d", "--dry-run"),
        ("keys create --scope pay", "payments.read"),
        ("payouts r", "retry"),
        ("payouts list --status f", "failed"),
    ],
)
def test_what_is_typed_is_completed(words: str, wanted: str) -> None:
    typed = f"strongroom {words}"
    told = CliRunner().invoke(
        main,
        [],
        prog_name="strongroom",
        env={
            "_STRONGROOM_COMPLETE": "bash_complete",
            "COMP_WORDS": typed,
            "COMP_CWORD": str(typed.count(" ")),
        },
    )
    assert wanted in told.output, told.output


def test_help_needs_no_command_and_no_driver() -> None:
    """Which takes seconds: the modules it loads are what there is to measure on any machine."""
    asked = (
        "import sys, json; from web.command_line import main; main(['--help'],"
        " standalone_mode=False); print(json.dumps(sorted(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", asked], cwd=ROOT, capture_output=True, text=True, check=True
    )
    loaded = set(json.loads(done.stderr.splitlines()[-1]))
    assert "duplicates" in done.stdout
    heavy = {"sqlalchemy", "stripe", "web3", "redis", "weasyprint", "web.commands.keys"}
    assert not heavy & loaded


def test_every_table_that_a_foreign_key_leads_to_is_known_to_every_command() -> None:
    """Tests import everything, a command does not: SQLAlchemy asks as it writes."""
    for file in sorted((ROOT / "payments").rglob("*.py")):
        if "__tablename__" in file.read_text(encoding="utf-8"):
            importlib.import_module(".".join(file.relative_to(ROOT).with_suffix("").parts))
    homes = {mapper.local_table: mapper.class_.__module__ for mapper in Base.registry.mappers}
    lacking = {
        (home, homes[key.column.table])
        for table, home in homes.items()
        for key in table.foreign_keys
        if homes[key.column.table] not in {home, *foreign_tables.MODULES}
    }
    assert len(homes) > 40
    assert lacking == set()
