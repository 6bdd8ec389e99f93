"""Reports for finance: what each shows, row by row, and how it is written in each format."""
