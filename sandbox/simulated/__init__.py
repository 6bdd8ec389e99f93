"""What every simulated provider is made of: books, a clock, deliveries, and what goes wrong."""
