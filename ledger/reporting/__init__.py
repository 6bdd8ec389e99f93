"""What finance reads from the books: any period, as of any moment, streamed."""
