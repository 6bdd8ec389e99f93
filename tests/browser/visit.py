"""A tab of a browser that notes whatever a page should not do: errors, violations, failures."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import BrowserContext, ConsoleMessage, Page, Request, Response

# Runs in every document and frame before anything of its own, whatever its policy says.
_LISTEN = """
document.addEventListener('securitypolicyviolation', (event) => window.noteViolation({
  directive: event.effectiveDirective, blocked: event.blockedURI, page: event.documentURI,
}), true);
"""


@dataclass(frozen=True)
class Violation:
    """Something that a page's content policy has stopped."""

    directive: str
    blocked: str
    """`inline`, `eval`, or an address."""
    page: str


@dataclass
class Visit:
    """One tab in a browser of its own: no cookie, cache or storage is shared with another one.

    What the page complains of fails the test in the end, unless the test has said `expects`.
    """

    context: BrowserContext
    page: Page
    pictures: Path
    """The folder where screenshots of this test are kept."""
    complaints: list[str] = field(default_factory=list)
    """Console errors and warnings, uncaught exceptions, requests that came to nothing."""
    violations: list[Violation] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    answers: list[Response] = field(default_factory=list)
    _expected: list[re.Pattern[str]] = field(default_factory=list)

    @classmethod
    def begin(cls, context: BrowserContext, pictures: Path) -> "Visit":
        """Open a tab and listen to it."""
        visit = cls(context, context.new_page(), pictures)
        context.expose_binding("noteViolation", lambda _source, told: visit.note_violation(told))
        context.add_init_script(_LISTEN)
        context.on("console", visit.note_message)
        context.on("weberror", lambda error: visit.complaints.append(f"uncaught: {error.error}"))
        context.on("request", visit.note_request)
        context.on("response", visit.note_answer)
        context.on("requestfailed", visit.note_failure)
        return visit

    def goto(self, url: str) -> Response:
        """Go to an address, and wait until the page and what it loads are there."""
        answer = self.page.goto(url, wait_until="load")
        assert answer is not None, f"nothing answered at {url}"
        return answer

    def expects(self, *patterns: str) -> None:
        """Say which complaints belong to this test, as regular expressions."""
        self._expected += [re.compile(pattern) for pattern in patterns]

    def unexpected(self) -> list[str]:
        """Return the complaints nobody has foreseen; violations are among them."""
        told = [*self.complaints, *(f"violation: {each}" for each in self.violations)]
        return [each for each in told if not any(p.search(each) for p in self._expected)]

    def picture(self, name: str, *, whole: bool = True) -> Path:
        """Keep a screenshot of the whole page, or of what the window shows of it."""
        path = self.pictures / f"{name}.png"
        self.page.screenshot(path=path, full_page=whole)
        return path

    def loaded(self, kind: str) -> list[str]:
        """Return the addresses of a kind (`script`, `stylesheet`, `document`…), as asked for."""
        return [each.url for each in self.requests if each.resource_type == kind]

    def until(self, happened: Callable[[], bool], *, timeout_s: float = 10) -> None:
        """Wait until something is so, while the page goes on."""
        for _ in range(int(timeout_s * 20)):
            if happened():
                return
            self.page.wait_for_timeout(50)  # lets Playwright hand on what the page does
        raise AssertionError(f"it did not happen in {timeout_s} s; noted: {self.unexpected()}")

    def note_violation(self, told: dict[str, Any]) -> None:
        """Keep what the page's listener tells."""
        self.violations.append(Violation(**told))

    def note_message(self, message: ConsoleMessage) -> None:
        """Keep what stands in the console in red or yellow."""
        if message.type in ("error", "warning"):
            where = message.location.get("url", "")
            self.complaints.append(f"{message.type}: {message.text} ({where})")

    def note_request(self, request: Request) -> None:
        """Keep what the page asks for."""
        self.requests.append(request)

    def note_answer(self, answer: Response) -> None:
        """Keep what comes back."""
        self.answers.append(answer)

    def note_failure(self, request: Request) -> None:
        """Keep a request that came to nothing; one that the page itself broke off is none."""
        if request.failure != "net::ERR_ABORTED":
            self.complaints.append(f"failed: {request.method} {request.url} {request.failure}")
