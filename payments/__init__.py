"""The domain: parties, orders, payments and providers. No Flask, no RQ."""
