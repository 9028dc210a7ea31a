"""The order in which steps are made."""

from control.graph.model import Source, Step
from control.graph.urgency import urgency
from functions.contract.params import Sound


def step(path: str, *needs: str) -> Step:
    inputs = {f"in{i}": Source(step=need, output="sound.wav") for i, need in enumerate(needs)}
    params = Sound(prompt="wind", role="hit", samples=48_000, seed=1)
    return Step(path=path, kind="sound", engine="sound-synth", params=params, inputs=inputs, outputs=("sound.wav",))


def test_a_step_is_as_urgent_as_the_longest_chain_behind_it() -> None:
    steps = [step("key"), step("line"), step("clip", "key"), step("mix", "line"), step("film", "clip", "mix")]
    found = urgency(steps, {"key": 1, "line": 1, "clip": 2, "mix": 6, "film": 1})
    assert found == {"film": 1, "mix": 7, "line": 8, "clip": 3, "key": 4}


def test_it_takes_the_longer_of_two_ways() -> None:
    steps = [step("a"), step("b", "a"), step("c", "a"), step("d", "b", "c")]
    assert urgency(steps, {"a": 1, "b": 1, "c": 5, "d": 1})["a"] == 7
