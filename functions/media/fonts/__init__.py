"""The bundled typefaces, both under the SIL Open Font License 1.1 (its text lies beside them).

Source Sans Pro Semibold sets what is read (captions, supers, credits); Barlow Condensed, a condensed grotesque, sets
what labels (slate, timecode) and the titles.
"""

from importlib import resources
from pathlib import Path
from typing import Literal

Face = Literal["text", "text-italic", "label", "title"]
FILES: dict[Face, str] = {
    "text": "SourceSansPro-Semibold.ttf",
    "text-italic": "SourceSansPro-SemiboldIt.ttf",
    "label": "BarlowCondensed-Medium.ttf",
    "title": "BarlowCondensed-SemiBold.ttf",
}


def font_path(face: Face) -> Path:
    """The TrueType file of a face."""
    return Path(str(resources.files(__name__) / FILES[face]))
