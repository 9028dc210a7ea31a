"""What the synthesiser knows, as its manifest announces it."""

from functions.sound.prompt import VOCABULARY
from functions.sound.score import WORDS


def announced() -> tuple[str, ...]:
    """The single words each of which is enough for a sound, sorted."""
    sounds = {word for sound in VOCABULARY.sounds for word in sound.words}
    played = {word for instrument in WORDS.instruments.values() for word in instrument.words}
    return tuple(sorted(word for word in sounds | played if word.isalpha()))
