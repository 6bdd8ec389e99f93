"""Personal data and secrets: encrypted where they are stored, taken out of what is written down."""
