"""Reports too long for a request: made by a job, with progress, fetched until they expire."""
