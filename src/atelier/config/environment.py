"""What the configuration may ask of the machine it is on."""

from __future__ import annotations

import netrc
import os
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from atelier.config.devices import strategy


def register_resolvers() -> None:
    """Make our resolvers known to every configuration."""
    OmegaConf.register_new_resolver("wandb_offline", wandb_offline, replace=True)
    OmegaConf.register_new_resolver("half", lambda number: number / 2, replace=True)
    OmegaConf.register_new_resolver("not_after", not_after, replace=True)
    OmegaConf.register_new_resolver("strategy", strategy, replace=True)
    # The same part once more with other options: ${with:${generator},{out_channels:1}}.
    OmegaConf.register_new_resolver("with", OmegaConf.merge, replace=True)


def not_after(interval: Any, epochs: Any) -> Any:
    """Epochs between two validations, so that the shortest run has one at its end."""
    return min(interval, epochs) if type(interval) is int and type(epochs) is int and epochs > 0 else interval


def wandb_offline() -> bool:
    """Whether Weights & Biases should write to disk alone: so WANDB_MODE says, or there is no key to log in with."""
    mode = os.environ.get("WANDB_MODE")
    if mode:
        return mode != "online"
    return not wandb_credential()


def wandb_credential() -> bool:
    """Whether there is a key to log in to Weights & Biases with."""
    return bool(os.environ.get("WANDB_API_KEY")) or _netrc_has_wandb()


def _netrc_has_wandb() -> bool:
    file = Path(os.environ.get("NETRC", Path.home() / ".netrc"))
    try:
        hosts = netrc.netrc(file).hosts
    except (OSError, netrc.NetrcParseError):
        return False
    return any("wandb" in host for host in hosts)
