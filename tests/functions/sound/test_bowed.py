import numpy as np
import pytest

from functions.sound.bowed import SPAN, bowed
from functions.sound.instruments import HOP, SLOW, Note
from functions.sound.score import WORDS


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_held_note_goes_on_across_its_pieces(seed: int) -> None:
    who = WORDS.instruments["cello"].model_copy(update={"noise": 0.0})
    pieces = list(bowed(np.random.default_rng(seed), who, Note(0, 11, -12)))
    assert [len(piece) for piece in pieces] == [SPAN * HOP, SPAN * HOP, SLOW]
    sound = np.concatenate(pieces)[:, 0]
    bend = np.abs(np.diff(sound, 2))
    for seam in (SPAN * HOP, 2 * SPAN * HOP):
        assert bend[seam - 3 : seam + 2].max() < bend[seam - SLOW // 10 : seam - 10].max()
