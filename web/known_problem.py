"""What is known of a problem code."""

from http import HTTPStatus
from typing import NamedTuple


class KnownProblem(NamedTuple):
    """A problem code's status, its meaning, and what the caller does about it."""

    status: HTTPStatus
    meaning: str
    remedy: str
