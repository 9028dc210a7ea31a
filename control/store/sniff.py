"""What a file is, told by its own bytes: an allow-list of formats, each read as far as its headers go.

Nothing is decoded here: whether the pictures and sounds inside are whole is found where they are used. Layouts are
those of the PNG (ISO/IEC 15948), JPEG (ITU-T T.81), WebP (RFC 9649), WAVE, FLAC (RFC 9639), Ogg (RFC 3533), ISO base
media (ISO/IEC 14496-12) and Matroska (RFC 9559) specifications.
"""

import os
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from control.errors import Invalid, UnsupportedMedia
from control.store.types import type_of
from functions.contract.base import SAMPLE_RATE
from functions.contract.media import MediaFacts

MAX_SIDE = 16_384
"""Pixels of a picture's longer side."""
MAX_HOURS = 12
_TAKEN = "PNG, JPEG and WebP pictures; WAV, FLAC, MP3, Ogg and M4A sounds; MP4, MOV and WebM clips"


@dataclass(frozen=True, slots=True)
class Sniffed:
    """A file that is taken: its suffix, content type, and what its headers say."""

    suffix: str
    media: MediaFacts

    @property
    def content_type(self) -> str:
        """What it is served as."""
        return type_of(f"x.{self.suffix}").content_type


def sniff(path: Path, name: str = "") -> Sniffed:
    """What `path` is; `name` is what a person calls it, for messages.

    Raises `UnsupportedMedia` for what is not on the list, `Invalid` for a file that is cut short or out of range.
    """
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        start = file.read(64)
        for matches, read in FORMATS:
            if matches(start):
                try:
                    return read(_File(file, size, name or path.name))
                except (struct.error, IndexError) as error:
                    raise _cut(name or path.name) from error
    raise UnsupportedMedia(f"{name or path.name} {_looks_like(start)}; taken are {_TAKEN}")


@dataclass
class _File:
    """An open file with its size, read at places."""

    file: BinaryIO
    size: int
    name: str

    def at(self, offset: int, length: int) -> bytes:
        """Exactly these bytes. Raises `Invalid` beyond the end."""
        self.file.seek(offset)
        data = self.file.read(length)
        if len(data) != length:
            raise _cut(self.name)
        return data

    def picture(self, suffix: str, width: int, height: int) -> Sniffed:
        """A picture of a size that is taken."""
        if not (1 <= width <= MAX_SIDE and 1 <= height <= MAX_SIDE):
            raise Invalid(f"{self.name} is {width}x{height} pixels; at most {MAX_SIDE} a side are taken")
        return Sniffed(suffix, MediaFacts(type="image", width=width, height=height))

    def sound(self, suffix: str, samples: int | None, rate: int | None, channels: int | None) -> Sniffed:
        """A sound of `samples` at its own `rate`; the facts count them at 48 kHz."""
        at48 = None if samples is None or not rate else round(samples * SAMPLE_RATE / rate)
        if at48 == 0:
            raise Invalid(f"{self.name} holds no sound")
        if at48 is not None and at48 > MAX_HOURS * 3600 * SAMPLE_RATE:
            raise Invalid(f"{self.name} is longer than {MAX_HOURS} hours")
        return Sniffed(suffix, MediaFacts(type="audio", samples=at48, sample_rate=rate, channels=channels))


def _cut(name: str) -> Invalid:
    return Invalid(f"{name} is cut short or damaged; send the whole file")


def _looks_like(start: bytes) -> str:
    text = start.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if not start:
        return "is empty"
    if text.startswith((b"<!doctype", b"<html", b"<head", b"<body")):
        return "is a web page (HTML), not a media file"
    if text.startswith((b"<?xml", b"<svg")):
        return "is XML or SVG, which is not taken"
    return "is not a kind of file that is taken"


def _png(file: _File) -> Sniffed:
    width, height = struct.unpack(">II", file.at(16, 8))
    offset = 8
    while True:
        length, kind = struct.unpack(">I4s", file.at(offset, 8))
        offset += 12 + length
        if offset > file.size:
            raise _cut(file.name)
        if kind == b"IEND":
            return file.picture("png", width, height)


_SIZED = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
"""JPEG's start-of-frame markers (T.81 table B.1)."""


def _jpeg(file: _File) -> Sniffed:
    tail = min(file.size, 65_536)
    if b"\xff\xd9" not in file.at(file.size - tail, tail):
        raise _cut(file.name)
    offset = 2
    while True:
        fill, marker = file.at(offset, 2)
        if fill != 0xFF:
            raise _cut(file.name)
        if marker in _SIZED:
            height, width = struct.unpack(">HH", file.at(offset + 5, 4))
            return file.picture("jpg", width, height)
        if marker == 0xFF or 0xD0 <= marker <= 0xD8:
            offset += 1 if marker == 0xFF else 2
            continue
        offset += 2 + struct.unpack(">H", file.at(offset + 2, 2))[0]


