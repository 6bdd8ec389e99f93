"""How the demo tells its story on the terminal, and remembers whether all was as it should be."""

from collections.abc import Iterable, Mapping
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table


class Telling:
    """Prints what happens; `faults` counts the checks that failed."""

    def __init__(self) -> None:
        self._console = Console(highlight=False, emoji=False)
        self.faults = 0

    def chapter(self, title: str) -> None:
        """Begin a new part."""
        self._console.print(f"\n[bold]{escape(title)}[/]")

    def step(self, what: str, detail: str = "") -> None:
        """Say what was done, and what came of it."""
        self._console.print(
            f"  [cyan]→[/] {escape(what)}  [dim]{escape(detail)}[/]", soft_wrap=True
        )

    def heard(self, what: str) -> None:
        """Say what Strongroom told by itself."""
        self._console.print(f"  [magenta]⚡[/] {escape(what)}", soft_wrap=True)

    def check(self, what: str, *, holds: bool) -> None:
        """Say whether something that must be true is true."""
        self.faults += not holds
        mark = "[green]✓[/]" if holds else "[bold red]✗[/]"
        self._console.print(f"  {mark} {escape(what)}", soft_wrap=True)

    def trial_balance(self, accounts: Iterable[Mapping[str, Any]]) -> None:
        """Print accounts as finance reads them: debit left, credit right, sums by asset below.

        Accounts that are empty again are left out.
        """
        table = Table(title="Trial balance", title_justify="left", title_style="bold")
        table.add_column("Account", overflow="fold")
        for name, justify in (("Asset", "left"), ("Debit", "right"), ("Credit", "right")):
            table.add_column(name, justify=justify)  # type: ignore[arg-type]  # two of rich's words
        sums: dict[str, list[int]] = {}
        for account in accounts:
            debit, credit = int(account["debit"]), int(account["credit"])
            pair = sums.setdefault(account["asset"], [0, 0])
            pair[0] += debit
            pair[1] += credit
            if debit or credit:
                table.add_row(account["path"], account["asset"], _figure(debit), _figure(credit))
        table.add_section()
        for asset, (debit, credit) in sorted(sums.items()):
            table.add_row("Sum", asset, f"{debit:,}", f"{credit:,}", style="bold")
        self._console.print()
        self._console.print(table)
        self._console.print("[dim]Minor units, so 12,500 USD is $125.00.[/]")

    def reconciliation(self, title: str, at_bank: int, in_books: int, on_its_way: int) -> None:
        """Print what the bank says beside what the books say."""
        table = Table(title=title, title_justify="left", title_style="bold", show_header=False)
        table.add_column()
        table.add_column(justify="right")
        table.add_row("The bank's statement ends with", f"{at_bank:,}")
        table.add_row("The ledger has", f"{in_books:,}")
        table.add_row("On its way to or from the bank", f"{on_its_way:,}")
        table.add_section()
        table.add_row("Difference", f"{at_bank - in_books:,}", style="bold")
        self._console.print(table)

    def places(self, places: Mapping[str, str]) -> None:
        """Say where things are, by name."""
        self._console.print()
        for name, place in places.items():
            self._console.print(f"  {escape(name):<14} [bold]{escape(place)}[/]", soft_wrap=True)

    def end(self) -> int:
        """Say how it went; the exit status."""
        if self.faults:
            count = "One check" if self.faults == 1 else f"{self.faults} checks"
            self._console.print(f"\n[bold red]{count} failed.[/]")
            return 1
        self._console.print("\n[bold green]Everything was as it should be.[/]")
        return 0


def _figure(amount: int) -> str:
    return f"{amount:,}" if amount else ""
