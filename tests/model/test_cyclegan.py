"""Laws of the game of two generators and two critics, in real training steps on little images."""

import math
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from pytorch_lightning import Callback, Trainer
from torch import Tensor, nn
from torch.utils.data import DataLoader

import atelier.model.cyclegan as cyclegan_module
from atelier.augment.none import NoAugment
from atelier.game.average import Average
from atelier.game.critic import Critic
from atelier.game.pool import ImagePool
from atelier.game.schedule import Constant, LinearDecay
from atelier.game.turn import turn
from atelier.model.cyclegan import CycleGAN
from atelier.moment import Moment
from atelier.network.instance_norm import InstanceNorm
from atelier.objective.least_squares import LeastSquares
from atelier.regularizer.none import NoRegularizer
from atelier.types import ImageBatch, Mistake, UnpairedBatch

SIDE, CHANNELS = 12, 3
Make = Callable[..., CycleGAN]


def _generator(norm: Callable[[int], nn.Module] = InstanceNorm) -> nn.Module:
    convolution = partial(nn.Conv2d, kernel_size=3, padding=1)
    return nn.Sequential(convolution(CHANNELS, 8), norm(8), nn.ReLU(), convolution(8, CHANNELS), nn.Tanh())


class _Patches(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(CHANNELS, 8, 4, 2), nn.LeakyReLU(0.2), nn.Conv2d(8, 1, 3))

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        return self.layers(images)


@pytest.fixture
def make() -> Make:
    def made(norm: Callable[[int], nn.Module] = InstanceNorm, **changed: Any) -> CycleGAN:
        torch.manual_seed(0)
        adam = partial(torch.optim.Adam, lr=1e-3, betas=(0.5, 0.999))
        parts: dict[str, Any] = {
            "a_to_b": _generator(norm),
            "b_to_a": _generator(norm),
            "critic_a": Critic(_Patches(), LeastSquares(), NoRegularizer(), NoAugment()),
            "critic_b": Critic(_Patches(), LeastSquares(), NoRegularizer(), NoAugment()),
            "pool_a": ImagePool(3),
            "pool_b": ImagePool(3),
            "lambda_a": 10.0,
            "lambda_b": 4.0,
            "identity": 0.5,
            "initialize": lambda network: None,
            "generator_optimizer": adam,
            "discriminator_optimizer": adam,
            "schedule": Constant(),
            "seed": 0,
        }
        return CycleGAN(**(parts | changed))

    return made


def _batch(step: int, size: int = 2, epoch: float = 0.0) -> UnpairedBatch:
    here = Moment(11, step)
    a, b = (here.uniform(side, size, CHANNELS, SIDE, SIDE, low=-1, high=1) for side in "ab")
    return UnpairedBatch(a, b, torch.arange(size), torch.arange(size), step, epoch)


def _fit(
    model: CycleGAN, steps: range, *callbacks: Callback, size: int = 2, ckpt: Path | None = None, **options: Any
) -> Trainer:
    trainer = Trainer(
        accelerator="cpu",
        max_epochs=options.pop("max_epochs", 1),
        callbacks=list(callbacks),
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        **options,
    )
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="pytorch_lightning")
        warnings.filterwarnings("ignore", message=".*LeafSpec.*")
        warnings.filterwarnings("ignore", message=".*in eval mode at the start of training.*")
        loader = DataLoader([_batch(step, size, step / 4) for step in steps], batch_size=None)
        trainer.fit(model, loader, ckpt_path=ckpt, weights_only=None if ckpt is None else True)
    return trainer


def _state(module: nn.Module) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in module.state_dict().items()}


def test_the_generators_move_first_and_whoever_rests_stays_as_it_is(make: Make, monkeypatch: Any) -> None:
    turns: list[str] = []

    @contextmanager
    def watched(table: CycleGAN, player: str, optimizer: Any, *, rests: list[nn.Module]) -> Iterator[Any]:
        critics, generators = [table.critic_a, table.critic_b], [table.a_to_b, table.b_to_a]
        assert rests == (critics if player == "g" else generators)
        resting, moving = map(_state, rests), list(map(_state, generators if player == "g" else critics))
        still = list(resting)
        with turn(table, player, optimizer, rests=rests) as descend:
            yield descend
        turns.append(player)
        for network, before in zip(rests, still, strict=True):
            assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
            assert all(p.requires_grad for p in network.parameters())
        for network, before in zip(generators if player == "g" else critics, moving, strict=True):
            assert not all(torch.equal(value, before[name]) for name, value in network.state_dict().items())

    monkeypatch.setattr(cyclegan_module, "turn", watched)
    _fit(make(), range(3))
    assert turns == ["g", "d"] * 3


