"""Offload plans: laws over random models and memories, and the cases that engines will meet."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from functions.contract.errors import OutOfMemory
from functions.models.plan import HEADROOM, KINDS, STREAMED_RAM, ModelSize, Numerics, Plan, fits, make_plan, smaller

GB = 10**9
NUMERICS: list[Numerics] = ["bf16", "8bit", "any"]


def wan(*, quantisable: bool = True) -> list[ModelSize]:
    """Wan 2.2 A14B: bytes as stored in bf16, working memory as measured for 832x480x81."""
    return [
        ModelSize("text_encoder", 11_400_000_000, GB),
        ModelSize("transformer", 28_600_000_000, 9 * GB, "denoise", quantisable=quantisable, window_bytes=2 * GB),
        ModelSize("transformer_2", 28_600_000_000, 9 * GB, "low", quantisable=quantisable, window_bytes=2 * GB),
        ModelSize("vae", 500_000_000, 12 * GB, tiled_bytes=3 * GB),
    ]


@st.composite
def models(draw: st.DrawFn) -> list[ModelSize]:
    count = draw(st.integers(1, 3))
    return [
        ModelSize(
            f"m{number}",
            draw(st.sampled_from([1, GB // 2, 2 * GB, 5 * GB, 11 * GB, 15 * GB, 29 * GB])),
            draw(st.sampled_from([0, GB, 4 * GB, 9 * GB, 12 * GB])),
            draw(st.sampled_from(["", "a", "b"])),
            draw(st.sampled_from([0, GB])),
            draw(st.booleans()),
        )
        for number in range(count)
    ]


memory = st.sampled_from([GB, 4 * GB, 8 * GB, 12 * GB, 16 * GB, 24 * GB, 33 * GB, 48 * GB, 80 * GB, 256 * GB])
"""Bytes that cards and machines have; drawn evenly, so that plans of every kind come up."""
numerics = st.sampled_from(NUMERICS)


def planned(sizes: list[ModelSize], vram: int, ram: int, pinnable: int, how: Numerics) -> Plan | None:
    try:
        return make_plan(sizes, vram, ram, pinnable, how)
    except OutOfMemory:
        return None


def price(plan: Plan) -> tuple[float, bool]:
    return sum(KINDS[plan.placements[m.name]].price * m.bytes for m in plan.models), plan.tiling


@given(models(), memory, memory, memory, numerics)
def test_a_plan_keeps_within_vram_ram_and_what_can_be_pinned(
    sizes: list[ModelSize], vram: int, ram: int, pinnable: int, how: Numerics
) -> None:
    plan = planned(sizes, vram, ram, pinnable, how)
    if plan is None:
        return
    by_kind = [(size, KINDS[plan.placements[size.name]]) for size in sizes]
    assert sum(size.bytes * kind.pinned for size, kind in by_kind) <= pinnable
    assert sum(size.bytes * kind.ram for size, kind in by_kind) <= ram
    always = sum(int(size.bytes * kind.share) for size, kind in by_kind if kind.vram == "always")
    for stage in {size.stage for size in sizes}:
        own = [(size, kind) for size, kind in by_kind if size.stage == stage]
        there = sum(int(size.bytes * kind.share) for size, kind in own if kind.vram == "stage")
        work = max(size.tiled_bytes if plan.tiling and size.tiled_bytes else size.activation_bytes for size, _ in own)
        assert always + there + work <= plan.peak_vram_bytes <= vram * (1 - HEADROOM)


@given(models(), memory, memory, memory, numerics)
def test_streaming_needs_a_pinned_copy_and_room_beside_it(
    sizes: list[ModelSize], vram: int, ram: int, pinnable: int, how: Numerics
) -> None:
    plan = planned(sizes, vram, ram, pinnable, how)
    streamed = [s for s in sizes if plan is not None and plan.placements[s.name] == "group_offload"]
    assert sum(size.bytes for size in streamed) * STREAMED_RAM <= min(ram, pinnable) + 1


@given(models(), memory, memory, memory, memory, numerics)
def test_more_vram_never_makes_a_worse_plan(
    sizes: list[ModelSize], vram: int, more: int, ram: int, pinnable: int, how: Numerics
) -> None:
    less, plan = planned(sizes, vram, ram, pinnable, how), planned(sizes, vram + more, ram, pinnable, how)
    assert less is None or (plan is not None and _tiled(plan) <= _tiled(less))


@given(models(), memory, memory, memory, memory, numerics)
def test_more_ram_never_makes_a_worse_plan(
    sizes: list[ModelSize], vram: int, more: int, ram: int, pinnable: int, how: Numerics
) -> None:
    less, plan = planned(sizes, vram, ram, pinnable, how), planned(sizes, vram, ram + more, pinnable, how)
    assert less is None or (plan is not None and _tiled(plan) <= _tiled(less))


def _tiled(plan: Plan) -> float:
    return price(plan)[0] + (100 * GB if plan.tiling else 0)


@given(models(), memory, memory, memory, numerics)
def test_precision_is_that_of_the_numerics_class(
    sizes: list[ModelSize], vram: int, ram: int, pinnable: int, how: Numerics
) -> None:
    plan = planned(sizes, vram, ram, pinnable, how)
    if plan is None:
        return
    eight = {name for name, placement in plan.placements.items() if placement.startswith("quantised")}
    able = {size.name for size in sizes if size.quantisable}
    assert eight <= able
    assert how != "bf16" or not eight
    assert how != "8bit" or eight == able
    assert plan.precision == ("8bit" if eight else "bf16")


@given(models(), memory, memory, memory, numerics)
@settings(max_examples=60)
def test_each_smaller_plan_peaks_lower_until_there_is_none(
    sizes: list[ModelSize], vram: int, ram: int, pinnable: int, how: Numerics
) -> None:
    plan, count = planned(sizes, vram, ram, pinnable, how), 0
    while plan is not None:
        assert fits(sizes, plan.placements, plan.tiling, vram, ram, pinnable)
        less = smaller(plan)
        assert less is None or less.peak_vram_bytes <= 0.9 * plan.peak_vram_bytes
        plan, count = less, count + 1
    assert count < 200


@given(models(), memory, memory, memory, numerics)
@example([ModelSize("m0", GB, GB)], GB, GB, GB, "any")
@settings(max_examples=30)
def test_a_plan_is_a_function_of_its_arguments(
    sizes: list[ModelSize], vram: int, ram: int, pinnable: int, how: Numerics
) -> None:
    assert planned(sizes, vram, ram, pinnable, how) == planned(sizes, vram, ram, pinnable, how)


@pytest.mark.parametrize(
    ("vram", "how", "why"),
    [
        (141, "bf16", "all resident"),
        (80, "8bit", "transformer quantised; transformer_2 quantised"),
        (80, "bf16", "text_encoder model_offload"),
        (32, "8bit", "text_encoder model_offload; transformer quantised_offload; transformer_2 quantised_offload"),
    ],
)
def test_a_large_model_on_cards_that_people_have(vram: int, how: Numerics, why: str) -> None:
    plan = make_plan(wan(), vram * GB, 256 * GB, 200 * GB, how)
    assert plan.why == why
    assert not plan.tiling


def test_little_ram_makes_it_read_from_disk_again_rather_than_stream() -> None:
    sizes = wan(quantisable=False)
    assert "group_offload" in set(make_plan(sizes, 16 * GB, 256 * GB, 200 * GB, "any").placements.values())
    small = make_plan(sizes, 48 * GB, 16 * GB, 16 * GB, "any")
    assert set(small.placements.values()) <= {"resident", "reload", "model_offload"}
    assert "reload" in small.placements.values()


def test_what_cannot_be_pinned_is_not_streamed() -> None:
    sizes = [ModelSize("unet", 20 * GB, GB, window_bytes=2 * GB)]
    assert make_plan(sizes, 8 * GB, 64 * GB, 26 * GB, "any").why == "unet group_offload"
    with pytest.raises(OutOfMemory):
        make_plan(sizes, 8 * GB, 64 * GB, 25 * GB, "any")


def test_where_nothing_fits_it_says_what_there_is() -> None:
    with pytest.raises(OutOfMemory, match=r"no plan lets .* run in 4000000000 bytes of VRAM"):
        make_plan(wan(), 4 * GB, 8 * GB, 4 * GB, "bf16")


def test_without_a_gpu_everything_stays_where_it_is_and_the_smaller_plan_is_tiled() -> None:
    plan = make_plan(wan(), 0, 8 * GB, 0, "bf16")
    assert set(plan.placements.values()) == {"resident"}
    less = smaller(plan)
    assert less is not None
    assert less.tiling
    assert smaller(less) is None


def test_without_a_gpu_the_numerics_class_holds_too() -> None:
    assert make_plan(wan(), 0, 8 * GB, 0, "8bit").placements["transformer"] == "quantised"
