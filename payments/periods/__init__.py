"""Closing a month when its checklist is green, keeping its reports, reopening with four eyes."""
