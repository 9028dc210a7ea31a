"""The order in which a person sees takes."""

from control.graph.model import OutputFacts
from control.render.takes import best_first
from control.render.views import TakeInfo
from functions.contract.media import MediaFacts


def take(name: str, path: str, score: float | None) -> TakeInfo:
    """A take of a shot's step."""
    media = MediaFacts(type="image", score=score)
    outputs = {"image.png": OutputFacts(key=f"artifacts/{name}", sha256="0" * 64, size=1, media=media)}
    values = {"id": name, "film_id": "f", "shot": "one", "kind": "keyframe", "path": path, "fingerprint": "0" * 64}
    return TakeInfo.model_validate({**values, "quality": "done", "score": score, "outputs": outputs})


def test_takes_of_one_step_come_by_their_score_and_stay_beside_one_another() -> None:
    takes = [
        take("clip", "shot/one/motion", None),
        take("third", "shot/one/keyframe~3", 0.2),
        take("second", "shot/one/keyframe~2", 0.8),
        take("old clip", "shot/one/motion", None),
        take("first", "shot/one/keyframe", 0.5),
        take("unscored", "shot/one/keyframe", None),
    ]
    assert [t.id for t in best_first(takes)] == ["clip", "old clip", "second", "first", "third", "unscored"]
