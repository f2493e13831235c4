"""Laws of the game, in real training steps on real digits."""

from __future__ import annotations

import copy
import hashlib
import json
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from omegaconf import DictConfig
from pytorch_lightning import Callback, LightningModule, Trainer, seed_everything
from torch import Tensor, nn

import atelier.model.gan as gan_module
from atelier.config.build import build
from atelier.game.schedule import LinearDecay
from atelier.game.standing import stand
from atelier.game.turn import turn
from atelier.regularizer.r1 import R1
from atelier.types import ImageBatch, Mistake

Compose = Callable[..., DictConfig]
Train = Callable[..., Any]

SMALL = ("data.batch_size=16", "model.generator.width=8", "model.critic.network.width=8")
PLAIN = (  # plain gradient descent: Adam makes full steps of rounding noise
    "model.generator_optimizer._target_=torch.optim.sgd.SGD",
    "~model.discriminator_optimizer.betas",
    "~model.generator_optimizer.betas",
    "model.generator_optimizer.lr=0.1",
)


@pytest.fixture
def train(composed: Compose, tmp_path: Path) -> Train:
    """Trains the model of some words for a few batches of digits, and returns it."""

    def fit(*words: str, batches: int = 4, callbacks: tuple[Callback, ...] = (), **options: Any) -> Any:
        cfg = composed(*SMALL, *words)
        seed_everything(cfg.seed, verbose=False)
        model, data = build(cfg.model), build(cfg.data)
        options = {"limit_val_batches": 0, "limit_train_batches": batches, **options}
        trainer = Trainer(
            accelerator="cpu",
            max_epochs=options.pop("max_epochs", 1),
            precision=cfg.trainer.precision,
            callbacks=list(callbacks),
            default_root_dir=tmp_path,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            num_sanity_val_steps=0,
            **options,
        )
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*does not have many workers.*")
            warnings.filterwarnings("ignore", message=".*in eval mode at the start of training.*")
            warnings.filterwarnings("ignore", message=".*LeafSpec.*")
            trainer.fit(model, data)
        return model

    return fit


def _digest(module: nn.Module) -> str:
    content = hashlib.sha256()
    for name, value in module.state_dict().items():
        content.update(name.encode() + value.contiguous().numpy().tobytes())
    return content.hexdigest()


def _state(module: nn.Module) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in module.state_dict().items()}


def _gradients(module: nn.Module) -> dict[str, Tensor | None]:
    return {name: None if p.grad is None else p.grad.clone() for name, p in module.named_parameters()}


