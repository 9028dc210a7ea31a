"""Linear layers in 8 bit: how far from fp32 they are, and what they leave alone."""

import pytest
import torch
from torch import Tensor, nn

from functions.models.eightbit import EightBitLinear, Format, outside, quantise, quantised_rows

LIMITS: dict[Format, float] = {"fp8": 0.05, "fp8-storage": 0.04, "int8-storage": 0.012}
"""Relative L2 error of a product of normal numbers; e4m3 has 3 bits behind the point, so about 2.6 % a factor."""


def numbers(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def layer(wide: int = 64, high: int = 48, *, bias: bool = True) -> nn.Linear:
    linear = nn.Linear(wide, high, bias=bias)
    linear.weight.data = numbers(high, wide, seed=1)
    return linear.requires_grad_(False)


def error(got: Tensor, wanted: Tensor) -> float:
    return float((got.float() - wanted).norm() / wanted.norm())


@pytest.mark.parametrize("kind", LIMITS)
@pytest.mark.parametrize("bias", [True, False])
def test_a_product_in_8_bit_is_near_that_in_32(kind: Format, bias: bool) -> None:
    linear, values = layer(bias=bias), numbers(2, 7, 64)
    made = EightBitLinear(linear, kind)(values)
    assert made.shape == (2, 7, 48)
    assert made.dtype == values.dtype
    assert 1e-4 < error(made, linear(values)) < LIMITS[kind]


@pytest.mark.parametrize("kind", LIMITS)
def test_an_outlier_in_one_row_or_token_costs_the_others_nothing(kind: Format) -> None:
    linear, values = layer(bias=False), numbers(8, 64)
    linear.weight.data[0] *= 1000
    values[0] *= 1000
    made, wanted = EightBitLinear(linear, kind)(values), linear(values)
    assert error(made[1:, 1:], wanted[1:, 1:]) < LIMITS[kind]


@pytest.mark.parametrize("kind", LIMITS)
def test_a_row_and_a_token_of_zeros_stay_zero(kind: Format) -> None:
    linear, values = layer(bias=False), numbers(4, 64)
    linear.weight.data[3] = 0
    values[2] = 0
    made = EightBitLinear(linear, kind)(values)
    assert not made[:, 3].any()
    assert not made[2].any()


def test_codes_take_a_quarter_of_the_bytes() -> None:
    codes, scale = quantised_rows(numbers(32, 64), "fp8")
    assert codes.element_size() == 1
    assert scale.shape == (32, 1)
    assert scale.dtype == torch.float32


@pytest.mark.parametrize("kind", LIMITS)
def test_another_weight_is_copied_into_the_same_memory(kind: Format) -> None:
    eight, other = EightBitLinear(layer(), kind), layer()
    other.weight.data = numbers(48, 64, seed=5)
    before = eight.codes.data_ptr(), eight.scale.data_ptr()
    eight.set_weight(other.weight)
    assert (eight.codes.data_ptr(), eight.scale.data_ptr()) == before
    fresh = EightBitLinear(other, kind)
    assert torch.equal(eight.codes.view(torch.uint8), fresh.codes.view(torch.uint8))
    assert torch.equal(eight.scale, fresh.scale)


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.to_q, self.odd, self.norm = nn.Linear(32, 32), nn.Linear(32, 20), nn.LayerNorm(32)


class Model(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Linear(32, 32)
        self.blocks = nn.ModuleList([Block(), Block()])


def test_only_layers_inside_the_blocks_whose_sides_fit_are_changed() -> None:
    model = Model()
    assert quantise(model, "fp8", outside("blocks")) == 2
    assert isinstance(model.blocks[1].get_submodule("to_q"), EightBitLinear)
    assert isinstance(model.blocks[1].get_submodule("odd"), nn.Linear)
    assert isinstance(model.embed, nn.Linear)


def test_values_in_half_precision_stay_so() -> None:
    for kind in LIMITS:
        made = EightBitLinear(layer().bfloat16(), kind)(numbers(3, 64).bfloat16())
        assert made.dtype == torch.bfloat16
