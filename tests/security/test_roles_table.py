"""The table of roles in docs/security.md says what web/policies.py decides."""

from payments.access.caller import Role
from tests.architecture.sources import ROOT
from web.policies import DANGEROUS, POLICIES


def test_the_documented_roles_are_those_of_the_code() -> None:
    """When it fails: the rows below are what has to stand there."""
    text = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    told = text.partition("\n## Roles\n")[2].partition("\n## ")[0]
    rows = {line for line in told.splitlines() if line.startswith("| `")}
    assert rows == {row_of(action) for action in POLICIES}
    assert f"| action | {' | '.join(Role)} | fresh factor |" in told


def row_of(action: str) -> str:
    marks = ["x" if role in POLICIES[action] else "" for role in Role]
    marks.append("x" if action in DANGEROUS else "")
    return f"| `{action}` | " + " | ".join(marks) + " |"
