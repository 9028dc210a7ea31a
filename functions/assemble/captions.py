"""Caption files: SubRip and WebVTT (W3C) from cues that are already broken into lines."""

from collections.abc import Sequence

from functions.contract.base import Rate
from functions.contract.params import Cue

TOP = " line:10%"


def srt(cues: Sequence[Cue], rate: Rate) -> str:
    """SubRip text. Italics as `<i>`; a cue at the top carries the `{\\an8}` that players know."""
    return "".join(
        f"{n}\n{_clock(c.start, rate, ',')} --> {_clock(c.end, rate, ',')}\n{_srt_body(c)}\n\n"
        for n, c in enumerate(cues, 1)
    )


def vtt(cues: Sequence[Cue], rate: Rate, language: str = "") -> str:
    """WebVTT text with speakers as `<v Name>`; `&`, `<` and `>` are escaped."""
    head = "WEBVTT\n" + (f"Language: {language}\n" if language else "") + "\n"
    return head + "".join(
        f"{n}\n{_clock(c.start, rate, '.')} --> {_clock(c.end, rate, '.')}{TOP if c.top else ''}\n{_vtt_body(c)}\n\n"
        for n, c in enumerate(cues, 1)
    )


def unbraced(cue: Cue) -> Cue:
    """The cue with parentheses for braces, which ffmpeg's caption encoders take for styling."""
    swap = str.maketrans("{}", "()")
    return cue.model_copy(update={"lines": tuple(line.translate(swap) for line in cue.lines)})


def _clock(frame: int, rate: Rate, point: str) -> str:
    millis = (frame * 2000 * rate.den + rate.num) // (2 * rate.num)
    seconds, millis = divmod(millis, 1000)
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}{point}{millis:03d}"


def _srt_body(cue: Cue) -> str:
    text = "\n".join(line.strip() or "\u00a0" for line in cue.lines)
    return ("{\\an8}" if cue.top else "") + (f"<i>{text}</i>" if cue.italic else text)


def _vtt_body(cue: Cue) -> str:
    text = "\n".join(_escaped(line.strip()) or "\u00a0" for line in cue.lines)
    text = f"<i>{text}</i>" if cue.italic else text
    return f"<v {_escaped(cue.speaker)}>{text}</v>" if cue.speaker else text


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
