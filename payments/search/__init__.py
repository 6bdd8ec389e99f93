"""Finding anything by whatever somebody has of it: an id, a reference, an address, a number."""
