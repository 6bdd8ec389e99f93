"""Cuts an MT940 file into its messages and their fields, each with its line in the file."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from payments.reconciliation.statements.errors import quoted, refuse_at, refuse_file

_TAGS = ("13", "20", "21", "25", "28", "34", "60", "61", "62", "64", "65", "86", "90", "NS")
_FIELD = re.compile(rf":(?P<tag>(?:{'|'.join(_TAGS)})[A-Z]?):(?P<value>.*)", re.DOTALL)
# A SWIFT block may stand before the first field: {1:…}{2:…}{4:
_BLOCK = re.compile(r"^\s*(?:\{[123]:[^\n{}]{0,200}\})*\{4:\s*")
_MOST_LINES = 200
_LONGEST_LINE = 10_000
_ENDS = ("-", "-}")


@dataclass(frozen=True)
class Field:
    """A field: its tag such as `60F`, the lines of its value, and the line it begins in."""

    tag: str
    lines: list[str]
    number: int

    @property
    def value(self) -> str:
        """The value in one, its lines still apart, without the space at its ends."""
        return "\n".join(self.lines).strip()

    @property
    def where(self) -> str:
        """Its place in the file."""
        return f"line {self.number}"


@dataclass(frozen=True)
class Message:
    """A message, from its field 20 on: one statement, or one page of it."""

    fields: list[Field] = field(default_factory=list)

    @property
    def where(self) -> str:
        """Its place in the file."""
        return f"statement of line {self.fields[0].number}"

    def first(self, *tags: str) -> Field | None:
        """Return the first field with one of `tags`, or None."""
        return next((found for found in self.fields if found.tag in tags), None)


def decode(content: bytes) -> str:
    """Return the text: UTF-8 where it is, else the Latin of most banks' systems.

    Raises:
        StatementError: it is not text.
    """
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        text = content.decode("utf-16", errors="replace")
    else:
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = content.decode("cp1252", errors="replace")
    if "\0" in text:
        raise refuse_file("The file is not text: it holds zero bytes.")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def messages_of(text: str) -> Iterator[Message]:
    """Yield the messages; what banks write around them is left out, fields never are.

    Raises:
        StatementError: a field stands outside of any message.
    """
    message: Message | None = None
    for number, line in enumerate(text.split("\n"), start=1):
        found = _FIELD.match(_BLOCK.sub("", line, count=1))
        if found is not None and found["tag"] == "20":
            if message is not None:
                yield message
            message = Message()
        if found is not None:
            if message is None:
                told = f"The field {quoted(line)} belongs to no statement: :20: is missing."
                raise refuse_at(f"line {number}", f":{found['tag']}:", told)
            message.fields.append(Field(found["tag"], [], number))
            _append(message.fields[-1], found["value"])
        elif line.strip() in _ENDS:
            if message is not None:
                yield message
            message = None
        elif message is not None:
            _append(message.fields[-1], line)
    if message is not None:
        yield message


def _append(field: Field, line: str) -> None:
    field.lines.append(line)
    if len(field.lines) > _MOST_LINES or len(line) > _LONGEST_LINE:
        raise refuse_at(field.where, f":{field.tag}:", "The field is longer than any.")