class Umpire:
    """Stands in for ``turn`` and watches both players through every turn."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.turns: list[str] = []
        self.moved: list[tuple[str, bool, bool]] = []  # player, whether its parameters moved, whether its buffers did
        self.norms: list[float] = []
        monkeypatch.setattr(gan_module, "turn", self._turn)

    @contextmanager
    def _turn(self, table: Any, player: str, optimizer: Any, *, rests: list[nn.Module]) -> Iterator[Any]:
        (rests,) = rests
        moves = table.critic if rests is table.generator else table.generator
        resting, before, gradients = _state(rests), _state(moves), _gradients(rests)
        with turn(table, player, optimizer, rests=[rests]) as descend:
            yield descend
        for name, value in rests.state_dict().items():
            assert torch.equal(value, resting[name]), f"{name} moved in {player}'s turn"
        for name, gradient in _gradients(rests).items():
            kept = gradients[name]
            assert (gradient is None) == (kept is None), name
            assert gradient is None or kept is None or torch.equal(gradient, kept), f"{name} got a gradient"
        assert all(p.requires_grad for p in rests.parameters())
        after = moves.state_dict()
        parameters = {name for name, _ in moves.named_parameters()}
        changed = {name for name in after if not torch.equal(after[name], before[name])}
        self.turns.append(player)
        self.moved.append((player, bool(changed & parameters), bool(changed - parameters)))
        squares = [p.grad.double().square().sum() for p in moves.parameters() if p.grad is not None]
        self.norms.append(float(torch.stack(squares).sum().sqrt()))


GAMES = {
    "dcgan": (),
    "gan": ("model=gan",),
    "sngan": ("model=sngan",),
    "relativistic with penalties": ("objective=relativistic", "regularizer=r1_r2", "augment=diffaugment"),
    "wgan-gp": ("objective=wasserstein", "regularizer=gradient_penalty", "model.critic.network.norm=null"),
    "conditional": ("condition=label",),
}


@pytest.mark.parametrize("words", GAMES.values(), ids=list(GAMES))
def test_in_a_players_turn_the_other_is_untouched(
    words: tuple[str, ...], train: Train, monkeypatch: pytest.MonkeyPatch
) -> None:
    umpire = Umpire(monkeypatch)
    train(*words, batches=2)
    assert umpire.turns == ["d", "g", "d", "g"]
    assert all(moved for _, moved, _ in umpire.moved)


def test_a_players_buffers_move_in_its_own_turn(train: Train, monkeypatch: pytest.MonkeyPatch) -> None:
    umpire = Umpire(monkeypatch)
    train(batches=1)  # both networks have BatchNorm
    train("model=sngan", batches=1)  # BatchNorm in the generator, spectral normalisation in the critic
    assert [buffers for _, _, buffers in umpire.moved] == [True, True, True, True]


def test_the_generator_moves_once_in_so_many_turns(train: Train, monkeypatch: pytest.MonkeyPatch) -> None:
    umpire = Umpire(monkeypatch)
    model = train("model.discriminator_turns=3", batches=7)
    assert "".join(umpire.turns) == "dddgdddgd"
    assert int(model.average.updates) == 2


def test_turns_are_counted_in_batches_that_were_trained_on(train: Train, monkeypatch: pytest.MonkeyPatch) -> None:
    umpire = Umpire(monkeypatch)
    train("model.discriminator_turns=3", batches=2, max_epochs=3)
    assert "".join(umpire.turns) == "dddgdddg"


def test_a_lazy_penalty_comes_every_so_many_batches_that_were_trained_on(
    train: Train, monkeypatch: pytest.MonkeyPatch
) -> None:
    penalised, penalty = [], R1.__call__
    monkeypatch.setattr(R1, "__call__", lambda *given: penalised.append(given[-1].step) or penalty(*given))
    train("regularizer=r1", "regularizer.interval=4", batches=3, max_epochs=4)
    assert penalised == [0, 4, 8]


def test_the_gradient_is_clipped_to_its_norm(train: Train, monkeypatch: pytest.MonkeyPatch) -> None:
    umpire = Umpire(monkeypatch)
    train(batches=2)
    assert min(umpire.norms) > 0.01
    umpire = Umpire(monkeypatch)
    train("model.clip=0.01", batches=2)
    assert umpire.norms == pytest.approx([0.01] * 4, rel=1e-3)


def test_parts_of_a_batch_sum_to_its_step(train: Train) -> None:
    words = ("model=gan", *PLAIN, "trainer.precision=64-true")  # processors differ in how they round
    whole, cut = (train(*words, f"model.parts={parts}", batches=3) for parts in (1, 4))
    for name, value in whole.state_dict().items():
        torch.testing.assert_close(cut.state_dict()[name], value, rtol=0, atol=1e-12, msg=name)


def test_parts_also_cut_labels_and_uneven_batches(train: Train) -> None:
    words = ("model=gan", *PLAIN, "condition=label", "data.batch_size=10")
    whole, cut = (train(*words, f"model.parts={parts}", batches=2) for parts in (1, 3))
    for name, value in whole.state_dict().items():
        torch.testing.assert_close(cut.state_dict()[name], value, rtol=0, atol=1e-6, msg=name)


def test_the_same_seed_gives_the_same_weights_bit_for_bit(train: Train) -> None:
    words = ("augment=diffaugment", "data.flip=true")
    expected = _digest(train(*words, batches=6))
    assert _digest(train(*words, "data.workers=2", batches=6)) == expected, "workers"
    validated = {"limit_val_batches": 1, "val_check_interval": 2}
    assert _digest(train(*words, "data.eval_batch_size=8", batches=6, **validated)) == expected, "validation"
    assert _digest(train(*words, "seed=1", batches=6)) != expected


def test_learning_rates_and_beta2_follow_their_schedules(train: Train) -> None:
    seen: list[tuple[float, ...]] = []

    class Watch(Callback):
        def on_train_batch_end(
            self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: ImageBatch, batch_idx: int
        ) -> None:
            d, g = (optimizer.param_groups[0] for optimizer in trainer.optimizers)
            assert d["betas"] == g["betas"]
            seen.append((batch.epoch, d["lr"], g["lr"], d["betas"][1]))

    beta2 = "model.beta2={_target_:atelier.game.schedule.Cosine,epochs:2,start:0.9,end:0.99,by:batch}"
    words = ("schedule=linear_decay", "schedule.hold=1", "schedule.decay=2", "schedule.by=batch", beta2)
    train(*words, "data.subset=48", max_epochs=3, callbacks=(Watch(),), batches=None)
    assert [epoch for epoch, *_ in seen] == pytest.approx([step / 3 for step in range(9)])
    decay = LinearDecay(1, 2, "batch")
    for epoch, d_rate, g_rate, second in seen:
        assert d_rate == g_rate == pytest.approx(2e-4 * decay(epoch))
        progress = torch.tensor(min(epoch / 2, 1) * torch.pi)
        assert second == pytest.approx(0.99 - 0.09 * 0.5 * (1 + float(torch.cos(progress))), abs=1e-6)


@pytest.mark.parametrize("words", [(), ("condition=label",), ("model.ema=null", "latent=normal")])
def test_a_sample_does_not_depend_on_how_the_row_is_cut(words: tuple[str, ...], train: Train) -> None:
    model = train(*words, batches=1)
    model.train()  # as in the middle of training
    row = model.sample(12, seed=5)
    assert row.shape == (12, 1, 32, 32)
    assert row.abs().max() <= 1
    torch.testing.assert_close(torch.cat([model.sample(5, seed=5), model.sample(7, seed=5, start=5)]), row)
    assert not torch.allclose(model.sample(12, seed=6), row)
    assert model.generator.training, "sampling must not change how training goes on"


def test_a_game_in_double_precision(train: Train) -> None:
    model = train("trainer.precision=64-true", "regularizer=r1", "augment=diffaugment", batches=2)
    assert {value.dtype for value in model.parameters()} == {torch.float64}
    assert model.sample(2, seed=0).dtype == torch.float64
    assert model.interpolate(1, 2, seed=0).isfinite().all()


def test_only_classes_that_training_sees_take_turns(train: Train) -> None:
    model = train("condition=label", "data.classes=[3,5]", batches=1)
    drawn = model.sample(4, seed=0)
    torch.testing.assert_close(drawn, model.sample(4, seed=0, labels=torch.tensor([3, 5, 3, 5])))
    assert torch.equal(model._in_turn(torch.arange(3)), torch.tensor([3, 5, 3]))
    assert model.interpolate(3, 2, seed=0).isfinite().all()


def test_a_conditional_model_listens_to_its_label(train: Train) -> None:
    model = train("condition=label", batches=1)
    sevens, ones = (model.sample(3, seed=0, labels=torch.full((3,), label)) for label in (7, 1))
    assert not torch.allclose(sevens, ones)
    in_turn = model.sample(3, seed=0, start=10)
    torch.testing.assert_close(in_turn, model.sample(3, seed=0, start=10, labels=torch.tensor([0, 1, 2])))


def test_walks_start_and_end_at_samples(train: Train) -> None:
    model = train("latent=normal", batches=1)
    walks = model.interpolate(3, 5, seed=0).view(3, 5, 1, 32, 32)
    ends = model.sample(6, seed=0).view(3, 2, 1, 32, 32)
    torch.testing.assert_close(walks[:, [0, -1]], ends, rtol=1e-4, atol=1e-5)


def test_the_averaged_generator_is_what_is_shown(train: Train) -> None:
    model = train(batches=3)
    assert not torch.equal(model.sample(2, seed=0), _without_average(model).sample(2, seed=0))


def test_the_averaged_generators_batchnorms_remember_its_own_activations(train: Train) -> None:
    model = train(batches=8)
    stored = _state(model)
    network = copy.deepcopy(model.generator).eval()
    network.load_state_dict({name: value.clone() for name, value in model.average.network.state_dict().items()})
    z = torch.rand(4096, model.latent.dim, generator=torch.Generator().manual_seed(7)) * 2 - 1
    stand(network, [(z, None)])
    for name, layer in network.named_modules():
        if isinstance(layer, nn.BatchNorm2d):
            remembered = stored[f"average.network.{name}.running_var"]
            assert torch.allclose(remembered, layer.running_var, rtol=0.15), name
            assert not torch.allclose(stored[f"generator.{name}.running_var"], layer.running_var, rtol=0.15), name


def test_a_stored_generator_makes_the_images_of_the_one_that_trained(train: Train, composed: Compose) -> None:
    model = train(batches=8)
    stored = _state(model)
    fakes = model.sample(4, seed=1)
    other = build(composed(*SMALL).model)
    other.load_state_dict(stored)
    assert torch.equal(other.sample(4, seed=1), fakes)


def _without_average(model: Any) -> Any:
    model.average = None
    return model


def test_what_makes_no_game_is_refused(composed: Compose) -> None:
    for word in ("model.discriminator_turns=0", "model.parts=0", "model.clip=0"):
        with pytest.raises(Mistake, match=word):
            build(composed(word).model)


GOLDEN = Path(__file__).parents[1] / "assets" / "golden_gan.json"


class Losses(Callback):
    """Both players' losses, step by step."""

    def __init__(self) -> None:
        self.rows: list[list[float]] = []

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        means = pl_module.ledger.close()  # type: ignore[operator, union-attr]  # a GAN's
        self.rows.append([means["d/loss"], means["g/loss"]])


@pytest.mark.parametrize("name", list(json.loads(GOLDEN.read_text(encoding="utf-8"))))
def test_golden_losses(name: str, train: Train) -> None:
    """The first five steps on one thread in float32; a change here changes what everybody's runs come to.

    Where it is meant, tests/assets/golden_gan.json gets the new numbers that the failure shows.
    """
    golden = json.loads(GOLDEN.read_text(encoding="utf-8"))[name]
    losses, threads = Losses(), torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        train(*golden["words"], batches=5, callbacks=(losses,))
    finally:
        torch.set_num_threads(threads)
    for step, (row, expected) in enumerate(zip(losses.rows, golden["losses"], strict=True)):
        assert row == pytest.approx(expected, rel=1e-5), f"step {step} of {json.dumps(losses.rows)}"


def test_an_image_without_a_class_is_refused_in_words(train: Train) -> None:
    model = train("condition=label", batches=1)
    images = torch.zeros(2, 1, 8, 8)
    with pytest.raises(Mistake, match="condition=label wants a class for every image"):
        model.validation_step(ImageBatch(images, torch.arange(2), None, 0, 0.0), 0)
