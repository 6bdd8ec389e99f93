"""Who did what to what, when, from where and why: written with the deed, chained, never changed."""
