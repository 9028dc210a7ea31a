"""A still made to look like a frame of a video: compressed as H.264 and decoded again."""

import io

import av
import numpy as np

from functions.contract.errors import EngineError
from functions.media.encode import ASM
from functions.media.picture import from_rgb, rgb
from functions.models.video import Pixels


def compressed(picture: Pixels, crf: int) -> Pixels:
    """The picture (even rows, even columns, 3) after one frame of H.264 at this constant rate factor (0: as it is)."""
    if crf == 0:
        return picture
    held = io.BytesIO()
    with av.open(held, "w", format="mp4") as out:
        options = {"crf": str(crf), "preset": "veryfast", "threads": "1", "x264-params": ASM}
        stream = out.add_stream("libx264", rate=1, options=options)
        stream.width, stream.height, stream.pix_fmt = picture.shape[1], picture.shape[0], "yuv420p"
        out.mux(stream.encode(from_rgb(np.ascontiguousarray(picture))))
        out.mux(stream.encode(None))
    held.seek(0)
    with av.open(held, "r") as source:
        for frame in source.decode(video=0):
            return rgb(frame)
    raise EngineError("the keyframe could not be compressed as H.264: this worker's libx264 makes no frame")
