"""The conditions, as data: what money does, what chains do, what waits, what is to be kept up."""