def test_the_terms_are_the_paper_s_and_sum_to_the_loss(make: Make) -> None:
    """Zhu et al. 2017, equations 1 to 3 and section 5.2, computed by hand on the first batch."""
    model, batch = make(), _batch(0)
    with torch.no_grad():
        fake_b, fake_a = model.a_to_b(batch.a), model.b_to_a(batch.b)
        judged_b, judged_a = model.critic_b.network(fake_b), model.critic_a.network(fake_a)
        expected = {
            "g/adversarial_a_to_b": (judged_b - 1).square().mean(),
            "g/adversarial_b_to_a": (judged_a - 1).square().mean(),
            "g/cycle_a": 10 * (model.b_to_a(fake_b) - batch.a).abs().mean(),
            "g/cycle_b": 4 * (model.a_to_b(fake_a) - batch.b).abs().mean(),
            "g/identity_a": 5 * (model.b_to_a(batch.a) - batch.a).abs().mean(),
            "g/identity_b": 2 * (model.a_to_b(batch.b) - batch.b).abs().mean(),
            "d/a/adversarial": 0.5 * ((model.critic_a.network(batch.a) - 1).square().mean() + judged_a.square().mean()),
            "d/b/adversarial": 0.5 * ((model.critic_b.network(batch.b) - 1).square().mean() + judged_b.square().mean()),
        }
    _fit(model, range(1))
    seen = model.ledger.close()
    for name, value in expected.items():
        assert seen[name] == pytest.approx(float(value), rel=1e-5), name
    for player in "gd":
        terms = [value for name, value in expected.items() if name.startswith(f"{player}/")]
        assert seen[f"{player}/loss"] == pytest.approx(float(torch.stack(terms).sum()), rel=1e-5)
    assert {"d/a/accuracy_real", "d/b/accuracy_fake", "value_a", "value_b"} <= seen.keys()


def test_identity_0_does_without_the_loss_and_without_its_passes(make: Make) -> None:
    model = make(identity=0.0)
    passes: list[int] = []
    model.a_to_b.register_forward_hook(lambda module, given, made: passes.append(len(made)))
    _fit(model, range(1))
    assert not [name for name in model.ledger.close() if "identity" in name]
    assert passes == [2, 2], "translating and closing the cycle, a batch of 2 each"


@pytest.mark.parametrize(("norm", "passes"), [(InstanceNorm, [4, 2]), (nn.BatchNorm2d, [2, 2, 2])])
def test_images_share_a_pass_only_where_no_norm_mixes_them(
    make: Make, norm: Callable[[int], nn.Module], passes: list[int]
) -> None:
    model, seen = make(norm), []
    model.a_to_b.register_forward_hook(lambda module, given, made: seen.append(len(made)))
    _fit(model, range(1))
    assert seen == passes


def test_a_shared_pass_gives_the_gradients_of_two(make: Make) -> None:
    together, apart = make().double(), make().double()
    apart._mixes = True
    for model in (together, apart):
        _fit(model, range(1))
    for (name, one), two in zip(together.named_parameters(), apart.parameters(), strict=True):
        assert one.grad is not None
        assert two.grad is not None
        assert torch.allclose(one.grad, two.grad, rtol=1e-9, atol=1e-12), name


def test_domains_may_differ_in_size(make: Make) -> None:
    model = make()
    here = Moment(0, 0)
    a, b = here.uniform("a", 1, 3, 12, 16), here.uniform("b", 1, 3, 20, 12)
    fake, same = model._with_identity(model.a_to_b, a, b)
    assert same is not None
    assert (fake.shape, same.shape) == (a.shape, b.shape)


