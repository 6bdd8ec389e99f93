"""A local EVM chain behind JSON-RPC, for tests, demos and `make run`."""
