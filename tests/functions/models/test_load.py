"""Modules filled from safetensors."""

import json
import struct
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from transformers import T5Config, T5EncoderModel

from functions.contract.errors import EngineError
from functions.models import load, tensors
from functions.models.load import load_module
from functions.models.names import wan_native


class Model(nn.Module):
    """Parameters, a buffer that files hold, and one that they do not."""

    _keep_in_fp32_modules = ("norm",)

    def __init__(self) -> None:
        super().__init__()
        self.linear, self.norm = nn.Linear(8, 4), nn.LayerNorm(4)
        self.register_buffer("count", torch.tensor(3))
        self.register_buffer("phases", torch.arange(8.0), persistent=False)

    def forward(self, values: Tensor) -> Tensor:
        made: Tensor = self.norm(self.linear(values * self.get_buffer("phases")))
        return made


def filled(seed: int = 1) -> Model:
    torch.manual_seed(seed)
    return Model()


def saved(folder: Path, state: dict[str, Tensor], name: str = "model.safetensors") -> Path:
    path = folder / name
    save_file({key: tensor.contiguous() for key, tensor in state.items()}, path)
    return path


def test_the_module_computes_what_the_saved_one_did(tmp_path: Path) -> None:
    module = filled()
    state = module.state_dict()
    files = [
        saved(tmp_path, {k: v for k, v in state.items() if k.startswith("linear")}, "one.safetensors"),
        saved(tmp_path, {k: v for k, v in state.items() if not k.startswith("linear")}, "two.safetensors"),
    ]
    loaded = load_module(Model, files, "cpu")
    values = torch.randn(2, 8)
    assert torch.equal(loaded(values), module(values))
    assert not loaded.training
    assert not any(p.requires_grad for p in loaded.parameters())
    assert {tensor.device.type for tensor in (*loaded.parameters(), *loaded.buffers())} == {"cpu"}


def test_tensors_are_cast_but_those_that_the_class_keeps_and_whole_numbers(tmp_path: Path) -> None:
    path = saved(tmp_path, filled().state_dict())
    loaded = load_module(Model, [path], "cpu", torch.bfloat16)
    assert loaded.linear.weight.dtype == torch.bfloat16
    assert loaded.norm.weight.dtype == torch.float32
    assert loaded.get_buffer("count").dtype == torch.int64
    assert load_module(Model, [path], "cpu").linear.weight.dtype == torch.float32


@pytest.mark.parametrize("key", ["linear.weight", "count", "norm.bias"])
def test_a_missing_key_is_refused(tmp_path: Path, key: str) -> None:
    state = filled().state_dict()
    del state[key]
    with pytest.raises(EngineError, match=f"1 keys are missing .{key}."):
        load_module(Model, [saved(tmp_path, state)], "cpu")


def test_unknown_keys_are_refused(tmp_path: Path) -> None:
    state = {**filled().state_dict(), **{f"other.{n}": torch.zeros(1) for n in range(9)}}
    with pytest.raises(
        EngineError, match=r"9 keys are unknown \(other\.0, .*, \.\.\.\): these weights are not this model's"
    ):
        load_module(Model, [saved(tmp_path, state)], "cpu")


def test_a_key_of_another_shape_is_refused(tmp_path: Path) -> None:
    state = {**filled().state_dict(), "linear.weight": torch.zeros(4, 9)}
    with pytest.raises(EngineError, match=r"of another shape \(linear\.weight\)"):
        load_module(Model, [saved(tmp_path, state)], "cpu")


def test_a_key_in_two_files_is_refused(tmp_path: Path) -> None:
    state = filled().state_dict()
    files = [saved(tmp_path, state, "one.safetensors"), saved(tmp_path, {"count": torch.tensor(1)}, "two.safetensors")]
    with pytest.raises(EngineError, match="both hold count"):
        load_module(Model, files, "cpu")


def test_files_may_name_things_otherwise(tmp_path: Path) -> None:
    state = {f"module.{name}": tensor for name, tensor in filled().state_dict().items()}
    path = saved(tmp_path, {**state, "optimiser": torch.zeros(3)})
    loaded = load_module(
        Model, [path], "cpu", rename=lambda name: name.removeprefix("module.") if name != "optimiser" else None
    )
    assert torch.equal(loaded.linear.weight, filled().linear.weight)


def test_a_weight_that_two_names_share_is_stored_once(tmp_path: Path) -> None:
    config = T5Config(vocab_size=20, d_model=16, d_kv=8, d_ff=16, num_layers=1, num_heads=2)
    torch.manual_seed(0)
    module = T5EncoderModel(config).eval()
    state = {name: tensor for name, tensor in module.state_dict().items() if name != "encoder.embed_tokens.weight"}
    loaded = load_module(lambda: T5EncoderModel(config), [saved(tmp_path, state)], "cpu")
    ids = torch.tensor([[3, 4, 5]])
    with torch.no_grad():
        assert torch.equal(loaded(ids).last_hidden_state, module(ids).last_hidden_state)
    assert loaded.encoder.embed_tokens.weight.data_ptr() == loaded.shared.weight.data_ptr()


