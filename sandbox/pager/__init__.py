"""A pager to try alerts with: it shows what people of each target would be told."""
