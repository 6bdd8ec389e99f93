"""Texts as bytes in pieces of a size that is worth sending."""

from collections.abc import Iterable, Iterator

PIECE_CHARACTERS = 256 * 1024


def in_pieces(texts: Iterable[str]) -> Iterator[bytes]:
    """Give texts as UTF-8, gathered until a piece is large enough."""
    waiting: list[str] = []
    size = 0
    for text in texts:
        waiting.append(text)
        size += len(text)
        if size >= PIECE_CHARACTERS:
            yield "".join(waiting).encode()
            waiting, size = [], 0
    if waiting:
        yield "".join(waiting).encode()
