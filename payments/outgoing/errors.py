"""Why a call out of here got no answer; never says what was sent nor what an address holds."""


class CallRefusedError(Exception):
    """We do not call this: `reason` is a word for programs, the text a sentence for people."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


class NoAnswerError(Exception):
    """There was no answer that can be read; `reason` says why in a word."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
