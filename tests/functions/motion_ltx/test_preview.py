"""A preview while a clip is made."""

import time
from pathlib import Path

from PIL import Image

from functions.models.steps import PREVIEW_EVERY_S
from tests.functions.motion_ltx.conftest import Worker
from tests.servers.job import LocalJob
from tests.servers.motion import SMALL, motion, picture


class Slow(LocalJob):
    """Lets time pass after the first step."""

    def progress(self, stage: str, done: int = 0, total: int = 0) -> None:
        super().progress(stage, done, total)
        if (stage, done) == ("denoise", 1):
            time.sleep(PREVIEW_EVERY_S)


def test_a_preview_shows_frames_while_the_steps_go_on(worker: Worker, tmp_path: Path) -> None:
    bench = worker()
    key = tmp_path / "key.png"
    key.write_bytes(picture())
    size = bench.manifest.sizes[0] if bench.manifest.sizes else SMALL
    done = Slow(tmp_path / "job", bench.manifest, motion(24, 9, size, tier="draft"), ["clip.mp4"], {"image": key})
    bench.engine.run(done)
    with Image.open(done.scratch / "preview.jpg") as shown:
        assert shown.width >= shown.height > 0
    assert [path.name for path in done.scratch.iterdir()] == ["preview.jpg"]
