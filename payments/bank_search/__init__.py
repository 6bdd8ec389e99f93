"""Money that somebody paid by bank and nobody finds: looked for by whatever they know of it."""
