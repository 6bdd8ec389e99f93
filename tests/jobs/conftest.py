"""Log lines as in production: structlog's own way of showing errors takes seconds for each."""

import io

import pytest

from payments.log_lines import configure_log_lines


@pytest.fixture(autouse=True)
def log_lines() -> io.StringIO:
    """Return what is logged."""
    lines = io.StringIO()
    configure_log_lines("INFO", stream=lines)
    return lines
