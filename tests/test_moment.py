"""Chance is a function of (seed, step, purpose), and of the global batch."""

import torch

from atelier.moment import Moment


def test_a_draw_depends_on_seed_step_and_purpose_alone() -> None:
    first = Moment(1, 2, epoch=0.3).normal("latent", 4, 3)
    torch.rand(100)  # the global generator is nobody's business here
    assert torch.equal(first, Moment(1, 2, epoch=0.9).normal("latent", 4, 3))
    others = [
        Moment(2, 2).normal("latent", 4, 3),
        Moment(1, 3).normal("latent", 4, 3),
        Moment(1, 2).normal("x", 4, 3),
    ]
    assert not any(torch.equal(first, other) for other in others)


def test_the_global_generator_is_not_touched() -> None:
    before = torch.get_rng_state()
    moment = Moment(0, 0)
    moment.normal("a", 3), moment.uniform("b", 3), moment.integers("c", 3, low=0, high=9)
    assert torch.equal(before, torch.get_rng_state())


def test_ranks_share_the_global_batchs_draw() -> None:
    whole = Moment(0, 5).uniform("flip", 8, 2, low=-1, high=1)
    halves = [Moment(0, 5, rank=rank, world=2).uniform("flip", 4, 2, low=-1, high=1) for rank in (0, 1)]
    assert torch.equal(whole, torch.cat(halves))


def test_scopes_keep_purposes_apart() -> None:
    moment = Moment(0, 0)
    assert not torch.equal(moment.within("real").normal("x", 5), moment.within("fake").normal("x", 5))
    assert torch.equal(moment.within("d").within("real").normal("x", 5), moment.within("d/real").normal("x", 5))
    # Neighbouring (seed, step) pairs must not meet either.
    assert not torch.equal(Moment(1, 11).normal("x", 5), Moment(11, 1).normal("x", 5))
