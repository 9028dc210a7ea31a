"""Every way of placing a model gives the same numbers, and keeps to the plan's memory."""

from collections.abc import Callable
from pathlib import Path
from types import MappingProxyType

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from functions.contract.errors import EngineError
from functions.models.device import Device
from functions.models.eightbit import quantise
from functions.models.load import load_module
from functions.models.plan import KINDS, ModelSize, Placement, Plan
from functions.models.staging import Model, Stages, grouping

GB = 10**9
DEVICE = Device("cpu", 8 * GB, 16 * GB, 16 * GB, (0, 0), "cpu with a budget", False, "native")


class Network(nn.Module):
    """A few repeated blocks between two ends."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(8, 16), nn.Linear(16, 4)
        self.blocks = nn.ModuleList(nn.Linear(16, 16) for _ in range(4))
        self.register_buffer("shift", torch.ones(16), persistent=False)

    def forward(self, values: Tensor) -> Tensor:
        values = self.first(values) + self.shift
        for block in self.blocks:
            values = torch.tanh(block(values))
        made: Tensor = self.last(values)
        return made


@pytest.fixture
def loads() -> list[str]:
    """The name of each load."""
    return []


@pytest.fixture
def make(tmp_path: Path, loads: list[str]) -> Callable[..., Model]:
    """Models of one set of weights."""
    torch.manual_seed(0)
    save_file(Network().state_dict(), tmp_path / "model.safetensors")

    def load(where: torch.device) -> nn.Module:
        loads.append("load")
        return load_module(Network, [tmp_path / "model.safetensors"], where)

    def model(key: str = "network", nbytes: int = GB) -> Model:
        size = ModelSize("network", nbytes, GB, quantisable=True)
        return Model(key, size, load, quantise=lambda module: void(quantise(module, "int8-storage")))

    return model


def void(_: object) -> None:
    """Nothing."""


def plan(placement: Placement) -> Plan:
    placements: dict[str, Placement] = {"network": placement}
    return Plan(MappingProxyType(placements), False, "bf16", placement, 2 * GB, (), 8 * GB, 16 * GB, 16 * GB)


VALUES = torch.linspace(-1, 1, 24).reshape(3, 8)


def made(stages: Stages, model: Model) -> Tensor:
    with stages.use(model) as network, torch.no_grad():
        result: Tensor = network(VALUES)
    return result


@pytest.mark.parametrize("placement", KINDS)
def test_a_placement_changes_no_number(make: Callable[..., Model], placement: Placement) -> None:
    model, plain, stages = make(), Stages(DEVICE), Stages(DEVICE)
    plain.follow(plan("resident"))
    stages.follow(plan(placement))
    wanted = made(plain, model)
    for _ in range(2):
        got = made(stages, model)
        if placement.startswith("quantised"):
            assert 0 < float((got - wanted).abs().max()) < 0.05
        else:
            assert torch.equal(got, wanted)


@pytest.mark.parametrize(
    ("placement", "count"), [("resident", 1), ("model_offload", 1), ("group_offload", 1), ("reload", 3)]
)
def test_a_model_is_read_as_often_as_its_placement_says(
    make: Callable[..., Model], loads: list[str], placement: Placement, count: int
) -> None:
    stages = Stages(DEVICE)
    stages.follow(plan(placement))
    for _ in range(3):
        made(stages, make())
    assert len(loads) == count


@pytest.mark.parametrize("placement", ["reload", "quantised_reload"])
def test_what_is_read_for_its_stage_gives_its_memory_back_whoever_holds_it(
    make: Callable[..., Model], placement: Placement
) -> None:
    stages = Stages(DEVICE)
    stages.follow(plan(placement))
    with stages.use(make()) as network:
        assert sum(tensor.numel() for tensor in (*network.parameters(), *network.buffers())) > 0
    assert sum(tensor.numel() for tensor in (*network.parameters(), *network.buffers())) == 0


def test_the_least_recently_used_goes_where_memory_is_short(make: Callable[..., Model], loads: list[str]) -> None:
    stages = Stages(DEVICE)
    stages.follow(plan("resident"))
    for key in ("a", "b", "a", "c", "a", "b"):
        made(stages, make(key, 2 * GB))
    assert len(loads) == 4


def test_a_failure_inside_lets_go_of_everything(make: Callable[..., Model]) -> None:
    stages = Stages(DEVICE)
    stages.follow(plan("model_offload"))
    made(stages, make())
    with pytest.raises(RuntimeError, match="broken"), stages.guard():
        raise RuntimeError("broken")
    assert stages.onboard.used_bytes == stages.aside.used_bytes == 0


def test_without_a_plan_nothing_is_placed(make: Callable[..., Model]) -> None:
    with pytest.raises(EngineError, match="call follow"), Stages(DEVICE).use(make()):
        pass


def test_a_model_whose_blocks_lie_deeper_is_streamed_leaf_by_leaf() -> None:
    assert grouping(Network()) == "block_level"
    assert grouping(nn.Sequential(Network())) == "leaf_level"
