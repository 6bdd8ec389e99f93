"""What leaves a transaction: jobs through the outbox, live events, and the doorbell for both."""
