"""Captions from word times: cutting speech into cues, breaking them into lines, giving them frames.

The limits follow common timed-text practice: at most two lines, 42 characters a line in a wide picture,
17 characters a second as a target and 20 at most, at least 20 frames at 24 frames a second, at most 7 s.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from functions.contract.base import SAMPLE_RATE, Rate
from functions.contract.params import Cue

TARGET_CPS, MOST_CPS = 17.0, 20.0
MOST_SECONDS, LINGER_SECONDS = 7.0, 0.5
LEAST_SECONDS = 20 / 24
GAP, CLOSE_GAP, SNAP, LEAD = 2, 11, 12, 2
SOUND_SECONDS = 2.0
CONJUNCTIONS = frozenset("and but or nor so yet because although though while when where if that which who".split())
PREPOSITIONS = frozenset(
    "about above across after against along among around at before behind below beneath beside between beyond by "
    "down during for from in inside into like near of off on onto out over past since through to toward towards "
    "under until up upon with within without".split()
)
BOUND = frozenset("a an the my your his her its our their this these those no every each mr mrs ms dr st".split())


@dataclass(frozen=True)
class Token:
    """One written word with the frames of the film in which it is heard (`end` exclusive)."""

    text: str
    start: int
    end: int


@dataclass(frozen=True)
class Speech:
    """A spoken line on the film's timeline. `label` is put before it where the speaker is not plain to see."""

    tokens: tuple[Token, ...]
    speaker: str = ""
    label: str = ""
    italic: bool = False


@dataclass(frozen=True)
class Noise:
    """A sound that a caption names."""

    text: str
    start: int


@dataclass(frozen=True)
class Draft:
    """A cue before its lines are broken. `heard` is the frame after its last word."""

    text: str
    start: int
    heard: int
    end: int
    speaker: str = ""
    italic: bool = False
    second: str = ""


def line_limit(width: int, height: int) -> int:
    """Characters a caption line may have in a picture of these proportions."""
    return 26 if width < height else 32 if width == height else 42


def captions(
    speech: Iterable[Speech], noises: Iterable[Noise], cuts: Sequence[int], total: int, rate: Rate, limit: int
) -> tuple[Cue, ...]:
    """All cues of a film in order, without overlap.

    `cuts` are the first frames of shots, `total` the film's length in frames, `limit` characters a line.
    """
    fps = rate.num / rate.den
    drafts = [d for line in speech for d in _drafts(line, limit, fps)]
    drafts = _join_voices(sorted(drafts, key=lambda d: d.start), limit)
    timed = _timed(drafts, sorted({*cuts, total}), total, fps)
    placed = _place_noises(timed, sorted(noises, key=lambda n: n.start), sorted({*cuts, total}), fps, limit)
    return tuple(_cue(d, limit) for d in _close_gaps(placed))


def wrap(text: str, limit: int) -> tuple[str, ...]:
    """The text on one line, or on two broken at the best place."""
    if len(text) <= limit:
        return (text,)
    words = text.split(" ")
    breaks = [i for i in range(1, len(words)) if _fits(words[:i], limit) and _fits(words[i:], limit)]
    if not breaks:
        breaks = list(range(1, len(words))) or [0]
    best = min(breaks, key=lambda i: _break_cost(words, i) + _unevenness(words, i))
    return (" ".join(words[:best]), " ".join(words[best:])) if best else (text,)


def _fits(words: Sequence[str], limit: int) -> bool:
    return sum(map(len, words)) + len(words) - 1 <= limit


def _bare(word: str) -> str:
    return word.strip(".,;:!?\"'“”‘’()[]…-—").lower()


def _break_cost(words: Sequence[str], at: int) -> float:
    """How badly a break before word `at` reads; 0 after a sentence, 40 inside a name or after an article."""
    before, after = words[at - 1], words[at]
    if before[-1:] in ".!?…" or before[-2:-1] in ".!?…":
        return 0.0
    if before[-1:] in ",;:—":
        return 4.0
    if _bare(before) in BOUND or (before[:1].isupper() and after[:1].isupper() and at > 1):
        return 40.0
    if _bare(after) in CONJUNCTIONS:
        return 8.0
    return 12.0 if _bare(after) in PREPOSITIONS else 20.0


def _unevenness(words: Sequence[str], at: int) -> float:
    """Cost of lines of unequal length; a longer lower line is preferred to a longer upper one."""
    upper, lower = len(" ".join(words[:at])), len(" ".join(words[at:]))
    return (upper - lower) * 0.9 if upper > lower else (lower - upper) * 0.5


def _drafts(line: Speech, limit: int, fps: float) -> list[Draft]:
    chunks = [c for sentence in _sentences(line.tokens) for c in _split(sentence, 2 * limit, limit, fps)]
    chunks = _absorb_short(chunks, limit, fps)
    drafts = []
    for i, chunk in enumerate(chunks):
        text = " ".join(t.text for t in chunk)
        if i == 0 and line.label:
            text = f"{line.label}: {text}"
        start, heard = chunk[0].start, chunk[-1].end
        drafts.append(Draft(text, start, heard, heard, line.speaker, line.italic))
    return drafts


def _sentences(tokens: Sequence[Token]) -> list[tuple[Token, ...]]:
    found: list[tuple[Token, ...]] = []
    current: list[Token] = []
    for token in tokens:
        current.append(token)
        if token.text.rstrip("\"'”’)")[-1:] in (".", "!", "?", "…"):
            found.append(tuple(current))
            current = []
    return [*found, tuple(current)] if current else found


