"""What Stripe owes us: its balance transactions, fees to the cent, and payouts."""
