import pytest
import torch
from diffusers import UNet2DConditionModel

from functions.contract.errors import OutputRefused
from functions.models.sdxl import weights
from functions.models.sdxl.text import Words
from functions.train_lora import lora
from functions.train_lora.training import Lesson, Trainer
from tests.servers.checkpoints.sdxl import FIRST, SECOND, tiny_unet


@pytest.fixture
def unet() -> UNet2DConditionModel:
    torch.manual_seed(3)
    return tiny_unet().requires_grad_(False)


def words() -> Words:
    draw = torch.Generator().manual_seed(1)
    return Words(torch.randn(2, 77, FIRST + SECOND, generator=draw), torch.randn(2, SECOND, generator=draw))


def lesson(value: float = 0.5) -> Lesson:
    return Lesson(torch.full((1, 4, 8, 8), value), torch.full((1, 4, 8, 8), 0.1), 0, (64, 64, 0, 0, 64, 64))


def trainer(unet: UNet2DConditionModel, *own: Lesson, prior: tuple[Lesson, ...] = ()) -> Trainer:
    return Trainer(unet, words(), own, prior, weights.schedule(), seed=5)


def test_steps_against_the_gradient_lower_the_loss(unet: UNet2DConditionModel) -> None:
    learning = lora.attach(unet, 4, 1)
    teacher, optimiser = trainer(unet, lesson()), torch.optim.AdamW(learning, lr=2e-2)
    losses = []
    for _ in range(25):
        losses.append(teacher.loss(0))
        optimiser.step()
        optimiser.zero_grad()
    assert losses[-1] < 0.8 * losses[0]


def test_fresh_pairs_change_nothing_and_only_they_learn(unet: UNet2DConditionModel) -> None:
    noisy, more = torch.randn(1, 4, 8, 8), {"text_embeds": words().pooled[:1], "time_ids": torch.ones(1, 6)}
    plain = unet(noisy, 7, words().states[:1], added_cond_kwargs=more).sample
    learning = lora.attach(unet, 4, 1)
    assert torch.equal(unet(noisy, 7, words().states[:1], added_cond_kwargs=more).sample, plain)
    trainer(unet, lesson()).loss(0)
    assert all(p.grad is not None for p in learning)
    assert sum(p.grad is not None for p in unet.parameters()) == len(learning)


def test_each_step_is_the_same_whenever_it_is_made(unet: UNet2DConditionModel) -> None:
    lora.attach(unet, 4, 1)
    one, other = (trainer(unet, lesson(), lesson(-0.5)) for _ in range(2))
    assert [one.loss(step) for step in (0, 1, 2, 3)][2:] == [other.loss(step) for step in (2, 3)]
    assert one.loss(0) != one.loss(1)


def test_every_lesson_comes_once_in_an_epoch(unet: UNet2DConditionModel) -> None:
    lora.attach(unet, 4, 1)
    still = [Lesson(lesson(v).mean, torch.zeros(1, 4, 8, 8), 0, lesson().ids) for v in (0.0, 3.0, 9.0)]
    among = trainer(unet, *still)
    chosen = [float(among._chosen(still, step, "order").mean[0, 0, 0, 0]) for step in range(6)]
    assert sorted(chosen[:3]) == sorted(chosen[3:]) == [0.0, 3.0, 9.0]


def test_the_class_is_learned_beside_the_character(unet: UNet2DConditionModel) -> None:
    learning = lora.attach(unet, 4, 1)

    def gradient(*prior: Lesson) -> torch.Tensor:
        trainer(unet, lesson(), prior=prior).loss(0)
        found = torch.cat([p.grad.ravel() for p in learning if p.grad is not None])
        for p in learning:
            p.grad = None
        return found

    assert not torch.equal(gradient(), gradient(lesson(-2.0)))


def test_a_loss_that_is_no_number_ends_the_job(unet: UNet2DConditionModel) -> None:
    lora.attach(unet, 4, 1)
    with pytest.raises(OutputRefused, match="step 1"):
        trainer(unet, lesson(float("nan"))).loss(0)
