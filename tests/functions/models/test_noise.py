"""Noise that is the same everywhere."""

import torch

from functions.models.noise import derived_seed, generator, noise


def test_the_same_job_draws_the_same_numbers_and_these_numbers() -> None:
    assert torch.equal(noise((2, 3), 7, "initial"), noise((2, 3), 7, "initial"))
    golden = torch.tensor([1.4288496, -0.6777546, 1.2311381, -0.3295707])
    torch.testing.assert_close(noise((4,), 7, "initial"), golden, atol=1e-6, rtol=0)


def test_each_use_and_candidate_has_its_own() -> None:
    seeds = {derived_seed(s, p, i) for s in (0, 1, 2**53 - 1) for p in ("initial", "sde", "decode") for i in (0, 1, 2)}
    assert len(seeds) == 27
    assert all(0 <= seed < 2**63 for seed in seeds)
    assert not torch.equal(noise((8,), 7, "initial", 0), noise((8,), 7, "initial", 1))


def test_a_use_does_not_depend_on_what_others_drew() -> None:
    torch.manual_seed(1)
    first = noise((8,), 7, "sde")
    torch.randn(100)
    generator(7, "initial")
    assert torch.equal(noise((8,), 7, "sde"), first)


def test_it_is_standard_normal_in_fp32_on_the_cpu() -> None:
    drawn = noise((100_000,), 3, "initial")
    assert (drawn.dtype, drawn.device.type) == (torch.float32, "cpu")
    assert abs(float(drawn.mean())) < 0.02
    assert abs(float(drawn.std()) - 1) < 0.02
