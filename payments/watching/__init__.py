"""Following the chains: what happened on our escrows, booked when final, undone when orphaned."""
