"""Chains of the Ethereum kind, through web3: the only package that knows it."""
