"""Words drawn once as coverage and light, ready to be laid on any frame."""

import functools
import tomllib
from dataclasses import dataclass, replace
from importlib import resources
from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter, ImageFont
from pydantic import Field, TypeAdapter

from functions.contract.base import Size, Strict
from functions.media.fonts import Face, font_path

Role = Literal["title", "sub", "super", "slate", "timecode", "caption", "credits"]
Mask = NDArray[np.float32]
CAPITAL = 0.69
"""Height of capitals in ems, of both typefaces within a hundredth."""
DESCENT = 0.22
"""How far letters reach below the baseline, in ems."""
WIDEST = 0.8
"""Share of the picture's width that words may take before they are set smaller."""


class Style(Strict):
    """See `styles.toml` for units."""

    face: Face
    em: float = Field(gt=0)
    em_tall: float = Field(gt=0)
    up: float = 80
    up_tall: float = 80
    short_side: bool = False
    tracking: float = 0
    leading: float = 1200
    white: float = 1000
    outline: float = 0
    shadow: float = 0
    blur: float = 1.5
    drop: float = 1.4


@dataclass(frozen=True)
class Lettering:
    """A drawn block: `cover` is how much of the frame it hides, `light` how much white it adds, both 0..1 and of one
    shape. Rows from the top: `capital` is the top of the first line's capitals, `baseline` the lowest baseline. `pad`
    columns at both sides hold only shadow and outline.
    """

    cover: Mask
    light: Mask
    capital: int
    baseline: int
    pad: int


@functools.cache
def styles() -> dict[Role, Style]:
    """The styles by role."""
    text = resources.files("functions.assemble").joinpath("styles.toml").read_text("utf-8")
    return TypeAdapter(dict[Role, Style]).validate_python(tomllib.loads(text))


def tall(size: Size) -> bool:
    """Whether a picture is taller than wide."""
    return size.height > size.width


def em(role: Role, size: Size) -> float:
    """Pixels of the em for words of this role in a frame of this size."""
    style = styles()[role]
    side = min(size.width, size.height) if style.short_side else size.height
    return side * (style.em_tall if tall(size) else style.em) / 1000


@functools.lru_cache(maxsize=64)
def draw(
    role: Role, lines: tuple[str, ...], size: Size, width: int, *, italic: bool = False, align: str = "centre"
) -> Lettering:
    """The lines as one block, set smaller where a line would be wider than 80 % of `width` pixels."""
    style = styles()[role]
    pixels = em(role, size)
    face: Face = "text-italic" if italic and style.face == "text" else style.face
    widest = max(_advance(line, _font(face, pixels), style.tracking * pixels / 1000) for line in lines)
    pixels = pixels * min(1.0, width * WIDEST / widest) if widest else pixels
    return _drawn(lines, style, face, pixels, size.height, align)


def missing(text: str, role: Role) -> str:
    """The characters that the bundled face of this role cannot show, in order of appearance."""
    font = _font(styles()[role].face, 32)
    nothing = bytes(font.getmask("\U0010ffff"))
    seen = dict.fromkeys(c for c in text if not c.isspace())
    return "".join(c for c in seen if bytes(font.getmask(c)) == nothing)


@functools.lru_cache(maxsize=16)
def _font(face: Face, pixels: float) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(font_path(face)), pixels)


@functools.lru_cache(maxsize=16)
def _digit(font: ImageFont.FreeTypeFont) -> float:
    return max(font.getlength(d) for d in "0123456789")


def _places(text: str, font: ImageFont.FreeTypeFont, tracking: float) -> list[tuple[str, float]]:
    """Each glyph with its left edge: kerned, tracked, figures all as wide as the widest."""
    out, x = [], 0.0
    for char, after in pairwise([*text, ""]):
        advance = font.getlength(char)
        inset = (_digit(font) - advance) / 2 if char.isdigit() else 0.0
        out.append((char, x + inset))
        kerned = font.getlength(char + after) - font.getlength(after) if (char + after).isalpha() else advance
        x += kerned + 2 * inset + tracking
    return out


def _advance(text: str, font: ImageFont.FreeTypeFont, tracking: float) -> float:
    if not tracking:
        return font.getlength(text)
    places = _places(text, font, tracking)
    return places[-1][1] + font.getlength(places[-1][0]) if places else 0.0


def _drawn(lines: tuple[str, ...], style: Style, face: Face, pixels: float, height: int, align: str) -> Lettering:
    font = _font(face, pixels)
    tracking, leading = style.tracking * pixels / 1000, style.leading * pixels / 1000
    outline, blur, drop = (v * height / 1000 for v in (style.outline, style.blur, style.drop))
    pad = int(outline + 3 * blur + drop) + 2
    ascent, descent = font.getmetrics()
    advances = [_advance(line, font, tracking) for line in lines]
    width = int(max(advances)) + 2 * pad + 2
    baselines = [pad + ascent + round(n * leading) for n in range(len(lines))]
    shape = (width, baselines[-1] + descent + pad)
    fill, stroke = Image.new("L", shape), Image.new("L", shape)
    for line, advance, baseline in zip(lines, advances, baselines, strict=True):
        left = pad + ((width - 2 * pad - advance) / 2 if align == "centre" else 0)
        _line(fill, line, font, tracking, left, baseline, 0)
        if outline:
            _line(stroke, line, font, tracking, left, baseline, outline)
    cover, light = _composed(fill, stroke if outline else fill, style, blur, drop)
    return Lettering(cover, light, baselines[0] - round(CAPITAL * pixels), baselines[-1], pad)


def _line(
    image: Image.Image, text: str, font: ImageFont.FreeTypeFont, tracking: float, x: float, y: float, stroke: float
) -> None:
    pen = ImageDraw.Draw(image)
    places = _places(text, font, tracking) if tracking else [(text, 0.0)]
    for glyphs, offset in places:
        pen.text((x + offset, y), glyphs, fill=255, font=font, anchor="ls", stroke_width=stroke)


def _composed(fill: Image.Image, stroke: Image.Image, style: Style, blur: float, drop: float) -> tuple[Mask, Mask]:
    """Coverage and light of white over its black outline over its black shadow."""
    fallen = Image.new("L", stroke.size)
    fallen.paste(stroke, (0, round(drop)))
    shadow = _mask(fallen.filter(ImageFilter.GaussianBlur(blur))) * np.float32(style.shadow / 1000)
    white = _mask(fill)
    share = np.float32(style.white / 1000)
    return _over(np.maximum(white, _mask(stroke)), shadow) * share, white * share


def _over(upper: Mask, lower: Mask) -> Mask:
    return upper + (1 - upper) * lower


def _mask(image: Image.Image) -> Mask:
    return np.asarray(image, np.float32) / np.float32(255)


def shifted(lettering: Lettering, rows: float) -> Lettering:
    """The block moved down by a part of a row, 0..1, one row taller."""

    def moved(mask: Mask) -> Mask:
        still = np.pad(mask, ((0, 1), (0, 0)))
        return still + np.float32(rows) * (np.roll(still, 1, axis=0) - still)

    return replace(lettering, cover=moved(lettering.cover), light=moved(lettering.light))
