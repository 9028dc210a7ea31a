"""How fast a film is made, against its floors, as one JSON object on standard output.

`python -m tests.benchmarks.film [--shots 10 50] [--seconds 6] [--size 1280x720] [--quick]`. Ten shots of six seconds at
1280x720 and 24 frames a second, then fifty. Floor: plain ffmpeg encoding the film's own frames, read raw from disk,
with the settings of the cut.

The Studio's overhead a step is told twice. `studio_cpu_ms_per_step`: processor time of the Studio's own process over
steps made, less what it takes where nothing is made. `hand_over_ms_median`: wall time from a result's being written
to the door's acceptance of the next job that the Studio then asks for.
"""

import argparse
import json
import multiprocessing
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import httpx2
import imageio_ffmpeg
import psutil

from functions.media.encode import PRESETS, X264
from tests.benchmarks.book import hand_over_ms, idle_worker_s, jobs, live, timeline
from tests.end_to_end.studio import Run, vivijure

PLACES = (
    "a harbour at night, one lamp",
    "a narrow street in rain",
    "a room with a tall window",
    "a forest path in fog",
)
MOVES = (
    "push",
    "pan-left",
    "static",
    "track-right",
    "pull",
    "tilt-up",
    "orbit-left",
    "boom-up",
    "zoom-in",
    "pan-right",
)
SIZES = ("wide", "medium", "medium-close", "full", "close", "extreme-wide", "medium-full", "wide", "medium", "close")
LINES = ("Nobody came by boat last night.", "Then who left the lamp burning?", "Ask the one who sleeps.", "I am awake.")


