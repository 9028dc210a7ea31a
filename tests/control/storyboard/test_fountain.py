"""Scripts read as a first assistant would mark them up, and written so that a person may go on editing them."""

from pathlib import Path

import pytest

from control.storyboard import checks, text
from control.storyboard.errors import StoryboardRefused
from control.storyboard.fountain import Imported, export_fountain, import_fountain
from control.storyboard.labels import labels
from control.storyboard.models import Beat, Scene, Shot, Spoken, Storyboard
from control.storyboard.speech import words_end

EXAMPLES = Path("examples")


def read(script: str) -> Imported:
    """An import of indented text."""
    return import_fountain("\n".join(line.strip() for line in script.strip("\n").split("\n")))


def scenes(script: str) -> tuple[Scene, ...]:
    return read(script).board.scenes


def shots(script: str) -> list[Shot]:
    return [shot for _, shot in read(script).board.shots()]


def spoken(shot: Shot) -> list[tuple[str, str]]:
    return [(line.who, line.text) for line in shot.spoken]


# -- the example


@pytest.fixture(scope="module")
def elsinore() -> Imported:
    return import_fountain((EXAMPLES / "elsinore.fountain").read_text("utf-8"))


def test_the_example_reads_without_a_problem(elsinore: Imported) -> None:
    assert elsinore.report.problems == ()
    assert checks.check(elsinore.board) == ()
    assert 60 <= elsinore.report.seconds <= 121
    assert "as expected" in elsinore.report.page_check
    assert elsinore.report.boneyards == 1


def test_the_example_is_covered_as_a_director_would(elsinore: Imported) -> None:
    board = elsinore.board
    by_label = {label: board.shot(name) for name, label in labels(board).items()}
    first, hand = by_label["1A"], by_label["1C"]
    assert (first.size, first.via.kind, first.via.seconds) == ("wide", "fade-in", 1.0)
    assert (hand.size, hand.who) == ("insert", None)
    assert [(line.who, line.voice) for line in hand.spoken] == [("bernardo", "os")]
    two = by_label["1F"]
    assert {who: blocking.facing for who, blocking in (two.who or {}).items()} == {
        "bernardo": "francisco",
        "francisco": "bernardo",
    }
    assert board.cast["ghost"].look == "a king in full armour, pale beard, visor up"
    assert [shot.pov for _, shot in board.shots() if shot.pov] == ["ghost"]
    assert len(board.places) == 1
    assert board.end.fade_out == 1.5
    assert max(words_end(shot) for _, shot in board.shots()) <= 9.35


def test_nobody_changes_sides_within_a_scene(elsinore: Imported) -> None:
    for scene in elsinore.board.scenes:
        sides: dict[str, str] = {}
        for shot in scene.shots:
            for who, blocking in (shot.who or {}).items():
                assert sides.setdefault(who, blocking.at) == blocking.at


# -- rule 1: title page, headings, notes


def test_the_title_page_gives_title_and_credits() -> None:
    board = import_fountain(
        "Title: The\n    Lamp\nCredit: Written by\nAuthor: A. Person\nSource: a story\n\nINT. X - DAY\n\nRain."
    ).board
    assert board.title == "The Lamp"
    assert board.titles.credits is not None
    assert board.titles.credits.lines == ("Written by A. Person", "a story")


def test_a_heading_makes_a_scene_and_a_repeated_location_the_same_place() -> None:
    script = "INT. LAMP ROOM - NIGHT #12A#\n\nRain.\n\nEXT. ROCK - DAY\n\nSea.\n\nINT. LAMP ROOM - LATER\n\nRain."
    board = read(script).board
    assert [scene.number for scene in board.scenes] == ["12A", None, None]
    assert [scene.place for scene in board.scenes] == ["lamp-room", "rock", "lamp-room"]
    assert board.scenes[0].heading == "INT. LAMP ROOM - NIGHT"
    assert board.places["lamp-room"].look == "lamp room"


def test_sections_and_synopses_are_notes_of_the_scene() -> None:
    found = scenes("# Act one\n\n= They meet.\n\nINT. X - DAY\n\n= It rains.\n\nRain.\n\nINT. Y - DAY\n\nSun.")
    assert [note.text for note in found[0].notes] == ["# Act one", "= They meet.", "= It rains."]
    assert found[1].notes == ()


