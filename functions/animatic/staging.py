"""Staging: words to planes."""

from functions.animatic import framing
from functions.animatic.canvas import View
from functions.animatic.places import sea, sky
from functions.animatic.places.setting import Setting
from functions.animatic.planes import Plane
from functions.animatic.scene import Scene


def stage_planes(scene: Scene, view: View) -> list[Plane]:
    s = Setting(scene, view, framing.horizon(scene), framing.backdrop_metres(scene))
    sky.sky(s)
    sea.water(s)
    sea.lighthouse(s)
    return sorted(s.planes, key=lambda p: p.parallax)
