"""The whole system on one machine with no account anywhere; never imported by the product."""
