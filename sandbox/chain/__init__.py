"""A local EVM chain behind JSON-RPC, for tests, demos and `make run`."""

import payments.providers.evm  # noqa: F401 - before py-evm, so that it raises no limit for all
