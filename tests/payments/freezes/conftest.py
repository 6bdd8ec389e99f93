"""A till whose releases are frozen."""

from tests.payments.releases.conftest import till

__all__ = ["till"]