def test_remarks_in_brackets_are_notes_of_the_shot() -> None:
    [shot] = shots("INT. X - DAY\n\nRain [[on glass?]] falls.\n\n[[too long]]")
    assert shot.action == "Rain falls."
    assert [note.text for note in shot.notes] == ["on glass?", "too long"]


def test_a_boneyard_is_left_out_and_counted() -> None:
    found = read("INT. X - DAY\n\n/* A cat\n\nsits. */\n\nRain.\n\n/* one */")
    assert [shot.action for _, shot in found.board.shots()] == ["Rain."]
    assert found.report.boneyards == 2


def test_a_boneyard_inside_words_parts_neither_a_turn_nor_a_paragraph() -> None:
    rain = "Rain /* and hail */ falls\n/* hard */\non glass."
    script = f"INT. X - DAY\n\n{rain}\n\nMAREN\nHello there.\n/* You. */\nMy friend.\n"
    first, second = shots(script)
    assert first.action == "Rain falls on glass."
    assert spoken(second) == [("maren", "Hello there. My friend.")]


def test_centred_words_are_on_the_picture_and_lyrics_are_sung() -> None:
    first, second = shots("INT. X - DAY\n\nRain.\n\n> LONDON <\n\nMAREN\n~la la la la la la\n")
    assert first.super is not None
    assert (first.super.text, first.super.at) == ("LONDON", "centre")
    assert [(line.how, line.text) for line in second.spoken] == [("sung", "la la la la la la")]


def test_centred_words_before_any_shot_wait_for_the_first() -> None:
    [shot] = shots("INT. X - DAY\n\n> LONDON <\n\nRain.")
    assert shot.super is not None


# -- rule 2: action


def test_the_first_action_of_a_scene_is_wide_and_lasts() -> None:
    first, second = shots("INT. X - DAY\n\nRain.\n\nMore rain.")
    assert (first.size, first.seconds) == ("wide", 3.5)
    assert (second.size, second.seconds) == (None, 2.0)


@pytest.mark.parametrize(
    ("words", "size", "action"),
    [
        ("CLOSE ON a hand.", "close", "A hand."),
        ("CLOSE UP: A hand.", "close", "A hand."),
        ("INSERT - A switch.", "insert", "A switch."),
        ("ANGLE ON the door.", "medium", "The door."),
        ("WIDE: The sea.", "wide", "The sea."),
        ("EXTREME CLOSE ON - An eye.", "extreme-close", "An eye."),
        ("ESTABLISHING SHOT. The tower.", "wide", "The tower."),
        ("Closed doors, wide open.", None, "Closed doors, wide open."),
    ],
)
def test_a_lead_in_capitals_sets_the_framing(words: str, size: str | None, action: str) -> None:
    _, shot = shots(f"INT. X - DAY\n\nRain.\n\n{words}")
    assert (shot.size, shot.action) == (size, action)


def test_a_lead_that_stands_alone_frames_what_comes_next() -> None:
    _, shot = shots("INT. X - DAY\n\nRain.\n\nCLOSE ON:\n\nA hand on a switch.")
    assert (shot.size, shot.action) == ("close", "A hand on a switch.")


def test_over_and_point_of_view_name_people() -> None:
    script = "INT. X - DAY\n\nIVO (thirty) waits.\n\nOVER IVO: The sea.\n\nIVO'S POV - A ship.\n\nOVER NOBODY: A cat."
    _, over, pov, nobody = shots(script)
    assert (over.over, over.action) == ("ivo", "The sea.")
    assert (pov.pov, pov.action) == ("ivo", "A ship.")
    assert (nobody.over, nobody.action) == (None, "Over nobody: A cat.")


def test_a_long_action_is_divided_at_sentences() -> None:
    sentence = "The keeper climbs the stair with a lamp in one hand and a letter in the other."
    found = shots(f"INT. X - DAY\n\n{' '.join([sentence] * 5)}")
    assert [len(shot.action.split()) for shot in found] == [34, 34, 17]
    assert " ".join(shot.action for shot in found) == " ".join([sentence] * 5)


def test_a_sound_in_capitals_is_heard_when_its_word_comes() -> None:
    [shot] = shots("INT. X - DAY\n\nRain on the glass, and then far away a distant HORN.")
    assert [(sfx.sound, sfx.at) for sfx in shot.sfx] == [("distant horn", 3.9)]
    assert shot.action.endswith("a distant horn.")


