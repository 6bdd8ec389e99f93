"""A bank to give money back at."""

from tests.payments.simulated_bank import bank, letterbox, running_bank

__all__ = ["bank", "letterbox", "running_bank"]  # fixtures
