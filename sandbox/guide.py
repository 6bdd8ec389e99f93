"""What the sandbox says on the terminal: progress while it works, then one screen of guidance."""

import contextlib
import os
import sys
import time
from collections.abc import Iterator
from io import TextIOWrapper

from rich.console import Console, Group
from rich.markup import escape
from rich.padding import Padding
from rich.panel import Panel
from rich.table import Table

from sandbox.environment import Plan
from sandbox.ports import DEFAULT_PORT


class _PatientConsole(Console):
    """A console that falls silent when its reader is gone: stopping must go on all the same."""

    def on_broken_pipe(self) -> None:
        self.quiet = True


class Screen:
    """Where a run reports; beautiful on a terminal, plain lines elsewhere."""

    def __init__(self) -> None:
        if isinstance(sys.stdout, TextIOWrapper):
            sys.stdout.reconfigure(errors="replace")
        self._console = _PatientConsole(highlight=False)
        self._started = time.monotonic()

    def say(self, text: str = "") -> None:
        """Print a line; square brackets are text."""
        self._print(escape(text))

    def fail(self, text: str) -> None:
        """Print what went wrong, its first line standing out."""
        first, _line, rest = text.partition("\n")
        self._print(f"[bold red]✗ {escape(first)}[/]")
        if rest:
            self._print(escape(rest))

    @contextlib.contextmanager
    def step(self, name: str) -> Iterator[list[str]]:
        """Show that a step is being worked on, then how long it took.

        Whoever does the step may put words into the list: they are printed after its name.
        """
        started = time.monotonic()
        details: list[str] = []
        with self._working(name):
            yield details
        took = f"{time.monotonic() - started:4.1f} s"
        self._print(f"[green]✓[/] {name:<24} [dim]{took}[/]  {escape(' '.join(details))}")

    def guide(self, plan: Plan) -> None:
        """Print where everything is and what to try first."""
        places = _columns()
        for name, address in _places(plan).items():
            places.add_row(f"[bold]{name}[/]", f"[cyan]{escape(address)}[/]")
        tries = _columns()
        for what, how in _hints(plan).items():
            tries.add_row(what, f"[bold]{escape(how)}[/]")
        body = Group(places, "", tries)
        title = f"Strongroom runs (ready in {time.monotonic() - self._started:.1f} s)"
        if self._console.is_terminal:
            self._print(Panel(Padding(body, (1, 2)), title=title, border_style="green"))
        else:
            self._print(Group(title, body))

    def _working(self, name: str) -> contextlib.AbstractContextManager[object]:
        if self._console.is_terminal:
            return self._console.status(f"{name} …")
        return contextlib.nullcontext()

    def _print(self, content: object) -> None:
        with contextlib.suppress(OSError):  # the terminal was closed
            self._console.print(content, soft_wrap=isinstance(content, str))


def _hints(plan: Plan) -> dict[str, str]:
    """Return what to try first, and how."""
    port = "" if plan.ports.web == DEFAULT_PORT else f" PORT={plan.ports.web}"
    return {
        "Watch whole payments go through": f"make demo{port}   (in another terminal)",
        "Ask what runs on what": f"make strongroom ARGS=doctor{port}",
        "Stop everything, keeping the data": "Ctrl-C",
        "Start again from nothing": "make reset",
    }


def _columns() -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    return table


def _places(plan: Plan) -> dict[str, str]:
    """Return what a person may want to open, by name."""
    home = os.path.relpath(plan.home.path)
    return {
        "Shop": f"{plan.shop_url}  (pay with 4242 4242 4242 4242)",
        "Console": f"{plan.shop_url}/staff  (one click signs you in, as whom you like)",
        "API": f"{plan.base_url}/api/docs",
        "Stripe": f"{plan.stripe_url}  (simulated)" if plan.starts_stripe else "Stripe itself",
        "Pager": f"{plan.pager_url}  (what people are told when something is wrong)",
        "Bank": f"{plan.bank_url}  (simulated)" if plan.starts_bank else "TrueLayer itself",
        "Chain": f"{plan.chain_url}  (local, JSON-RPC)" if plan.starts_chain else "as CHAINS says",
        "Keys, tokens, addresses": f"{home}/sandbox.json",
        "Logs": f"{home}/logs",
    }
