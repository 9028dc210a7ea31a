"""The schema as data: every field says which steps read it, and says it as the film model does."""

import pytest

from control.storyboard import schema
from control.storyboard.models import Scene, Shot, Storyboard
from control.storyboard.scalars import CLASSES

READS = dict(schema.fields())
TABLE = {
    "storyboard": "", "title": "C", "aspect": "KMC", "fps": "KMC", "style": "KM", "avoid": "KM", "palette": "KM",
    "cast.*.look": "KM", "cast.*.voice.pitch": "D", "cast.*.colour": "KM", "places.*.look": "KM",
    "places.*.ambience": "S", "props.*.look": "KM", "pronounce": "D", "music.*.level": "S", "music.*.in": "S",
    "titles.open.text": "C", "end.fade-out": "C", "reserved": "", "notes": "",
    "scenes.*.id": "", "scenes.*.heading": "KM", "scenes.*.place": "KM", "scenes.*.light": "KM",
    "scenes.*.ambience": "S", "scenes.*.wardrobe": "KM", "scenes.*.shots": "C",
}  # fmt: skip
SHOT = {
    "action": "KM", "size": "KM", "angle": "KM", "lens": "KM", "focus": "KM", "over": "KM", "pov": "KM",
    "camera.move": "M", "camera.to": "M", "who.*.at": "KM", "who.*.facing": "KM", "compose": "KM", "light": "KM",
    "carry": "KM", "props": "KM", "same_as": "KM", "keyframe": "KM", "end_frame": "KM", "refs": "KM",
    "from_previous": "KM", "seconds": "MC", "exact": "MC", "lines.*.text": "D", "lines.*.how": "D",
    "lines.*.pause": "S", "lines.*.beat": "S", "lines.*.at": "S", "sfx.*.level": "S", "j_cut": "S", "l_cut": "S",
    "via": "C", "super": "C", "seed": "KM", "takes": "C", "trim_in": "C", "render": "KM", "lock": "", "omit": "C",
    "notes": "",
}  # fmt: skip


@pytest.mark.parametrize(
    ("path", "classes"), [*TABLE.items(), *((f"scenes.*.shots.*.{k}", v) for k, v in SHOT.items())]
)
def test_a_field_is_read_by_the_steps_that_the_film_model_names(path: str, classes: str) -> None:
    assert READS[path] == classes


def test_every_field_of_film_scene_and_shot_states_its_classes() -> None:
    for model in (Storyboard, Scene, Shot):
        for name, info in model.model_fields.items():
            assert schema.reads(info, "unstated") != "unstated" or (model, name) == (Storyboard, "scenes"), name
    assert all(set(classes) <= set(CLASSES) for classes in READS.values())


def test_parts_are_found_by_their_id(lighthouse: Storyboard) -> None:
    assert lighthouse.shot("dark").same_as == "beam"
    assert lighthouse.scene_of("dark").id == "s3"
    assert lighthouse.name_of("maren") == "Maren"
    assert lighthouse.name_of("the-other") == "The Other"
    with pytest.raises(KeyError):
        lighthouse.shot("nobody")
