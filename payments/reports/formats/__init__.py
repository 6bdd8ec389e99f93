"""The formats a report is written in; each streams."""
