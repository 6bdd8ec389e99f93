"""Looks for secrets in the files of the project: part of `make lint`, a few seconds.

It asks the detectors of detect-secrets that know a format, and those below for our own, over
whole files at once and in one process. What is made up, for tests and examples, stands in
`.secrets.baseline` by its hash; `--write` adds what is there now, once somebody has looked at it.
"""

import argparse
import hashlib
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from detect_secrets.plugins import (
    aws,
    discord,
    github_token,
    gitlab_token,
    jwt,
    mailchimp,
    npm,
    openai,
    pypi_token,
    sendgrid,
    slack,
    square_oauth,
    stripe,
    telegram_token,
    twilio,
)
from detect_secrets.plugins.base import RegexBasedDetector

BASELINE = Path(".secrets.baseline")
LARGEST = 2_000_000
_KNOWN = (
    aws.AWSKeyDetector,
    discord.DiscordBotTokenDetector,
    github_token.GitHubTokenDetector,
    gitlab_token.GitLabTokenDetector,
    jwt.JwtTokenDetector,
    mailchimp.MailchimpDetector,
    npm.NpmDetector,
    openai.OpenAIDetector,
    pypi_token.PypiTokenDetector,
    sendgrid.SendGridDetector,
    slack.SlackDetector,
    square_oauth.SquareOAuthDetector,
    stripe.StripeDetector,
    telegram_token.TelegramBotTokenDetector,
    twilio.TwilioKeyDetector,
)


class OurFormats(RegexBasedDetector):
    """API keys of ours, signing secrets of webhooks, keys in PEM, keysets of Tink, JWKs."""

    secret_type = "a secret of Strongroom or of a provider"  # noqa: S105 - what is found
    denylist = (
        re.compile(r"\bsrk_(?:live|test)_[A-Za-z0-9_]{20,}"),
        re.compile(r"\bwhsec_[A-Za-z0-9+/=_-]{20,}"),
        re.compile(r"\b[rs]k_live_[A-Za-z0-9]{16,}"),
        re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----(?:\\n|\s)+([A-Za-z0-9+/=]{40,})"),
        re.compile(r'"keyMaterialType":\s*"SYMMETRIC"[^{}]*"value":\s*"([A-Za-z0-9+/=]{20,})"'),
        re.compile(r'"value":\s*"([A-Za-z0-9+/=]{20,})"[^{}]*"keyMaterialType":\s*"SYMMETRIC"'),
        re.compile(r'"kty":\s*"(?:EC|RSA|OKP)"[^{}]*"d":\s*"([A-Za-z0-9_-]{40,})"'),
    )


class Finding(NamedTuple):
    """What looks like a secret; `digest` is what the baseline knows it by."""

    path: str
    line: int
    kind: str
    digest: str


def scan_text(path: str, text: str) -> Iterator[Finding]:
    """Give what looks like a secret in a file's text."""
    seen = set()
    for detector in (*(known() for known in _KNOWN), OurFormats()):
        for found in detector.analyze_string(text):
            if found and found not in seen:
                seen.add(found)
                line = text.count("\n", 0, text.find(found)) + 1
                digest = hashlib.sha256(found.encode()).hexdigest()
                yield Finding(path, line, detector.secret_type, digest)


def scan(paths: Iterator[Path]) -> Iterator[Finding]:
    """Give what looks like a secret in files; what is no text is passed over."""
    for path in paths:
        if not path.is_file() or path.stat().st_size > LARGEST or path == BASELINE:
            continue
        content = path.read_bytes()
        if b"\0" not in content[:8000]:
            yield from scan_text(str(path), content.decode("utf-8", errors="replace"))


def project_files() -> Iterator[Path]:
    """Give the files of the project: what git knows or would add; without git, all but .venv."""
    done = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],  # noqa: S607 - the PATH's git
        capture_output=True,
        check=False,
    )
    if done.returncode == 0:
        yield from (Path(name.decode()) for name in done.stdout.split(b"\0") if name)
        return
    hidden = {".venv", ".git", ".strongroom", ".mypy_cache", ".ruff_cache"}
    yield from (path for path in Path().rglob("*") if not hidden.intersection(path.parts))


def main() -> int:
    """Scan and return 1 when there is something that the baseline does not know."""
    reader = argparse.ArgumentParser(description=__doc__)
    reader.add_argument("--write", action="store_true", help="Add what is there to the baseline.")
    reader.add_argument("paths", nargs="*", type=Path)
    given = reader.parse_args()
    known = json.loads(BASELINE.read_text(encoding="utf-8")) if BASELINE.exists() else {}
    found = list(scan(iter(given.paths) if given.paths else project_files()))
    if given.write:
        told: dict[str, list[str]] = {}
        for each in sorted(found):
            told.setdefault(each.path, []).append(each.digest)
        BASELINE.write_text(json.dumps(told, indent=1, sort_keys=True) + "\n", encoding="utf-8")
        return 0
    new = [each for each in found if each.digest not in known.get(each.path, ())]
    for each in new:
        print(f"{each.path}:{each.line}: {each.kind}")
    if new:
        print("If these are made up: python -m sandbox.secrets_scan --write", file=sys.stderr)
    return 1 if new else 0


if __name__ == "__main__":
    sys.exit(main())
