"""The demo shop: a small platform that sells through Strongroom, on an origin of its own."""
