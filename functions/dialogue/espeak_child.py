"""Child process: eSpeak NG's own library speaks text from standard input.

`python -m functions.dialogue.espeak_child VOICE WORDS_A_MINUTE` writes one line of JSON, `{"rate": Hz, "words":
[[character, sample], ...]}`, then 16-bit mono samples. A process of its own, because the library keeps global state
and may not share a process with the copy inside Piper. Source: espeak-ng/speak_lib.h, API revision 12.
"""

import ctypes
import ctypes.util
import json
import sys

SYNCHRONOUS, UTF8, BY_CHARACTER, RATE_PARAMETER, WORD_EVENT = 2, 1, 1, 1, 1


class Event(ctypes.Structure):
    """`espeak_EVENT`. `text_position` counts characters from 1, `sample` is in this buffer's stream."""

    _fields_ = [
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", ctypes.c_char * 8),
    ]


class Voice(ctypes.Structure):
    """`espeak_VOICE`, filled where a voice is chosen by its language."""

    _fields_ = [
        ("name", ctypes.c_char_p),
        ("languages", ctypes.c_char_p),
        ("identifier", ctypes.c_char_p),
        ("gender", ctypes.c_ubyte),
        ("age", ctypes.c_ubyte),
        ("variant", ctypes.c_ubyte),
        ("unused", ctypes.c_ubyte),
        ("score", ctypes.c_int),
        ("spare", ctypes.c_void_p),
    ]


CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(Event))


def speak(voice: str, words_a_minute: int, text: str) -> tuple[int, list[tuple[int, int]], bytes]:
    """Rate in Hz, (character from 0, sample) of every word, 16-bit samples. Raises `OSError` where the library or
    the voice is missing.
    """
    name = ctypes.util.find_library("espeak-ng")
    if name is None:
        raise OSError("the eSpeak NG library is not installed")
    library = ctypes.CDLL(name)
    rate = library.espeak_Initialize(SYNCHRONOUS, 0, None, 0)
    chosen = Voice(languages=voice.encode())
    if rate <= 0 or (
        library.espeak_SetVoiceByName(voice.encode()) != 0
        and library.espeak_SetVoiceByProperties(ctypes.byref(chosen)) != 0
    ):
        raise OSError(f"eSpeak NG has no voice {voice!r}")
    library.espeak_SetParameter(RATE_PARAMETER, words_a_minute, 0)
    words: list[tuple[int, int]] = []
    sound = bytearray()

    def collect(samples: "ctypes._Pointer[ctypes.c_short]", count: int, events: "ctypes._Pointer[Event]") -> int:
        index = 0
        while events[index].type:
            if events[index].type == WORD_EVENT:
                words.append((events[index].text_position - 1, events[index].audio_position * rate // 1000))
            index += 1
        if samples and count:
            sound.extend(ctypes.string_at(samples, 2 * count))
        return 0

    callback = CALLBACK(collect)
    library.espeak_SetSynthCallback(callback)
    data = text.encode()
    library.espeak_Synth(data, len(data) + 1, 0, BY_CHARACTER, 0, UTF8, None, None)
    library.espeak_Synchronize()
    return rate, words, bytes(sound)


def main() -> None:
    """Speak what comes in."""
    try:
        rate, words, sound = speak(sys.argv[1], int(sys.argv[2]), sys.stdin.buffer.read().decode())
    except OSError as error:
        sys.exit(f"{error}: choose another preset, or install eSpeak NG with that voice")
    sys.stdout.buffer.write(json.dumps({"rate": rate, "words": words}).encode() + b"\n" + sound)


if __name__ == "__main__":
    main()
