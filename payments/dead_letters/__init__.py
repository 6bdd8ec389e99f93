"""Dead letters: events, jobs and notices that were tried for long enough; a person must look."""
