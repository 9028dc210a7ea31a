from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from functions.contract.errors import InputError
from functions.media.stills import LONGEST, read_still

RED = (200, 30, 20)


def saved(path: Path, picture: Image.Image, **how: object) -> Path:
    picture.save(path, **how)  # type: ignore[arg-type] # Pillow's writers take what their format knows
    return path


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp"])
def test_what_is_taken_comes_as_it_was_seen(tmp_path: Path, suffix: str) -> None:
    still = read_still(saved(tmp_path / f"a.{suffix}", Image.new("RGB", (40, 20), RED)), "ref")
    assert still.picture.size == (40, 20)
    assert still.picture.mode == "RGB"
    assert np.abs(np.asarray(still.picture, int)[10, 20] - RED).max() <= 6
    assert not still.moving


def test_a_picture_on_its_side_is_set_upright(tmp_path: Path) -> None:
    picture = Image.new("RGB", (40, 20), (0, 0, 0))
    picture.paste(RED, (0, 0, 40, 4))
    exif = Image.Exif()
    exif[0x0112] = 6
    upright = np.asarray(read_still(saved(tmp_path / "a.png", picture, exif=exif), "ref").picture, int)
    assert upright.shape == (40, 20, 3)
    assert np.abs(upright[20, -1] - RED).max() <= 2
    assert upright[20, 0].max() <= 2


def test_cmyk_palettes_and_transparency_become_rgb(tmp_path: Path) -> None:
    inks = saved(tmp_path / "inks.jpg", Image.new("CMYK", (16, 16), (0, 255, 255, 0)), quality=95)
    palette = saved(
        tmp_path / "palette.png", Image.new("RGB", (16, 16), RED).convert("P", palette=Image.Palette.ADAPTIVE)
    )
    clear = saved(tmp_path / "clear.png", Image.new("RGBA", (16, 16), (255, 255, 255, 0)))
    assert (
        np.asarray(read_still(inks, "a").picture)[8, 8, 0]
        > 200
        > 60
        > np.asarray(read_still(inks, "a").picture)[8, 8, 1]
    )
    assert read_still(palette, "b").picture.getpixel((8, 8)) == RED
    assert read_still(clear, "c").picture.getpixel((8, 8)) == (0, 0, 0)


def test_of_a_moving_picture_the_first_frame_counts_and_it_is_said(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (16, 16), colour) for colour in (RED, (0, 0, 255))]
    still = read_still(
        saved(tmp_path / "a.webp", frames[0], save_all=True, append_images=frames[1:], lossless=True), "ref"
    )
    assert still.moving
    assert still.picture.getpixel((8, 8)) == RED


def test_what_is_no_picture_is_refused_by_name(tmp_path: Path) -> None:
    text = tmp_path / "a.png"
    text.write_text("<svg onload=alert(1)>")
    gif = saved(tmp_path / "a.gif", Image.new("RGB", (16, 16)))
    cut = tmp_path / "cut.png"
    cut.write_bytes(saved(tmp_path / "b.png", Image.effect_noise((64, 64), 90)).read_bytes()[:900])
    for path, word in ((text, "neither"), (gif, "neither"), (cut, "damaged")):
        with pytest.raises(InputError, match=f"'ref07'.*{word}"):
            read_still(path, "ref07")


def test_a_picture_of_too_many_pixels_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    for size in ((LONGEST + 1, 8), (9000, 8000), (16000, 16000)):
        with pytest.raises(InputError, match="too large"):
            read_still(saved(tmp_path / "a.png", Image.new("1", size)), "ref")
