"""Words as they stand in a Fountain script, so that the reader hears exactly them and no markup."""

import re

_SPECIAL = re.compile(r"^(?:[!@>.#=~(\[/^]|(?:INT|EXT|EST|I/E)[\s./])|TO:$|^FADE (?:IN:|OUT\.)$", re.IGNORECASE)
HEADING = re.compile(r"^(?:INT|EXT|EST|I/E|INT/EXT|INT\./EXT)(?:\s*\.|\s)", re.IGNORECASE)
_NUMBER = re.compile(r"\s*#[A-Za-z0-9.-]+#\s*$")
_CUE = re.compile(r"^[A-Z][A-Z0-9 .'-]{0,60}$")


def plain(text: str) -> str:
    """One line of words without what Fountain takes for notes or cuts."""
    line = " ".join(text.split())
    line = re.sub(r"\[(?=\[)", "[ ", line)
    line = re.sub(r"\](?=\])", "] ", line)
    line = re.sub(r"/(?=\*)", "/ ", line)
    return re.sub(r"\*(?=/)", "* ", line).strip()


def escaped(line: str) -> str:
    """The line with marks of emphasis taken literally."""
    return line.replace("\\", "\\\\").replace("*", "\\*").replace("_", "\\_")


def action(text: str) -> str:
    """An action paragraph; forced where it would be read as something else."""
    line = plain(text)
    forced = _SPECIAL.search(line) or not any(c.islower() for c in line) or line.endswith("^")
    return ("!" if forced else "") + escaped(line)


def speech(text: str) -> str:
    """A line of dialogue. Words that would be read as markup are set off by a dash."""
    line = plain(text)
    return escaped(f"— {line}" if _SPECIAL.search(line) or line.endswith("^") else line)


def parenthetical(text: str) -> str:
    """Direction inside dialogue."""
    return f"({escaped(plain(text))})"


def centred(text: str) -> str:
    """Words on the picture."""
    return f"> {escaped(plain(text).replace('<', '‹'))} <"


def heading(text: str, number: str | None) -> str:
    """A scene heading with its number; forced where it begins with neither INT nor EXT."""
    line = _NUMBER.sub("", plain(text)).strip()
    if not HEADING.match(line):
        line = f".{line}" if line[:1].isascii() and line[:1].isalnum() else f".SCENE {line}".rstrip()
    return escaped(line) + (f" #{number}#" if number is not None else "")


def cue(name: str, extension: str, dual: bool) -> str:
    """A character cue; forced where the name is no plain capitals."""
    forced = not _CUE.match(name) or bool(HEADING.match(f"{name} "))
    tail = (f" ({extension})" if extension else "") + (" ^" if dual else "")
    return ("@" if forced else "") + escaped(name) + tail


def is_cue(name: str) -> bool:
    """Whether the name can stand as a cue without being forced."""
    return _CUE.match(name) is not None and not HEADING.match(f"{name} ") and name == plain(name)
