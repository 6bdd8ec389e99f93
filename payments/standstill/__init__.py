"""Standing still: a restored database sends nothing until two people say that it knows enough."""
