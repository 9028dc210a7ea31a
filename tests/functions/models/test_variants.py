"""Adapters as variants of a module's weights."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from functions.models.adapters import Lora, read_lora
from functions.models.eightbit import EightBitLinear, quantise
from functions.models.variants import Variants, variant_key


def model(dtype: torch.dtype = torch.bfloat16) -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(32, 32), nn.Linear(32, 16)).to(dtype).requires_grad_(False)


SHAPES = {name: tuple(weight.shape) for name, weight in model().named_parameters()}


def lora(folder: Path, *layers: int, seed: int = 1, size: float = 0.05) -> Lora:
    generator = torch.Generator().manual_seed(seed)
    held = {}
    for number in layers:
        high, wide = SHAPES[f"{number}.weight"]
        held[f"{number}.lora_A.weight"] = size * torch.randn(4, wide, generator=generator)
        held[f"{number}.lora_B.weight"] = torch.randn(high, 4, generator=generator)
    path = folder / f"{seed}.safetensors"
    save_file(held, path)
    return read_lora(path, SHAPES)


def weights(module: nn.Module) -> dict[str, Tensor]:
    return {name: weight.clone() for name, weight in module.named_parameters()}


def test_the_delta_is_added_in_fp32_and_rounded_once(tmp_path: Path) -> None:
    variants, one, two = Variants.of(model()), lora(tmp_path, 0), lora(tmp_path, 0, 1, seed=2)
    made = weights(variants.put([(one, 0.8), (two, 0.5)]))
    base = weights(model())
    exact = base["0.weight"].float() + 0.8 * one.delta("0.weight") + 0.5 * two.delta("0.weight")
    assert torch.equal(made["0.weight"], exact.bfloat16())
    # In bf16 from the first sum on, another number comes out: that is what fp32 is for.
    coarse = base["0.weight"] + (0.8 * one.delta("0.weight")).bfloat16() + (0.5 * two.delta("0.weight")).bfloat16()
    assert not torch.equal(made["0.weight"], coarse)
    assert torch.equal(made["0.bias"], base["0.bias"])


def test_going_through_variants_and_back_leaves_the_base_bit_for_bit(tmp_path: Path) -> None:
    variants, one, two = Variants.of(model()), lora(tmp_path, 0), lora(tmp_path, 1, seed=2)
    for adapters in ([(one, 1.0)], [(one, -2.0), (two, 0.3)], [(two, 1.0)], []):
        variants.put(adapters)
    base = weights(model())
    assert all(torch.equal(weight, base[name]) for name, weight in weights(variants.module).items())


def test_a_variant_does_not_depend_on_what_was_there_before(tmp_path: Path) -> None:
    one, two = lora(tmp_path, 0), lora(tmp_path, 0, 1, seed=2)
    variants, fresh = Variants.of(model()), Variants.of(model())
    variants.put([(two, 1.0)])
    assert all(
        torch.equal(a, b)
        for a, b in zip(
            weights(variants.put([(one, 1.0)])).values(), weights(fresh.put([(one, 1.0)])).values(), strict=True
        )
    )


def test_the_module_and_its_memory_stay_the_same(tmp_path: Path) -> None:
    module = model()
    before = {name: weight.data_ptr() for name, weight in module.named_parameters()}
    assert Variants.of(module).put([(lora(tmp_path, 0, 1), 1.0)]) is module
    assert {name: weight.data_ptr() for name, weight in module.named_parameters()} == before


def test_a_quantised_module_takes_the_sum_quantised(tmp_path: Path) -> None:
    plain, module = Variants.of(model()), model()
    variants = Variants.of(module)
    quantise(module, "int8-storage")
    one = lora(tmp_path, 0)
    plain.put([(one, 1.0)])
    variants.put([(one, 1.0)])
    layer, wanted = module[0], plain.module.get_submodule("0").get_parameter("weight").float()
    assert isinstance(layer, EightBitLinear)
    assert float((layer.weight_of(torch.float32) - wanted).abs().max() / wanted.abs().max()) < 0.01
    before = layer.codes.clone()
    variants.put([])
    assert not torch.equal(layer.codes, before)


def test_after_a_failure_half_way_the_next_variant_is_whole(tmp_path: Path) -> None:
    module = model()
    base = weights(module)
    one, other = lora(tmp_path, 0, 1), lora(tmp_path, 1, seed=2)
    served = []

    def pristine(names: object) -> dict[str, Tensor]:
        served.append(names)
        return {"0.weight": base["0.weight"]} if len(served) == 1 else base

    variants = Variants(module, pristine)
    with pytest.raises(KeyError):
        variants.put([(one, 1.0)])
    variants.put([(other, 1.0)])
    assert torch.equal(weights(module)["0.weight"], base["0.weight"])


def test_keys_tell_base_order_strength_and_precision_apart() -> None:
    keys = {
        variant_key("a", [("x", 800), ("y", 500)], "bf16"),
        variant_key("a", [("y", 500), ("x", 800)], "bf16"),
        variant_key("a", [("x", 801), ("y", 500)], "bf16"),
        variant_key("a", [("x", 800), ("y", 500)], "8bit"),
        variant_key("b", [("x", 800), ("y", 500)], "bf16"),
    }
    assert len(keys) == 5
