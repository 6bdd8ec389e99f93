"""What is told and cannot be true beside what is known."""


class Contradiction(Exception):  # noqa: N818 - it is what was told that is wrong, not the program
    """What is told cannot be true beside what is known; a person must look. `code` is stable."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