def _webp(file: _File) -> Sniffed:
    if struct.unpack("<I", file.at(4, 4))[0] + 8 > file.size:
        raise _cut(file.name)
    kind = file.at(12, 4)
    if kind == b"VP8X":
        box = file.at(24, 6)
        return file.picture("webp", 1 + int.from_bytes(box[:3], "little"), 1 + int.from_bytes(box[3:], "little"))
    if kind == b"VP8L":
        bits = struct.unpack("<I", file.at(21, 4))[0]
        return file.picture("webp", (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)
    width, height = struct.unpack("<HH", file.at(26, 4))
    return file.picture("webp", width & 0x3FFF, height & 0x3FFF)


def _wav(file: _File) -> Sniffed:
    offset, rate, channels, frame = 12, 0, 0, 0
    while True:
        kind, length = struct.unpack("<4sI", file.at(offset, 8))
        if kind == b"fmt ":
            _, channels, rate, _, frame = struct.unpack("<HHIIH", file.at(offset + 8, 14))
        elif kind == b"data":
            if not frame or not rate or offset + 8 + length > file.size:
                raise _cut(file.name)
            return file.sound("wav", length // frame, rate, channels)
        offset += 8 + length + length % 2


def _flac(file: _File) -> Sniffed:
    bits = int.from_bytes(file.at(18, 8), "big")
    rate, channels, samples = bits >> 44, (bits >> 41 & 7) + 1, bits & (1 << 36) - 1
    return file.sound("flac", samples or None, rate, channels)


def _loose(suffix: str) -> Callable[[_File], Sniffed]:
    """A sound whose length no header tells."""
    return lambda file: file.sound(suffix, None, None, None)


def _boxes(file: _File, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Kind, content start and end of each ISO media box; a box may not pass `end`."""
    while start + 8 <= end:
        length, kind = struct.unpack(">I4s", file.at(start, 8))
        head = 8
        if length == 1:
            length, head = struct.unpack(">Q", file.at(start + 8, 8))[0], 16
        stop = end if length == 0 else start + length
        if stop > end or stop < start + head:
            raise _cut(file.name)
        yield kind, start + head, stop
        start = stop


def _iso(file: _File) -> Sniffed:
    top = {kind: (start, stop) for kind, start, stop in _boxes(file, 0, file.size)}
    if b"moov" not in top or (b"mdat" not in top and b"moof" not in top):
        raise _cut(file.name)
    size, kinds, seconds = (0, 0), set[bytes](), 0.0
    for kind, start, stop in _boxes(file, *top[b"moov"]):
        if kind == b"mvhd":
            seconds = _mvhd(file, start)
        elif kind == b"trak":
            handler, shape = _trak(file, start, stop)
            kinds.add(handler)
            size = max(size, shape)
    if b"vide" not in kinds:
        return file.sound("m4a", round(seconds * SAMPLE_RATE) or None, SAMPLE_RATE, None)
    suffix = "mov" if file.at(8, 4) == b"qt  " else "mp4"
    found = file.picture(suffix, *size).media
    facts = {"type": "video", "samples": round(seconds * SAMPLE_RATE) or None, "audio": b"soun" in kinds}
    return Sniffed(suffix, found.model_copy(update=facts))


def _mvhd(file: _File, start: int) -> float:
    """Seconds of the whole."""
    wide = file.at(start, 1) == b"\x01"
    scale, length = struct.unpack(">IQ" if wide else ">II", file.at(start + (20 if wide else 12), 12 if wide else 8))
    return float(length) / scale if scale else 0.0


def _trak(file: _File, start: int, stop: int) -> tuple[bytes, tuple[int, int]]:
    """A track's handler (`vide`, `soun`) and its width and height."""
    handler, size = b"", (0, 0)
    for kind, inner, end in _boxes(file, start, stop):
        if kind == b"tkhd":
            width, height = struct.unpack(">II", file.at(end - 8, 8))
            size = (width >> 16, height >> 16)
        elif kind == b"mdia":
            handler = next((file.at(at + 8, 4) for what, at, _ in _boxes(file, inner, end) if what == b"hdlr"), b"")
    return handler, size


def _webm(file: _File) -> Sniffed:
    return Sniffed("webm", MediaFacts(type="video"))


def _begins(*magic: bytes) -> Callable[[bytes], bool]:
    return lambda start: start.startswith(magic)


def _riff(kind: bytes) -> Callable[[bytes], bool]:
    return lambda start: start.startswith(b"RIFF") and start[8:12] == kind


FORMATS: tuple[tuple[Callable[[bytes], bool], Callable[[_File], Sniffed]], ...] = (
    (_begins(b"\x89PNG\r\n\x1a\n"), _png),
    (_begins(b"\xff\xd8\xff"), _jpeg),
    (_riff(b"WEBP"), _webp),
    (_riff(b"WAVE"), _wav),
    (_begins(b"fLaC"), _flac),
    (_begins(b"OggS"), _loose("ogg")),
    (_begins(b"ID3", b"\xff\xfb", b"\xff\xf3", b"\xff\xf2", b"\xff\xfa"), _loose("mp3")),
    (lambda start: start[4:8] == b"ftyp", _iso),
    (_begins(b"\x1a\x45\xdf\xa3"), _webm),
)