def board(shots: int, seconds: float) -> str:
    """A storyboard of so many shots; every second one is spoken over."""
    places = "\n".join(f'  p{i}: {{look: "{p}", ambience: wind}}' for i, p in enumerate(PLACES))
    scenes = "\n".join(_scene(n, range(n * 5, min(n * 5 + 5, shots)), seconds) for n in range(-(-shots // 5)))
    return f"""storyboard: 1
title: Benchmark
cast:
  ada: {{look: "short hair, long dark coat", voice: {{preset: low-warm}}}}
  ben: {{look: "cropped hair, pale jacket", voice: {{preset: light}}}}
places:
{places}
music:
  - {{id: low, prompt: "one low note, held", from: s000, to: end}}
end: {{fade-out: 1}}
scenes:
{scenes}
"""


def _scene(n: int, shots: range, seconds: float) -> str:
    rows = "\n".join(_shot(i, seconds) for i in shots)
    return f"  - id: c{n}\n    heading: EXT. PLACE {n} - NIGHT\n    place: p{n % len(PLACES)}\n    shots:\n{rows}"


def _shot(i: int, seconds: float) -> str:
    who = "ada" if i % 4 < 2 else "ben"
    lines = f', lines: [{{{who}: "{LINES[i // 2 % len(LINES)]}"}}]' if i % 2 else ""
    return (
        f"      - {{id: s{i:03d}, size: {SIZES[i % 10]}, camera: {{move: {MOVES[i % 10]}}}, seconds: {seconds}, "
        f'who: {{{who}: {{at: {"left" if i % 3 else "right"}}}}}, action: "Shot number {i} of the film."{lines}}}'
    )


@dataclass
class Watch:
    """Samples of a process tree: largest resident memory of any one process of a role, CPU of the Studio, and how long
    the door took to answer `/status` of live jobs.
    """

    peak_mb: dict[str, float] = field(default_factory=dict)
    studio_cpu_s: float = 0.0
    status_ms: list[float] = field(default_factory=list)


@contextmanager
def watching(data: Path) -> Iterator[Watch]:
    """Watch this process's children, and ask the built-in door about its newest live job 20 times a second.

    Who asks is a process of its own, so that sampling memory does not make the door look slow.
    """
    watch, stop = Watch(), threading.Event()
    memory = threading.Thread(target=_memory, args=(watch, stop))
    context = multiprocessing.get_context("spawn")
    mine, its = context.Pipe()
    asking = context.Process(target=_status, args=(data, its), daemon=True)
    memory.start()
    asking.start()
    try:
        yield watch
    finally:
        stop.set()
        mine.send(None)
        watch.status_ms = mine.recv()
        asking.join()
        memory.join()


def _memory(watch: Watch, stop: threading.Event) -> None:
    me = psutil.Process()
    while not stop.wait(0.1):
        for child in me.children(recursive=True):
            try:
                name = _role(child.cmdline())
                watch.peak_mb[name] = max(watch.peak_mb.get(name, 0), child.memory_info().rss / 2**20)
                if name == "studio":
                    watch.studio_cpu_s = max(watch.studio_cpu_s, sum(child.cpu_times()[:2]))
            except psutil.Error:
                continue


def _role(argv: list[str]) -> str:
    known = {"control.cli": "studio", "functions.serve.door": "door", "functions.serve.worker": "worker"}
    return next(
        (role for part, role in known.items() if part in argv), "ffmpeg" if "ffmpeg" in "".join(argv[:1]) else "other"
    )


def _status(data: Path, stop: Connection) -> None:
    """Ask until told to stop, then send how many milliseconds each answer took."""
    found: list[float] = []
    with httpx2.Client(timeout=5) as client:
        while not stop.poll(0.05):
            try:
                job, door = live(data), json.loads((data / "door" / "address.json").read_text())
                if job is None:
                    continue
                url = f"{door['url']}/v2/{job[0]}/status/{job[1]}"
                began = time.perf_counter()
                client.get(url, headers={"Authorization": f"Bearer {door['token']}"}).raise_for_status()
                found.append((time.perf_counter() - began) * 1000)
            except (OSError, ValueError, httpx2.HTTPError):
                continue
    stop.send(found)


def timed(work: Callable[[], Run]) -> tuple[float, Run]:
    """Wall seconds and the run; a failed one ends the benchmark with its errors."""
    began = time.perf_counter()
    run = work()
    if run.code:
        sys.exit(run.err)
    return time.perf_counter() - began, run


def floor(film: Path, folder: Path, size: str) -> float:
    """Seconds that plain ffmpeg needs to encode the film's frames from raw ones on disk."""
    ffmpeg, raw = imageio_ffmpeg.get_ffmpeg_exe(), folder / "frames.yuv"
    quiet = [ffmpeg, "-v", "error", "-y"]
    subprocess.run([*quiet, "-i", str(film), "-map", "0:v", "-f", "rawvideo", str(raw)], check=True)
    source = ["-f", "rawvideo", "-pix_fmt", "yuv420p", "-s", size, "-r", "24", "-i", str(raw)]
    began = time.perf_counter()
    subprocess.run([*quiet, *source, *settings(), str(folder / "floor.mp4")], check=True)
    took = time.perf_counter() - began
    raw.unlink()
    return took


def settings() -> list[str]:
    """The video settings of the cut's draft quality, as ffmpeg's command line takes them."""
    given = PRESETS["draft"]
    return ["-c:v", "libx264", *(t for k, v in given.items() for t in (f"-{k}", v)), "-x264-params", X264, "-g", "48"]


def measure(shots: int, seconds: float, size: str, folder: Path) -> dict[str, Any]:
    """All figures of a film of so many shots."""
    folder.mkdir(parents=True)
    path, film, data = folder / "board.yaml", folder / "film.mp4", folder / "data"
    text = board(shots, seconds)
    path.write_text(text, "utf-8")

    def render() -> Run:
        return vivijure(data, "render", path, "-o", film, "--size", size, "--json")

    with watching(data) as watch:
        full, made = timed(render)
    found = jobs(data)
    with watching(data) as idle:
        again, unchanged = timed(render)
    path.write_text(text.replace("Shot number 3 of", "Number three of"), "utf-8")
    edited, run = timed(render)
    length = shots * seconds
    plain = floor(film, folder, size)
    workers = psutil.cpu_count() or 1
    return {
        "shots": shots,
        "film_s": length,
        "wall_s": round(full, 2),
        "wall_over_film": round(full / length, 3),
        "plain_ffmpeg_s": round(plain, 2),
        "wall_over_plain_ffmpeg": round(full / plain, 3),
        "peak_mb": {k: round(v) for k, v in sorted(watch.peak_mb.items())},
        "steps_made": made.last["made"],
        "again_s": round(again, 2),
        "again_made": unchanged.last["made"],
        "edited_s": round(edited, 2),
        "edited_made": run.last["made"],
        "edited_over_full": round(edited / full, 3),
        "studio_cpu_ms_per_step": round(1000 * (watch.studio_cpu_s - idle.studio_cpu_s) / made.last["made"], 1),
        "hand_over_ms_median": hand_over_ms(found, 2 * workers),
        "idle_worker_s": idle_worker_s(found, workers),
        "status_ms_p99": percentile(watch.status_ms, 99),
        "status_polls": len(watch.status_ms),
        "timeline": timeline(found, workers),
    }


def percentile(found: list[float], n: int) -> float | None:
    """Rounded to a hundredth; None of too few."""
    return round(statistics.quantiles(found, n=100)[n - 1], 2) if len(found) > 1 else None


def main() -> None:
    """Measure 10 and 50 shots (only 10 with --quick) and print JSON."""
    options = argparse.ArgumentParser()
    options.add_argument("--shots", type=int, nargs="*", default=[10, 50])
    options.add_argument("--seconds", type=float, default=6, help="length of a shot")
    options.add_argument("--size", default="1280x720")
    options.add_argument("--quick", action="store_true")
    given = options.parse_args()
    counts = given.shots[:1] if given.quick else given.shots
    with tempfile.TemporaryDirectory(prefix="vivijure-bench-") as name:
        found = [measure(n, given.seconds, given.size, Path(name) / str(n)) for n in counts]
    growth = found[-1]["wall_s"] / found[0]["wall_s"] / (counts[-1] / counts[0])
    print(json.dumps({"cores": psutil.cpu_count(), "films": found, "growth_over_linear": round(growth, 3)}, indent=2))


if __name__ == "__main__":
    main()
