"""Proves an exported audit log by itself: no database, no key, only SHA-256."""

import hashlib
import json
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from payments.audit.verify import BEGINNING


class FileFault(NamedTuple):
    """What is wrong in a line, counted from 1; 0 is the file as a whole."""

    line: int
    reason: str


def file_faults(
    lines: Iterable[str], *, anchor: tuple[int, bytes] | None = None
) -> Iterator[FileFault]:
    """Hash every line of an export again and yield what does not fit.

    `anchor` is the number and the chain hash of a seal noted down elsewhere.
    """
    chain, digests, seals, seen_anchor = BEGINNING, list[bytes](), 0, anchor is None
    for place, line in enumerate(lines, start=1):
        told = _read(line)
        if isinstance(told, _Entry):
            digests.append(told.digest)
        elif told is None:
            yield FileFault(place, "it is no line of an export")
        else:
            seals += 1
            for reason in _faults_of(told, number=seals, before=chain, digests=digests):
                yield FileFault(place, reason)
            seals, chain, digests = told.number, told.chain_hash, []
            if anchor is not None and told.number == anchor[0]:
                seen_anchor = True
                if chain != anchor[1]:
                    yield FileFault(place, "it differs from the anchor: the chain was made anew")
    if digests:
        yield FileFault(0, f"{len(digests)} entries at the end have no seal")
    if not seen_anchor:
        yield FileFault(0, "the seal of the anchor is missing")


class _Entry(NamedTuple):
    digest: bytes


class _Seal(NamedTuple):
    number: int
    entries: int
    block_hash: bytes
    chain_hash: bytes


def _read(line: str) -> _Entry | _Seal | None:
    try:
        told = json.loads(line)
        if told["kind"] == "entry":
            same = json.loads(told["text"])[0] == told["number"]
            return _Entry(hashlib.sha256(told["text"].encode()).digest()) if same else None
        return _Seal(
            int(told["number"]),
            int(told["entries"]),
            bytes.fromhex(told["block_hash"]),
            bytes.fromhex(told["chain_hash"]),
        )
    except (ValueError, LookupError, TypeError, AttributeError):
        return None


def _faults_of(seal: _Seal, *, number: int, before: bytes, digests: list[bytes]) -> Iterator[str]:
    if seal.number != number:
        yield f"seal {number} is missing"
    if seal.entries != len(digests):
        yield f"{seal.entries} entries were sealed, {len(digests)} are there"
    elif hashlib.sha256(b"".join(digests)).digest() != seal.block_hash:
        yield f"an entry of seal {seal.number} was changed or moved"
    if hashlib.sha256(before + seal.block_hash).digest() != seal.chain_hash:
        yield "the chain does not follow from the seal before"
