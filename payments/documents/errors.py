"""Why a document could not be made."""


class RenderingError(Exception):
    """This document cannot be rendered as it is, and will not be by trying again."""


class RendererMissingError(Exception):
    """Nothing on this machine turns HTML into PDF; `make run` says how to get it."""