def test_native_names_of_wan_are_its_weights_too() -> None:
    assert wan_native("blocks.3.attn2.to_out.0.bias") == "blocks.3.cross_attn.o.bias"
    assert wan_native("blocks.3.scale_shift_table") == "blocks.3.modulation"
    assert wan_native("scale_shift_table") == "head.modulation"
    assert wan_native("rope.freqs_cos") is None


def test_tensors_larger_than_a_chunk_are_whole(tmp_path: Path) -> None:
    big = torch.randint(0, 255, (load.CHUNK // 2 * 5 + 7,), dtype=torch.uint8)
    held = {
        "big": big,
        "nothing": torch.zeros(0, 3),
        "one": torch.tensor(2.5),
        "eight": torch.ones(3).to(torch.float8_e4m3fn),
    }
    found = load.read(tensors.index(saved(tmp_path, held)), torch.device("cpu"))
    assert torch.equal(found["big"], big)
    assert found["nothing"].shape == (0, 3)
    assert float(found["one"]) == 2.5
    assert torch.equal(found["eight"].float(), torch.ones(3))


def test_what_is_cast_comes_in_batches_and_is_whole(tmp_path: Path) -> None:
    held = {f"w{n}": torch.randn(3, 5, generator=torch.Generator().manual_seed(n)) for n in range(4)}
    held["count"] = torch.tensor(3)
    stored = tensors.index(saved(tmp_path, held))
    found = load.read(stored, torch.device("cpu"), lambda name: torch.bfloat16 if name != "w2" else None)
    assert {name: tensor.dtype for name, tensor in found.items()} == {
        **{f"w{n}": torch.bfloat16 for n in (0, 1, 3)},
        "w2": torch.float32,
        "count": torch.int64,
    }
    assert torch.equal(found["w3"], held["w3"].bfloat16())


def header(entries: object, data: bytes = b"", *, length: int | None = None) -> bytes:
    text = json.dumps(entries).encode() if not isinstance(entries, bytes) else entries
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def entry(dtype: str = "F32", shape: object = (2,), offsets: object = (0, 8)) -> dict[str, object]:
    return {"dtype": dtype, "shape": shape, "data_offsets": offsets}


BROKEN = {
    "empty": b"",
    "cut in the header": header({"a": entry()})[:20],
    "cut in the data": header({"a": entry()}, b"\0" * 7),
    "more than it says": header({"a": entry()}, b"\0" * 9),
    "a giant header": header({}, length=1 << 40),
    "no JSON": header(b"{" * 10),
    "a list": header([1, 2]),
    "an unknown type": header({"a": entry("F4")}, b"\0" * 8),
    "a size that lies": header({"a": entry(shape=(1000, 1000))}, b"\0" * 8),
    "a negative shape": header({"a": entry(shape=(-2, -1))}, b"\0" * 8),
    "offsets backwards": header({"a": entry(offsets=(8, 0))}, b"\0" * 8),
    "offsets beyond": header({"a": entry(offsets=(1 << 50, (1 << 50) + 8))}, b"\0" * 8),
    "an overlap": header({"a": entry(), "b": entry()}, b"\0" * 8),
    "a gap": header({"a": entry(), "b": entry(offsets=(12, 20))}, b"\0" * 20),
    "deep": header(b'{"a":' + b"[" * 100_000),
    "a huge number": header(b'{"a":{"dtype":"F32","shape":[1e400],"data_offsets":[0,8]}}', b"\0" * 8),
}


@pytest.mark.parametrize("how", BROKEN)
def test_a_file_that_is_not_whole_is_refused(tmp_path: Path, how: str) -> None:
    path = tmp_path / "x.safetensors"
    path.write_bytes(BROKEN[how])
    with pytest.raises(EngineError, match=r"x\.safetensors is not a whole safetensors file"):
        tensors.index(path)


def test_what_the_maker_wrote_is_read(tmp_path: Path) -> None:
    save_file({"a": torch.ones(1)}, tmp_path / "a.safetensors", {"trigger": "maren"})
    assert tensors.metadata(tmp_path / "a.safetensors") == {"trigger": "maren"}
    (tmp_path / "b.safetensors").write_bytes(header({"__metadata__": {"a": 3}}))
    with pytest.raises(EngineError):
        tensors.metadata(tmp_path / "b.safetensors")


def test_no_handle_stays_open(tmp_path: Path) -> None:
    path = saved(tmp_path, filled().state_dict())
    before = len(list(Path("/proc/self/fd").iterdir()))
    load_module(Model, [path], "cpu")
    assert len(list(Path("/proc/self/fd").iterdir())) == before


@pytest.mark.parametrize(("dtype", "wide"), [(torch.bfloat16, False), (torch.float16, True)])
def test_a_text_encoder_keeps_weights_in_fp32_only_where_fp16_would_overflow(dtype: torch.dtype, wide: bool) -> None:
    module = T5EncoderModel(T5Config(vocab_size=8, d_model=8, d_kv=4, d_ff=8, num_layers=1, num_heads=2))
    assert ("wo" in load.kept(module, dtype)) == wide


def test_a_part_that_its_class_names_stays_in_fp32() -> None:
    assert load.kept(filled(), torch.bfloat16) == ("norm",)