def test_learning_rates_follow_the_public_formula(make: Make) -> None:
    """100 + 100 epochs: in epoch e, counted from 1, the factor is 1 - max(0, e - 100) / 101."""
    seen: list[float] = []

    class Listener(Callback):
        def on_train_batch_end(self, trainer: Trainer, pl_module: Any, *rest: Any) -> None:
            assert len({group["lr"] for each in pl_module.optimizers() for group in each.param_groups}) == 1
            seen.append(pl_module.optimizers()[0].param_groups[0]["lr"])

    model = make(schedule=LinearDecay(hold=100, decay=100, by="epoch"))
    _fit(model, range(0, 800, 97), Listener())  # four batches an epoch
    epochs = [step // 4 + 1 for step in range(0, 800, 97)]
    assert seen == pytest.approx([1e-3 * (1 - max(0, epoch - 100) / 101) for epoch in epochs])
    assert seen[0] == 1e-3
    assert LinearDecay(100, 100)(199.5) == pytest.approx(1 / 101)


class _Noting(NoRegularizer):
    """Writes down at which steps it is asked whether it acts."""

    def __init__(self) -> None:
        self.steps: list[int] = []

    def acts(self, step: int) -> bool:
        self.steps.append(step)
        return super().acts(step)


def test_chance_and_lazy_penalties_go_by_batches_that_were_trained_on(make: Make) -> None:
    """Of the six batches of an epoch three are trained on, which leaves no gap."""
    noting = _Noting()
    model = make(critic_a=Critic(_Patches(), LeastSquares(), noting, NoAugment()))
    _fit(model, range(6), max_epochs=2, limit_train_batches=3)
    assert list(dict.fromkeys(noting.steps)) == [0, 1, 2, 3, 4, 5]


def test_critics_are_shown_what_the_pools_give(make: Make, monkeypatch: Any) -> None:
    model = make()
    shown: dict[str, list[Tensor]] = {"a": [], "b": []}
    for domain, critic in (("a", model.critic_a), ("b", model.critic_b)):
        judge = critic.judge

        def listening(real: Tensor, fake: Tensor, moment: Moment, domain: str = domain, judge: Any = judge) -> Any:
            shown[domain].append(fake.clone())
            return judge(real, fake, moment)

        monkeypatch.setattr(critic, "judge", listening)
    fakes: dict[str, list[Tensor]] = {"a": [], "b": []}
    for domain, pool in (("a", model.pool_a), ("b", model.pool_b)):
        swap = pool.swap

        def recording(images: Tensor, moment: Moment, domain: str = domain, swap: Any = swap) -> Tensor:
            fakes[domain].append(images.detach().clone())
            return swap(images, moment)

        monkeypatch.setattr(pool, "swap", recording)
    _fit(model, range(8))
    for domain in "ab":
        made = torch.cat(fakes[domain])
        seen = torch.cat(shown[domain])
        assert torch.equal(seen[:3], made[:3]), "the pool is filling"
        known = [any(torch.equal(image, other) for other in made[: place + 1]) for place, image in enumerate(seen)]
        assert all(known), "nothing is shown that was not made before"
        assert not torch.equal(seen, made), "earlier fakes come back"
    assert not torch.equal(torch.cat(shown["a"]), torch.cat(shown["b"]))


def test_a_checkpoint_carries_the_pools(make: Make, tmp_path: Path) -> None:
    whole = make(ema=partial(Average, decay=0.9, warm_up=1))
    _fit(whole, range(6))
    first = make(ema=partial(Average, decay=0.9, warm_up=1))
    trainer = _fit(first, range(3))
    trainer.save_checkpoint(tmp_path / "half.ckpt")
    content = torch.load(tmp_path / "half.ckpt", weights_only=True)
    assert [{domain: len(images) for domain, images in pools.items()} for pools in content["pools"]] == [
        {"a": 3, "b": 3}
    ]
    second = make(ema=partial(Average, decay=0.9, warm_up=1))
    _fit(second, range(3, 6), ckpt=tmp_path / "half.ckpt", max_epochs=2)
    for name, value in whole.state_dict().items():
        assert torch.equal(value, second.state_dict()[name]), name
    for mine, theirs in zip(whole.pool_a.images, second.pool_a.images, strict=True):
        assert torch.equal(mine, theirs)


def test_validation_translates_there_and_back_with_the_averaged_generators(make: Make) -> None:
    model = make(ema=partial(Average, decay=0.9, warm_up=1))
    _fit(model, range(3))
    assert model.average is not None
    g, f = (model._average(name).network for name in ("a_to_b", "b_to_a"))
    assert not torch.equal(g[0].weight, model.a_to_b[0].weight)
    images = _batch(9).a
    for loader, (there, back) in enumerate(((g, f), (f, g))):
        judged = model.validation_step(ImageBatch(images, torch.arange(2), None, 0, 0.0), 0, loader)
        assert judged.direction == ("a_to_b", "b_to_a")[loader]
        with torch.no_grad():
            assert torch.equal(judged.fake, there(images))
            assert torch.equal(judged.cycle, back(there(images)))
            assert torch.equal(judged.identity, back(images))
    assert model.a_to_b.training


def test_domains_may_differ_in_channels(make: Make) -> None:
    """A grey domain a and a coloured domain b, without the identity loss, which needs equal ones."""

    def generator(inputs: int, outputs: int) -> nn.Module:
        return nn.Sequential(
            nn.Conv2d(inputs, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, outputs, 3, padding=1), nn.Tanh()
        )

    model = make(a_to_b=generator(1, 3), b_to_a=generator(3, 1), identity=0.0)
    grey = _batch(0).a[:, :1]
    batch = _batch(0)._replace(a=grey)
    fake, same = model._with_identity(model.a_to_b, batch.a, batch.b)
    assert (fake.shape[1], same) == (3, None)
    judged = model.validation_step(ImageBatch(grey, torch.arange(2), None, 0, 0.0), 0, 0)
    assert judged.identity is None
    assert judged.fake.shape[1] == 3
    assert judged.cycle.shape == grey.shape


def test_what_is_no_weight_or_direction_is_named(make: Make) -> None:
    for name in ("lambda_a", "lambda_b", "identity"):
        with pytest.raises(Mistake, match=rf"model\.{name}=-1"):
            make(**{name: -1.0})
        with pytest.raises(Mistake, match=rf"model\.{name}=nan"):
            make(**{name: math.nan})
    with pytest.raises(Mistake, match=r"model\.clip=0"):
        make(clip=0.0)
    with pytest.raises(Mistake, match="direction=AtoB: there are a_to_b and b_to_a"):
        make().translate(_batch(0).a, "AtoB")  # type: ignore[arg-type]  # the mistake to be told
