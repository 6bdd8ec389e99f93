"""TrueLayer's error shape (RFC 9457), with the titles its documentation lists."""

from dataclasses import dataclass, field

from sandbox.simulated.replays import Answer
from sandbox.simulated.store import Resource

_ABOUT = "https://docs.truelayer.com/docs/error-types"
_TITLES = {
    400: "Invalid Parameters",
    401: "Unauthenticated",
    403: "Forbidden",
    404: "Not Found",
    409: "Concurrency Conflict",
    422: "Idempotency-Key Reuse",
    429: "Rate Limit Exceeded",
    500: "Unknown Error",
    502: "Provider Error",
    503: "Temporarily Unavailable",
}


@dataclass
class Refusal(Exception):  # noqa: N818 - a refusal is an ordinary answer, not a defect
    """The request changes nothing and is answered with TrueLayer's error object."""

    status: int
    detail: str
    title: str = ""
    errors: dict[str, list[str]] = field(default_factory=dict)

    def answer(self, trace_id: str) -> Answer:
        """The refusal as the HTTP answer a client sees."""
        title = self.title or _TITLES.get(self.status, "Error")
        body: Resource = {
            "type": f"{_ABOUT}#{title.lower().replace(' ', '-')}",
            "title": title,
            "status": self.status,
            "detail": self.detail,
            "trace_id": trace_id,
        }
        if self.errors:
            body["errors"] = self.errors
        return Answer(self.status, body)


def invalid(field_name: str, message: str) -> Refusal:
    """400 for a field with a value that cannot be used."""
    return Refusal(400, "The request body was invalid.", errors={field_name: [message]})


def missing(kind: str, identifier: str) -> Refusal:
    """404 for something that does not exist."""
    return Refusal(404, f"There is no {kind} {identifier}.")


def invalid_state(detail: str) -> Refusal:
    """400 for something that cannot be done any more, or not yet."""
    return Refusal(400, detail, title="Invalid State")
