"""What was asked for, told or done twice, whether it did harm, and where each order stands."""
