"""Which account of an accounting package stands for which of ours."""
