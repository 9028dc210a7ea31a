"""Exact timesteps, and which expert works, of every tier."""

import pytest
import torch
from diffusers import FlowMatchEulerDiscreteScheduler

from functions.contract.base import Tier
from functions.motion_wan.denoise import stretches
from functions.motion_wan.recipes import family
from functions.motion_wan.schedule import Schedule


def test_the_draft_takes_two_steps_on_each_expert_at_the_distilled_timesteps() -> None:
    schedule = Schedule(family("motion-wan").draft)
    assert [step.timestep for step in schedule.steps] == pytest.approx([1000, 937.5, 833.3333, 625], abs=1e-3)
    assert [step.expert for step in schedule.steps] == ["high", "high", "low", "low"]
    assert {step.guidance for step in schedule.steps} == {1.0}


def test_the_number_of_steps_alone_would_give_other_timesteps() -> None:
    alone = FlowMatchEulerDiscreteScheduler(shift=5.0)
    alone.set_timesteps(4)
    assert alone.timesteps.round().tolist() == [1000, 910, 717, 24]


@pytest.mark.parametrize(("tier", "high", "low"), [("standard", 8, 12), ("final", 15, 25)])
def test_guided_tiers_change_experts_at_the_boundary(tier: Tier, high: int, low: int) -> None:
    schedule = Schedule(family("motion-wan").tier(tier))
    assert [step.expert for step in schedule.steps] == ["high"] * high + ["low"] * low
    assert {step.guidance for step in schedule.steps} == {3.5}
    assert stretches(schedule.steps) == [(0, high), (high, high + low)]
    edge = [step.timestep for step in schedule.steps]
    assert edge[high - 1] >= 900 > edge[high]


def test_the_final_tier_has_the_timesteps_of_shift_5() -> None:
    sigmas = torch.linspace(1, 1 / 1000, 41, dtype=torch.float64)[:-1]
    shifted = 5 * sigmas / (1 + 4 * sigmas)
    wanted = (shifted * 1000).to(torch.int64).tolist()
    found = [int(step.timestep) for step in Schedule(family("motion-wan").final).steps]
    assert all(abs(a - b) <= 1 for a, b in zip(found, wanted, strict=True)), (found, wanted)


@pytest.mark.parametrize(("tier", "steps"), [("draft", 20), ("standard", 35), ("final", 50)])
def test_the_small_engine_has_one_expert_and_guidance_5(tier: Tier, steps: int) -> None:
    schedule = Schedule(family("motion-wan-small").tier(tier))
    assert len(schedule.steps) == steps
    assert {(step.expert, step.guidance) for step in schedule.steps} == {("high", 5.0)}
    assert schedule.steps[0].timestep == 999