def test_names_in_capitals_introduce_people_by_what_can_be_seen() -> None:
    action = "MAREN (70s, white plait) and IVO, a thin engineer, wait. A NEW day."
    script = f"INT. X - DAY\n\n{action}\n\nMAREN\nWell now, here we are.\n"
    found = read(script)
    assert {who: m.look for who, m in found.board.cast.items()} == {
        "maren": "70s, white plait",
        "ivo": "a thin engineer",
    }
    shot = found.board.scenes[0].shots[0]
    assert shot.action == "Maren and Ivo, a thin engineer, wait. A new day."
    assert list(shot.who or {}) == ["maren", "ivo"]


def test_somebody_who_only_speaks_joins_the_cast_without_a_look() -> None:
    found = read("INT. X - DAY\n\nRain.\n\nMR. O'BRIEN\nGood morning to all of you.\n")
    assert found.board.cast["mr-obrien"].name == "Mr. O'Brien"
    assert any("Mr. O'Brien has no look" in guess.text for guess in found.report.guesses)


def test_an_establishing_shot_furnishes_its_place_as_a_guess() -> None:
    found = read("EXT. ROCK - NIGHT\n\nA tower stands over a black sea. Wind.\n\nEXT. ROCK - DAY\n\nRain.")
    assert found.board.places["rock"].look == "rock, a tower stands over a black sea"
    assert found.board.places["rock"].ambience == "sea, wind"
    assert [guess.text for guess in found.report.guesses] == [
        "the place rock looks as its first action says: A tower stands over a black sea",
        "the place rock sounds as its first action says: sea, wind",
    ]


# -- rule 3: dialogue

TALK = """
INT. X - DAY

Rain.

MAREN
They never came up here at night.

IVO
And who do they wait up for then?

MAREN
Nobody that you would ever know.

IVO
Then I shall wait up for nobody.

MAREN
You will want a warmer coat then.

IVO
I have got one down on the boat.
"""


def test_the_first_exchange_and_every_fifth_turn_are_two_shots() -> None:
    found = [shot for shot in shots(TALK) if shot.lines]
    assert [len(shot.who or {}) for shot in found] == [2, 1, 1, 2]
    assert [len(shot.spoken) for shot in found] == [2, 1, 1, 2]
    assert [shot.size for shot in found] == ["medium", "medium-close", "medium-close", "medium"]
    assert found[1].action == "Maren speaks to Ivo."


def test_the_first_speaker_is_left_and_the_second_right_throughout() -> None:
    for shot in shots(TALK):
        for who, blocking in (shot.who or {}).items():
            assert blocking.at == {"maren": "left", "ivo": "right"}[who]


def test_a_short_turn_stays_in_the_shot_before_over_the_shoulder() -> None:
    script = TALK.replace("Then I shall wait up for nobody.", "Who?")
    reply = next(shot for shot in shots(script) if ("ivo", "Who?") in spoken(shot))
    assert reply.over == "ivo"
    assert (reply.who or {})["ivo"].depth == "fore"


def test_more_than_nine_seconds_divide_at_a_sentence() -> None:
    words = "I have kept this lamp for forty years and never once let it go dark. " * 3
    found = [shot for shot in shots(f"INT. X - DAY\n\nRain.\n\nMAREN\n{words}\n") if shot.lines]
    assert [len(shot.spoken) for shot in found] == [1, 1, 1]
    assert [shot.size for shot in found] == ["medium-close", "close", "medium-close"]
    assert all(words_end(shot) <= 9.35 for shot in found)
    assert " ".join(line.text for shot in found for line in shot.spoken) == words.strip()


# -- rule 4: extensions and parentheticals


@pytest.mark.parametrize(
    ("extension", "voice"),
    [("V.O.", "vo"), ("O.S.", "os"), ("O.C.", "os"), ("CONT'D", "on"), ("ON PHONE", "device"), ("RADIO", "device")],
)
def test_an_extension_says_how_the_voice_reaches_us(extension: str, voice: str) -> None:
    found = shots(f"INT. X - DAY\n\nRain.\n\nMAREN ({extension})\nI will wait up for you.\n")
    assert [line.voice for shot in found for line in shot.spoken] == [voice]


def test_an_unseen_speaker_gets_no_shot_and_no_place_in_the_picture() -> None:
    [shot] = shots("INT. X - DAY\n\nRain.\n\nMAREN (V.O.)\nI will wait up for you.\n")
    assert (shot.action, shot.who) == ("Rain.", None)


