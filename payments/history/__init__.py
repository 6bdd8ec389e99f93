"""All that happened to a payment in one list: who asked, what we did, what others told us."""
