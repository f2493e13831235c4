"""A compiled model plays the same game: losses, gradients, names of weights, moving average."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence

import pytest
import torch
from omegaconf import DictConfig
from pytorch_lightning import Callback, LightningModule, Trainer, seed_everything
from torch import Tensor, nn

from atelier.config.build import build
from atelier.game.turn import evaluating
from atelier.network.instance_norm import InstanceNorm
from atelier.network.resnet_generator import ResnetGenerator

Compose = Callable[..., DictConfig]

_GAN = ["data=digits", "data.image_size=32", "data.subset=24", "data.batch_size=8"]
_DCGAN = ["model=dcgan", *_GAN, "model.generator.width=2", "model.critic.network.width=2"]
_CYCLEGAN = ["model=cyclegan", "data=stripes", "data.image_size=32", "data.source.train=3", "data.source.test=2"]
_NARROW = ["generator.width=4", "generator.blocks=1", "discriminator.width=4", "discriminator.layers=1"]
GAMES = {
    "autoencoder": ["model=autoencoder", "data=digits", "data.subset=24", "data.batch_size=8", "network.units=4"],
    "dcgan": _DCGAN,
    "r1": [*_DCGAN, "regularizer=r1", "regularizer.interval=2", "objective=relativistic"],
    "gradient_penalty": ["model=gan", *_GAN, "regularizer=gradient_penalty", "objective=wasserstein"],
    "cyclegan": [*_CYCLEGAN, *_NARROW],
    "wide_cyclegan": [*_CYCLEGAN, *_NARROW, "generator.width=48", "generator.blocks=2"],
    "cyclegan_r1": [*_CYCLEGAN, *_NARROW, "regularizer=r1"],
}
"""Three batches an epoch."""


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    """No test finds what another has compiled."""
    torch.compiler.reset()
    yield
    torch.compiler.reset()


class Seen(Callback):
    """What three batches came to: the sum of every term, and the last gradients."""

    def __init__(self) -> None:
        self.terms: dict[str, Tensor] = {}
        self.gradients: dict[str, Tensor] = {}

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *_: object) -> None:
        self.terms = {name: total for name, (total, _) in pl_module.ledger.state_dict().items()}
        self.gradients = {
            name: weight.grad.clone() for name, weight in pl_module.named_parameters() if weight.grad is not None
        }


def play(cfg: DictConfig, **options: object) -> tuple[Seen, LightningModule]:
    """An epoch in float64 on one thread, compiled if there are ``options`` for that."""
    seed_everything(0, verbose=False)
    model, data, seen = build(cfg.model), build(cfg.data), Seen()
    if options:
        model.compile_networks(dynamic=False, **options)
    trainer = Trainer(
        accelerator="cpu",
        max_epochs=1,
        precision="64-true",
        logger=False,
        callbacks=[seen],
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        use_distributed_sampler=False,
        num_sanity_val_steps=0,
        limit_val_batches=0,
    )
    trainer.fit(model, data)
    return seen, model


def same(cfg: DictConfig, **options: object) -> None:
    """Compiled and plain, the game is the same to rounding."""
    (plain, _), (compiled, model) = play(cfg), play(cfg, **options)
    assert compiled.terms.keys() == plain.terms.keys() != set()
    for name, value in plain.terms.items():
        torch.testing.assert_close(compiled.terms[name], value, rtol=1e-9, atol=1e-12)
    assert compiled.gradients.keys() == plain.gradients.keys() != set()
    mine, theirs = (torch.cat([g.flatten() for g in seen.gradients.values()]) for seen in (compiled, plain))
    assert (mine - theirs).norm() < 1e-9 * theirs.norm()
    assert model.state_dict().keys() == build(cfg.model).state_dict().keys()


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")
@pytest.mark.parametrize(
    "game", [game if game == "autoencoder" else pytest.param(game, marks=pytest.mark.slow) for game in GAMES]
)
def test_one_graph_for_each_network_plays_the_same_game(game: str, composed: Compose) -> None:
    """Nothing of a network is left outside the graph; what is differentiated twice is not compiled."""
    same(composed(*GAMES[game], "trainer=cpu"), backend="aot_eager", fullgraph=True)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")
@pytest.mark.parametrize("game", ["autoencoder", "r1", "cyclegan", "wide_cyclegan"])
def test_machine_code_plays_the_same_game(game: str, composed: Compose) -> None:
    same(composed(*GAMES[game], "trainer=cpu"), backend="inductor")


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")
@pytest.mark.parametrize("batch", [1, 2])
def test_gradients_of_every_memory_layout_are_those_of_float64(batch: int) -> None:
    """Torch's own instance norm was silently wrong at batch 1 with gradients in channels_last."""
    torch.manual_seed(0)
    network = ResnetGenerator(
        in_channels=3, out_channels=3, width=8, blocks=2, norm=InstanceNorm, upsample="transposed"
    )
    exact = copy.deepcopy(network).double()
    network.compile(dynamic=False)
    images = torch.rand(batch, 3, 32, 32) * 2 - 1
    weights = torch.randn(batch, 3, 32, 32)
    for layout in (torch.contiguous_format, torch.channels_last):
        found = []
        for player, dtype in ((network, torch.float32), (exact, torch.float64)):
            player.zero_grad()
            seen = images.to(dtype, memory_format=layout, copy=True).requires_grad_()
            (player(seen) * weights.to(dtype, memory_format=layout)).sum().backward()
            gradients = [seen.grad, *(weight.grad for weight in player.parameters())]
            found.append(torch.cat([gradient.double().flatten() for gradient in gradients if gradient is not None]))
        mine, theirs = found
        assert (mine - theirs).norm() < 1e-3 * theirs.norm()


class _Affine(nn.Module):
    """A network of one's own: older versions of torch pass over a module of theirs that stands alone."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(2, 3)

    def forward(self, points: Tensor) -> Tensor:
        made: Tensor = self.layer(points)
        return made


def test_only_training_calls_what_is_compiled() -> None:
    calls = []

    def backend(graph: torch.fx.GraphModule, inputs: Sequence[Tensor]) -> Callable[..., object]:
        calls.append(graph)
        return graph.forward

    network = _Affine()
    network.compile(backend=backend)
    with evaluating(network):
        network(torch.ones(1, 2))
        copy.deepcopy(network)(torch.ones(1, 2))  # a moving average's copy
    assert calls == []
    network(torch.ones(1, 2))
    assert len(calls) == 1