def test_a_parenthetical_says_how_and_silences_are_beats() -> None:
    script = "INT. X - DAY\n\nRain.\n\nMAREN\n(mild)\nWho is it then?\n(beat)\nSomebody late.\n(long pause)\nWell.\n"
    lines = [line for shot in shots(script) for line in shot.lines]
    assert [line.beat if isinstance(line, Beat) else line.text for line in lines] == [
        "Who is it then?", 0.8, "Somebody late.", 2.5, "Well.",
    ]  # fmt: skip
    first = lines[0]
    assert isinstance(first, Spoken)
    assert first.how == "mild"


def test_a_beat_as_action_lengthens_the_shot_before() -> None:
    [shot] = shots("INT. X - DAY\n\nRain.\n\n(beat)")
    assert shot.seconds == 4.3


def test_dual_dialogue_begins_with_the_line_before() -> None:
    script = "INT. X - DAY\n\nRain.\n\nMAREN\nLight it.\n\nIVO ^\nPut it out.\n\nMAREN ^\nNow.\n"
    found = [shot for shot in shots(script) if shot.lines]
    assert [line.overlap for shot in found for line in shot.spoken] == [0.0, 0.8, 0.0]
    assert [line.text for shot in found for line in shot.spoken] == ["Light it.", "Put it out.", "Now."]


# -- rule 5: transitions


@pytest.mark.parametrize(
    ("words", "kind", "seconds"),
    [
        ("CUT TO:", "cut", 0.0),
        ("SMASH CUT TO:", "cut", 0.0),
        ("DISSOLVE TO:", "dissolve", 1.0),
        ("FADE IN:", "fade-in", 1.0),
        ("> DIP TO BLACK:", "dip-black", 0.6),
        ("> FADE TO WHITE", "dip-white", 0.6),
        ("FADE OUT.", "dip-black", 0.6),
    ],
)
def test_a_transition_acts_on_the_next_shot(words: str, kind: str, seconds: float) -> None:
    found = read(f"INT. X - DAY\n\nRain.\n\n{words}\n\nINT. Y - DAY\n\nSun.\n\nMore sun.")
    first, second, third = (shot for _, shot in found.board.shots())
    assert (second.via.kind, second.via.seconds) == (kind, seconds)
    assert (first.via.kind, third.via.kind) == ("cut", "cut")
    assert found.report.problems == ()


def test_an_unknown_transition_is_a_cut_and_said_with_its_line() -> None:
    found = read("INT. X - DAY\n\nRain.\n\n> STAR WIPE TO:\n\nSun.")
    assert [shot.via.kind for _, shot in found.board.shots()] == ["cut", "cut"]
    [problem] = found.report.problems
    assert (problem.severity, problem.line) == ("warning", 5)
    assert "STAR WIPE" in problem.message


def test_a_last_fade_out_ends_the_film() -> None:
    board = read("FADE IN:\n\nINT. X - DAY\n\nRain.\n\nFADE OUT.").board
    assert board.end.fade_out == 1.5
    assert [shot.via.kind for _, shot in board.shots()] == ["fade-in"]


# -- rule 6: time


@pytest.mark.parametrize(
    ("action", "seconds"),
    [
        ("Ivo sits.", 2.0),
        ("Ivo climbs out of the stair well with a case in one hand.", 4.8),
        ("Ivo waits.", 3.0),
        (" ".join(["word"] * 35), 8.0),
        ("INSERT - A hand on a brass switch turns it, then lets go and falls away.", 3.0),
        ("INSERT - A hand.", 2.0),
    ],
)
def test_an_action_lasts_by_its_words(action: str, seconds: float) -> None:
    assert shots(f"INT. X - DAY\n\nRain.\n\n{action}")[1].seconds == seconds


# -- rule 7: the report, and odd scripts


def test_guesses_carry_their_line() -> None:
    found = read("INT. CELLAR\n\nRain.\n\n~a song nobody owns\n")
    assert [guess.line for guess in found.report.guesses if "time of day" in guess.text] == [1]
    assert [guess.line for guess in found.report.guesses if "lyric" in guess.text] == [5]


def test_a_scene_in_which_nothing_happens_gets_an_establishing_shot() -> None:
    assert [shot.action for shot in shots("INT. LAMP ROOM - NIGHT\n\nINT. X - DAY\n\nRain.")] == ["Lamp room.", "Rain."]


def test_action_before_any_heading_is_a_scene_of_its_own() -> None:
    found = scenes("!Rain on glass.\n\nINT. X - DAY\n\nSun.")
    assert [(scene.heading, len(scene.shots)) for scene in found] == [("", 1), ("INT. X - DAY", 1)]


