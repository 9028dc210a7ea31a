"""Frames of ours beside those of the published loop, before anything is encoded: the same weights, faces, most likely
latents, precision, scaling and mixing, and PSNR of at least 45 dB. Faults must fall below it. Scaled without aliases
and mixed as light, as ours are, it is 42 dB.
"""

from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from functions.contract.base import Rate, Size
from functions.contract.params import LipLine, Lipsync
from functions.lipsync import networks
from functions.lipsync.engine import Speaker
from functions.lipsync.features import Hearing
from functions.lipsync.networks import SIDE, Mouths
from functions.lipsync.patch import Framed, framed
from functions.lipsync.speech import Spoken, lines
from functions.lipsync.stages import Mouth, Todo
from functions.media.frames import Packed
from functions.media.source import Clip
from functions.models.colour import to_packed, to_rgb
from functions.models.patches import cut
from tests.servers.footage import tone, write_sound
from tests.servers.job import LocalJob
from tests.servers.talking import face_in, mesh, portrait, syllables
from tests.servers.upstream.musetalk import Loop, pasted
from tests.servers.upstream.parity import EQUAL_DB, psnr
from tests.servers.upstream.video import Frame

CPU, FPS, COUNT = torch.device("cpu"), 25, 10
ROWS, COLUMNS = 224, 288
MIXED_OTHERWISE_DB = 40.0


@pytest.fixture
def spoken(tmp_path: Path) -> Spoken:
    path = write_sound(tmp_path / "line.wav", tone(1.2, 180, 0.3) * syllables(1.2))
    params = Lipsync(lines=(LipLine(input="line", figure="mara", start=0),))
    return lines(LocalJob(tmp_path, None, params, [], {"line": path}), params)[0]  # type: ignore[arg-type]


def shown(packed: Packed) -> Frame:
    """What the published loop is given: the same colours as B'G'R' codes."""
    rgb = to_rgb(torch.from_numpy(packed)[None])[0].permute(1, 2, 0).numpy()
    return np.ascontiguousarray((rgb * 255).round().astype(np.uint8)[..., ::-1])


def delivered(frames: list[Frame]) -> np.ndarray:
    """Frames of the loop as our encoder would be given them."""
    rgb = torch.from_numpy(np.stack([f[..., ::-1] for f in frames]).copy()).permute(0, 3, 1, 2) / 255
    return to_packed(rgb).numpy()


def test_frames_are_those_of_the_published_loop(weights: Path, spoken: Spoken) -> None:
    unet = networks.load_unet(weights / networks.UNET, CPU, torch.float32)
    vae = networks.load_vae(weights / networks.VAE, CPU, torch.float32)
    whisper = networks.load_whisper(weights / networks.WHISPER, CPU, torch.float32)
    hearing = Hearing(whisper, networks.extractor(weights / networks.WHISPER), CPU, torch.float32)
    still = to_packed(torch.from_numpy(portrait(COLUMNS, ROWS).copy()).permute(2, 0, 1)[None] / 255)[0].numpy()
    found = face_in(portrait(COLUMNS, ROWS))
    face = framed(found, COLUMNS, ROWS)
    assert isinstance(face, Framed)
    moments = [Fraction(n, FPS) for n in range(COUNT)]
    todo = [Todo(still, (Mouth(spoken, 1.0, m, found, face, cut(still, face.box)),)) for m in moments]
    clip = Clip(Path(), "", Size(width=COLUMNS, height=ROWS), Rate(num=FPS), COUNT, Fraction(0), False, False)
    with Speaker(Mouths(unet, vae), hearing, CPU, clip, mesh()) as speaker:
        ours = np.stack(list(speaker.run(todo, 4)))
    loop = Loop(unet, vae, CPU, lambda n: hearing.at(spoken, Fraction(n, FPS)), lambda _: face, drawn=False)
    theirs = list(loop.frames([shown(still)] * COUNT))
    assert psnr(ours, delivered(theirs)) > MIXED_OTHERWISE_DB
    box = face.box
    crop = shown(still)[box.top : box.bottom, box.left : box.right]
    small = cv2.resize(crop, (SIDE, SIDE), interpolation=cv2.INTER_LANCZOS4)[..., ::-1]
    given = torch.from_numpy(small.transpose(2, 0, 1).astype(np.float32) / 255)[None]
    heard = torch.stack([hearing.at(spoken, moment) for moment in moments])
    faces = Mouths(unet, vae).spoken(given.expand(COUNT, -1, -1, -1), heard)
    codes = (faces * 255).round().to(torch.uint8).permute(0, 2, 3, 1).numpy()[..., ::-1]
    alike = [pasted(shown(still), face, np.ascontiguousarray(made)) for made in codes]
    assert psnr(np.stack(alike), np.stack(theirs)) > EQUAL_DB
    swapped = [pasted(shown(still), face, np.ascontiguousarray(made[..., ::-1])) for made in codes]
    for fault in (swapped, [shown(still)] * COUNT):
        assert psnr(np.stack(fault), np.stack(theirs)) < EQUAL_DB
