"""A simulated Stripe: an HTTP server for exactly the calls Strongroom and Stripe.js make."""
