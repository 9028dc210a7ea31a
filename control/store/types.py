"""Content types by suffix: what is served, and how large an output of each kind may be."""

from collections.abc import Mapping
from dataclasses import dataclass

from functions.contract.job import MAX_OBJECT


@dataclass(frozen=True, slots=True)
class FileType:
    """A content type a browser may be given, and the most bytes one output of it may have."""

    content_type: str
    max_bytes: int


_MB = 1_000_000
UNKNOWN = FileType("application/octet-stream", 500 * _MB)
TYPES: Mapping[str, FileType] = {
    "png": FileType("image/png", 200 * _MB),
    "jpg": FileType("image/jpeg", 100 * _MB),
    "jpeg": FileType("image/jpeg", 100 * _MB),
    "webp": FileType("image/webp", 100 * _MB),
    "mp4": FileType("video/mp4", MAX_OBJECT),
    "webm": FileType("video/webm", MAX_OBJECT),
    "mov": FileType("video/quicktime", MAX_OBJECT),
    "wav": FileType("audio/wav", MAX_OBJECT),
    "flac": FileType("audio/flac", MAX_OBJECT),
    "mp3": FileType("audio/mpeg", 500 * _MB),
    "ogg": FileType("audio/ogg", 500 * _MB),
    "m4a": FileType("audio/mp4", 500 * _MB),
    "srt": FileType("application/x-subrip", 20 * _MB),
    "vtt": FileType("text/vtt", 20 * _MB),
    "json": FileType("application/json", 20 * _MB),
    "otio": FileType("application/json", 50 * _MB),
    "bin": FileType("application/octet-stream", 2000 * _MB),
    "safetensors": FileType("application/octet-stream", MAX_OBJECT),
}


def type_of(name: str) -> FileType:
    """The type of a file or key by its suffix; bytes to download where it is not known."""
    return TYPES.get(name.rpartition(".")[2].lower(), UNKNOWN)
