"""The people and companies that buy and sell; their personal data is encrypted."""