def test_too_many_shots_are_an_error_of_the_report() -> None:
    found = read("INT. X - DAY\n\n" + "\n\n".join(f"Rain falls on day {n}." for n in range(401)))
    assert [problem.message for problem in found.report.problems if problem.severity == "error"] == [
        "the film has 401 shots; at most 400 are taken, so split the film"
    ]


@pytest.mark.parametrize("script", ["", "\n\n", "\x00\x07", "Title: X", "/* open", "\ufeff", "FADE IN:"])
def test_a_script_without_a_scene_says_so(script: str) -> None:
    found = import_fountain(script)
    assert found.board.scenes == ()
    assert any(problem.severity == "error" for problem in found.report.problems)


def test_windows_line_ends_and_a_byte_order_mark_change_nothing() -> None:
    assert import_fountain("\ufeff" + TALK.replace("\n", "\r\n")).board == import_fountain(TALK).board


def test_words_that_are_too_many_for_a_storyboard_are_divided_or_cut() -> None:
    shout = "NEVER " * 80
    found = read(f"INT. {'VERY ' * 40}LONG ROOM - DAY\n\n{'rain ' * 150}\n\nMAREN\n{shout}\n")
    assert max(len(line.text) for _, shot in found.board.shots() for line in shot.spoken) <= 300
    assert " ".join(line.text for _, shot in found.board.shots() for line in shot.spoken) == shout.strip()


def test_a_lead_that_stands_alone_is_no_cue_without_words() -> None:
    script = "INT. X - DAY\n\nRain.\n\nANGLE ON MAREN\n\nShe turns.\n\nIVO\n\nHe does not."
    assert [problem.line for problem in read(script).report.problems] == [9]


def test_a_note_that_is_never_closed_is_an_error_with_its_line() -> None:
    [problem] = read("INT. X - DAY\n\nRain. [[ open\n\nSun.").report.problems
    assert (problem.severity, problem.line) == ("error", 3)


# -- notes: what a person edits in an exported script survives


@pytest.fixture(scope="module")
def lighthouse() -> Storyboard:
    return text.read((EXAMPLES / "lighthouse.yaml").read_bytes()).board


def changed(board: Storyboard, old: str, new: str) -> Storyboard:
    script = export_fountain(board)
    assert script.count(old) == 1
    return import_fountain(script.replace(old, new)).board


def test_a_clean_script_has_no_notes(lighthouse: Storyboard) -> None:
    script = export_fountain(lighthouse, clean=True)
    assert "[[" not in script
    assert [scene.heading for scene in import_fountain(script).board.scenes] == [s.heading for s in lighthouse.scenes]


def test_changed_words_of_a_line_keep_its_id_and_timing(lighthouse: Storyboard) -> None:
    board = changed(lighthouse, "I'll wait up.", "I shall wait.")
    [before], [after] = lighthouse.shot("relight").spoken, board.shot("relight").spoken
    assert after == before.model_copy(update={"text": "I shall wait."})


def test_a_changed_action_changes_nothing_else(lighthouse: Storyboard) -> None:
    board = changed(lighthouse, "INSERT: A hand on a brass switch.", "INSERT: A thumb on a brass switch.")
    before, after = lighthouse.shot("switch"), board.shot("switch")
    assert after.action.startswith("A thumb")
    assert after == before.model_copy(update={"action": after.action})


def test_a_changed_lead_wins_over_the_note(lighthouse: Storyboard) -> None:
    assert changed(lighthouse, "INSERT: A hand", "CLOSE ON: A hand").shot("switch").size == "close"


def test_a_lead_that_is_put_in_wins_over_the_size_of_the_note(lighthouse: Storyboard) -> None:
    assert lighthouse.shot("question").size == "medium-close"
    board = changed(lighthouse, "Maren keeps her eyes", "EXTREME CLOSE ON: Maren keeps her eyes")
    assert board.shot("question").size == "extreme-close"
    assert board.shot("question").lens == "long"


def test_a_line_put_in_between_leaves_its_neighbours_alone(lighthouse: Storyboard) -> None:
    old = "MAREN\nTwo hundred and six."
    board = changed(lighthouse, old, f"MAREN\n(dry)\nDid they now.\n\n{old}")
    before, after = lighthouse.shot("steps").spoken, board.shot("steps").spoken
    assert (after[0], after[2]) == before
    assert (after[1].who, after[1].text, after[1].how) == ("maren", "Did they now.", "dry")


