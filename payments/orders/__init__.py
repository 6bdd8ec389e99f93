"""What a buyer owes a seller, line by line."""
