"""A renderer that stamps a page instead of drawing it: quick, and the same everywhere."""


class Stamp:
    """Renders nothing, and says of what."""

    name = "stamp 1"

    def __init__(self, mark: str = "") -> None:
        self.mark = mark

    def render(self, html: str, *, title: str) -> bytes:
        return f"%PDF-1.4 {title} {len(html)} {self.mark}".encode()
