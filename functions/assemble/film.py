"""The finished film: picture, sound, captions and chapters in one MP4, and what lies beside it."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import imageio_ffmpeg
from PIL import Image

from functions.assemble.captions import srt, unbraced, vtt
from functions.assemble.join import Segment, join
from functions.contract.errors import InputError
from functions.contract.job import Note
from functions.contract.params import Assemble, Chapter
from functions.media.decode import frames_at
from functions.media.disk import writing
from functions.media.picture import rgb
from functions.runtime.engine import Job

QUICK = 2
"""How hard the poster is packed: 0.4 of the time of the usual 6, for a sixth more bytes."""


def film(job: Job, params: Assemble) -> list[Note]:
    """Write all outputs. Raises `InputError` for segments that do not join, `EngineError` when ffmpeg refuses."""
    segments = [Segment(name, _input(job, name)) for name in params.segments]
    picture = job.scratch / "picture.mp4"
    lengths = join(segments, picture, params.size, params.rate, lambda done: job.progress("join", done, len(segments)))
    if sum(lengths) != params.frames:
        raise InputError(f"the segments hold {sum(lengths)} frames, {params.frames} were planned: conform them again")
    _write(job.output("captions.srt"), srt(params.cues, params.rate))
    _write(job.output("captions.vtt"), vtt(params.cues, params.rate))
    job.progress("mux")
    with ThreadPoolExecutor(1) as beside:
        muxed = beside.submit(job.children.run, _mux(job, params, picture))
        _poster(job, params, segments, lengths)
        muxed.result()
    return []


def _input(job: Job, name: str) -> Path:
    if name not in job.inputs:
        raise InputError(f"input {name} is missing: plan the film again")
    return job.inputs[name]


def _write(path: Path, text: str) -> None:
    with writing(path):
        path.write_text(text, "utf-8", newline="\n")


def _mux(job: Job, params: Assemble, picture: Path) -> list[str]:
    meta = job.scratch / "film.ffmeta"
    _write(meta, _metadata(params))
    inputs = ["-i", str(picture), "-i", str(_input(job, "mix.m4a")), "-f", "ffmetadata", "-i", str(meta)]
    maps = ["-map", "0:v:0", "-map", "1:a:0", "-map_metadata", "2", "-map_chapters", "2"]
    kind: list[str] = []
    if params.soft_captions and params.cues:
        soft = job.scratch / "soft.vtt"
        _write(soft, vtt([unbraced(cue) for cue in params.cues], params.rate))
        inputs += ["-i", str(soft)]
        maps += ["-map", "3:s:0"]
        kind = ["-c:s", "mov_text", "-metadata:s:s:0", f"language={params.language}", "-disposition:s:0", "0"]
    streams = ["-c:v", "copy", "-c:a", "copy", *kind, "-metadata:s:a:0", f"language={params.language}"]
    fixed = ["-movflags", "+faststart", "-fflags", "+bitexact", "-flags", "+bitexact", "-f", "mp4"]
    head = [imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-hide_banner", "-v", "error", "-y"]
    return [*head, *inputs, *maps, *streams, *fixed, str(job.output("film.mp4"))]


def _metadata(params: Assemble) -> str:
    edges = [c.start for c in params.chapters] + [params.frames]
    chapters = (_chapter(c, end, params) for c, end in zip(params.chapters, edges[1:], strict=True))
    return ";FFMETADATA1\n" + (f"title={_meta(params.title)}\n" if params.title else "") + "".join(chapters)


def _chapter(chapter: Chapter, end: int, params: Assemble) -> str:
    base = f"TIMEBASE={params.rate.den}/{params.rate.num}"
    return f"[CHAPTER]\n{base}\nSTART={chapter.start}\nEND={end}\ntitle={_meta(chapter.title)}\n"


def _meta(text: str) -> str:
    for mark in "\\=;#\n":
        text = text.replace(mark, "\\" + mark)
    return text


def _poster(job: Job, params: Assemble, segments: list[Segment], lengths: list[int]) -> None:
    wanted = min(params.poster, params.frames - 1)
    for segment, length in zip(segments, lengths, strict=True):
        if wanted < length:
            shown = next(frames_at(segment.path, params.rate, wanted, 1, f"segment {segment.name}"))
            with writing(job.output("poster.png")):
                Image.fromarray(rgb(shown.frame)).save(job.output("poster.png"), "PNG", compress_level=QUICK)
            return
        wanted -= length