def _fits_cue(tokens: Sequence[Token], limit: int, fps: float) -> bool:
    text = " ".join(t.text for t in tokens)
    lines = wrap(text, limit)
    return max(map(len, lines)) <= limit and (tokens[-1].end - tokens[0].start) / fps <= MOST_SECONDS


def _split(tokens: tuple[Token, ...], most: int, limit: int, fps: float) -> list[tuple[Token, ...]]:
    """Cut a sentence in two at its best place until every part fits a cue."""
    if len(tokens) < 2 or _fits_cue(tokens, limit, fps):
        return [tokens]
    words = [t.text for t in tokens]
    middle = len(" ".join(words)) / 2

    def cost(at: int) -> float:
        return _break_cost(words, at) + abs(len(" ".join(words[:at])) - middle) * 30 / middle

    best = min(range(1, len(words)), key=cost)
    return _split(tokens[:best], most, limit, fps) + _split(tokens[best:], most, limit, fps)


def _absorb_short(chunks: list[tuple[Token, ...]], limit: int, fps: float) -> list[tuple[Token, ...]]:
    """Join a part too short to read with the one after it, where both fit one cue."""
    found: list[tuple[Token, ...]] = []
    for chunk in chunks:
        if found and (chunk[0].start - found[-1][0].start) / fps < LEAST_SECONDS + GAP / fps:
            joined = found[-1] + chunk
            if _fits_cue(joined, limit, fps):
                found[-1] = joined
                continue
        found.append(chunk)
    return found


def _join_voices(drafts: list[Draft], limit: int) -> list[Draft]:
    """Two people at once become one cue, a hyphen a line, where each fits its line."""
    found: list[Draft] = []
    for draft in drafts:
        last = found[-1] if found else None
        if last and _at_once(last, draft) and max(len(last.text), len(draft.text)) < limit:
            end = max(last.heard, draft.heard)
            found[-1] = replace(last, text=f"-{last.text}", second=f"-{draft.text}", heard=end, end=end)
        else:
            found.append(draft)
    return found


def _at_once(last: Draft, draft: Draft) -> bool:
    return draft.start < last.heard and last.speaker != draft.speaker and not last.second


def _timed(drafts: list[Draft], cuts: Sequence[int], total: int, fps: float) -> list[Draft]:
    found: list[Draft] = []
    for i, draft in enumerate(drafts):
        following = drafts[i + 1].start - GAP if i + 1 < len(drafts) else total
        start = max(draft.start, found[-1].end + GAP if found else 0)
        end = _end(replace(draft, start=start), following, cuts, fps)
        if end - start < LEAST_SECONDS * fps:
            start = max(draft.start - LEAD, found[-1].end + GAP if found else 0, 0)
        found.append(replace(draft, start=start, end=max(min(end, total), start + 1)))
    return found


def _end(draft: Draft, following: int, cuts: Sequence[int], fps: float) -> int:
    """The frame after the cue: past its last word by what reading needs, by half a second at most."""
    read = draft.start + round(len(draft.text + draft.second) / TARGET_CPS * fps)
    least = draft.start + round(LEAST_SECONDS * fps)
    end = min(max(read, draft.heard), draft.heard + round(LINGER_SECONDS * fps))
    cut = next((c for c in cuts if c >= draft.heard), None)
    if cut is not None and (end > cut or 0 < cut - end <= SNAP):
        end = cut
    end = max(end, least)
    return min(end, following, draft.start + round(MOST_SECONDS * fps))


def _place_noises(
    drafts: list[Draft], noises: Sequence[Noise], cuts: Sequence[int], fps: float, limit: int
) -> list[Draft]:
    found = list(drafts)
    for noise in noises:
        text = f"[{noise.text}]"
        least = round(LEAST_SECONDS * fps)
        end = next((c for c in cuts if c - noise.start >= least), noise.start + least)
        wanted = Draft(text, noise.start, noise.start, min(noise.start + round(SOUND_SECONDS * fps), end))
        found = _with_noise(found, wanted, limit, least)
    return found


def _with_noise(drafts: list[Draft], wanted: Draft, limit: int, least: int) -> list[Draft]:
    """The drafts with a sound put in free time, above one short line of speech, or after what is said."""
    under = next((d for d in drafts if d.start <= wanted.start < d.end + GAP), None)
    if under and not under.second and len(under.text) <= limit and len(wanted.text) <= limit:
        first, second = (under, wanted) if under.text.startswith("[") else (wanted, under)
        both = replace(under, text=first.text, second=second.text)
        return [both if d is under else d for d in drafts]
    start = under.end + GAP if under else wanted.start
    after = min((d.start for d in drafts if d.start >= start), default=None)
    end = max(wanted.end, start + least)
    if after is not None:
        end = min(end, after - GAP)
    if end - start < least // 2:
        return drafts
    return sorted([*drafts, replace(wanted, start=start, end=end)], key=lambda d: d.start)


def _close_gaps(drafts: list[Draft]) -> list[Draft]:
    found = list(drafts)
    for i in range(len(found) - 1):
        gap = found[i + 1].start - found[i].end
        if GAP < gap <= CLOSE_GAP:
            found[i] = replace(found[i], end=found[i + 1].start - GAP)
    return found


def _cue(draft: Draft, limit: int) -> Cue:
    lines = (draft.text, draft.second) if draft.second else wrap(draft.text, limit)[:2]
    return Cue(start=draft.start, end=draft.end, lines=lines, speaker=draft.speaker, italic=draft.italic)


def frame_of(sample: int, rate: Rate) -> int:
    """The frame during which this sample sounds."""
    return sample * rate.num // (SAMPLE_RATE * rate.den)
