"""Stripe's error shapes, so that the Stripe SDK raises here what it would raise at Stripe."""

from dataclasses import dataclass, field

from sandbox.simulated.replays import Answer
from sandbox.simulated.store import Resource

__all__ = ["Answer", "Refusal", "Resource", "doc_url", "invalid", "missing", "parameter_missing"]


@dataclass
class Refusal(Exception):  # noqa: N818 - a refusal is an ordinary answer, not a defect
    """The request changes nothing and is answered with Stripe's error object."""

    status: int
    message: str
    code: str | None = None
    param: str | None = None
    kind: str = "invalid_request_error"
    extra: Resource = field(default_factory=dict)

    def answer(self) -> Answer:
        """The refusal as the HTTP answer a client sees."""
        error: Resource = {"type": self.kind, "message": self.message, **self.extra}
        if self.code is not None:
            error["code"] = self.code
            error["doc_url"] = doc_url(self.code)
        if self.param is not None:
            error["param"] = self.param
        return Answer(self.status, {"error": error})


def doc_url(code: str) -> str:
    """Where Stripe explains an error code."""
    return f"https://stripe.com/docs/error-codes/{code.replace('_', '-')}"


def missing(kind: str, identifier: str, *, param: str = "id") -> Refusal:
    """404 for an object that does not exist, in Stripe's wording."""
    return Refusal(404, f"No such {kind}: '{identifier}'", code="resource_missing", param=param)


def parameter_missing(param: str) -> Refusal:
    """400 for a required parameter that was not sent."""
    return Refusal(400, f"Missing required param: {param}.", code="parameter_missing", param=param)


def invalid(param: str, message: str, code: str | None = None) -> Refusal:
    """400 for a parameter with a value that cannot be used."""
    return Refusal(400, message, code=code, param=param)
