"""The domain: parties, orders, payments and providers. No Flask, no RQ."""

import gc

# Almost all that is made while a process starts (modules, classes, schemas, mappers) stays until
# its end: to look through it for garbage at every 700 objects took a fifth of a start's time.
gc.set_threshold(50_000, 20, 20)
