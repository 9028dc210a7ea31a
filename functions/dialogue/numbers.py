"""Numbers as a reader of English says them."""

ONES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen"
    " eighteen nineteen"
).split()
TENS = "_ _ twenty thirty forty fifty sixty seventy eighty ninety".split()
SCALES = ((10**12, "trillion"), (10**9, "billion"), (10**6, "million"), (10**3, "thousand"))
IRREGULAR = {
    "one": "first",
    "two": "second",
    "three": "third",
    "five": "fifth",
    "eight": "eighth",
    "nine": "ninth",
    "twelve": "twelfth",
}
LONGEST = 15
"""Digits of the longest number that is read as one; beyond it the digits are read singly."""


def digits(text: str) -> list[str]:
    """Each digit as a word: `digits("007")` is zero zero seven."""
    return [ONES[int(d)] for d in text]


def cardinal(value: int) -> list[str]:
    """`206` is two hundred and six. `value` is 0 or more and below 10**15."""
    for scale, name in SCALES:
        if value >= scale:
            rest = value % scale
            link = ["and"] if 0 < rest < 100 else []
            return [*cardinal(value // scale), name, *link, *(cardinal(rest) if rest else [])]
    if value >= 100:
        rest = value % 100
        return [ONES[value // 100], "hundred", *(["and", *cardinal(rest)] if rest else [])]
    if value >= 20:
        return [TENS[value // 10], *([ONES[value % 10]] if value % 10 else [])]
    return [ONES[value]]


def ordinal(value: int) -> list[str]:
    """`22` is twenty second."""
    *head, last = cardinal(value)
    if last in IRREGULAR:
        return [*head, IRREGULAR[last]]
    return [*head, last[:-1] + "ieth" if last.endswith("y") else last + "th"]


def year(value: int) -> list[str]:
    """`1888` is eighteen eighty eight, `1906` nineteen oh six, `2000` to `2009` as cardinals. 1100 to 2099."""
    century, rest = divmod(value, 100)
    if century == 20 and rest < 10:
        return cardinal(value)
    if rest == 0:
        return [*cardinal(century), "hundred"]
    return [*cardinal(century), *(["oh", ONES[rest]] if rest < 10 else cardinal(rest))]


def is_year(text: str) -> bool:
    """Whether four bare digits are read as a year."""
    return len(text) == 4 and text.isdecimal() and 1100 <= int(text) <= 2099


def number(text: str) -> list[str]:
    """Digits with an optional decimal part: `3.5` is three point five, `007` zero zero seven."""
    whole, _, part = text.partition(".")
    leading_zero = len(whole) > 1 and whole.startswith("0")
    spoken = digits(whole) if leading_zero or len(whole) > LONGEST else cardinal(int(whole or "0"))
    return [*spoken, "point", *digits(part)] if part else spoken


def clock(hours: int, minutes: int) -> list[str]:
    """`10:30` is ten thirty, `9:05` nine oh five, `7:00` seven o'clock, `0:15` zero fifteen."""
    if minutes == 0:
        return [*cardinal(hours), "o'clock"] if 0 < hours <= 12 else [*cardinal(hours), "hundred"]
    return [*cardinal(hours), *(["oh", ONES[minutes]] if minutes < 10 else cardinal(minutes))]


ROMAN = {
    tens + units: 10 * len(tens) + value
    for tens in ("", "X", "XX", "XXX")
    for value, units in enumerate(("", "I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX"))
    if len(tens + units) >= 2
}
"""Values of Roman numerals of two letters or more, up to thirty-nine."""
