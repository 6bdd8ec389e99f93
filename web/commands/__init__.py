"""The commands of `strongroom`, one file a subject."""