def test_a_new_paragraph_is_a_new_shot_and_keeps_the_old_ones(lighthouse: Storyboard) -> None:
    old = "CLOSE ON: Ivo listens"
    board = changed(lighthouse, old, f"The horn again.\n\n{old}")
    scene = board.scene("s4")
    assert scene.shots[0].action == "The horn again."
    assert scene.shots[1:] == lighthouse.scene("s4").shots


def test_a_paragraph_after_the_lines_of_a_shot_follows_it(lighthouse: Storyboard) -> None:
    old = "No. There never is.\n"
    board = changed(lighthouse, old, f"{old}\nShe turns away.\n")
    assert board.scene("s4").shots[1].action == "She turns away."
    assert board.shot("chart") == lighthouse.shot("chart")


def test_a_passage_copied_with_its_note_gets_ids_of_its_own(lighthouse: Storyboard) -> None:
    script = export_fountain(lighthouse)
    start, end = script.index("INSERT:"), script.index("EXT. SKERRY LIGHTHOUSE - CONTINUOUS")
    found = import_fountain(script[:end] + script[start:end] + script[end:])
    first, second = (shot for _, shot in found.board.shots() if shot.size == "insert")
    assert first.id == "switch"
    assert second.id != "switch"
    assert any("stands there twice" in problem.message for problem in found.report.problems)


def test_a_damaged_note_is_reported_with_its_line_and_the_words_are_kept(lighthouse: Storyboard) -> None:
    script = export_fountain(lighthouse).replace('{"shot":"switch"', '{"shot":switch')
    found = import_fountain(script)
    [problem] = [problem for problem in found.report.problems if "damaged" in problem.message]
    assert problem.line is not None
    assert '{"shot":switch' in script.split("\n")[problem.line - 1]
    assert any("A hand on a brass switch." in shot.action for _, shot in found.board.shots())


def test_values_that_no_storyboard_takes_are_refused_with_the_line(lighthouse: Storyboard) -> None:
    script = export_fountain(lighthouse).replace('"seconds":4.5,"via"', '"seconds":4500,"via"')
    with pytest.raises(StoryboardRefused) as refused:
        import_fountain(script)
    [problem] = refused.value.problems
    assert problem.line is not None
    assert script.split("\n")[problem.line - 1].startswith('[[vj {"shot":"beam"')
    assert (problem.path, problem.message) == ("shot beam: seconds", "is 4500; it must be at most 60")


@pytest.mark.parametrize(
    "note",
    [
        "5", "[]", "{}", '{"shot":5}', '{"shot":"a","scene":"b"}', '{"shot":"UPPER"}', '{"shot":"a","is":5}',
        '{"shot":"a","lines":5}', '{"shot":"a","lines":[5]}', '{"shot":"a","lines":[["x",5]]}',
        '{"shot":"a","lines":[["x",{"is":5}]]}', '{"shot":"a","lines":[["all","x",5]]}', '{"shot":"a","more":1}',
        '{"shot":"a","sfx":[["",5]]}', '{"shot":"a"', "NaN", '{"film":1,"is":{"cast":5}}',
        '{"film":1,"is":{"cast":{"a":5}}}', '{"film":1,"is":{"places":[]}}', '{"scene":"a","is":{"notes":5}}',
        '{"scene":"a","is":{"shots":5}}', '{"shot":"a","is":{"who":5}}', '{"shot":"a","is":{"who":[5]}}',
        '{"shot":"a","is":{"over":[]}}', '{"shot":"a","is":{"lines":5}}', '{"shot":"a","is":{"notes":"x"}}',
        '{"shot":"a","lines":[["",{"id":"l","who":[],"text":"x"}]]}',
    ],
)  # fmt: skip
def test_whatever_stands_in_a_note_the_answer_is_typed_and_has_a_line(note: str) -> None:
    script = f"Title: X\n\nINT. X - DAY\n\nRain.\n\n[[vj {note}]]\n"
    try:
        problems = import_fountain(script).report.problems
    except StoryboardRefused as refused:
        problems = tuple(refused.problems)
    assert problems
    assert {problem.line for problem in problems} <= {3, 5, 7}


def test_somebody_new_in_an_exported_script_joins_the_cast(lighthouse: Storyboard) -> None:
    board = changed(lighthouse, "IVO (V.O.)\nI'll", "ANNA (V.O.)\nI'll")
    assert board.cast["anna"].name == "Anna"
    assert board.shot("relight").spoken[0].who == "anna"
