"""README.md: the model card that goes with exported files, as Hugging Face reads it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from atelier.counted import counted
from atelier.task.exporting.written import Written
from atelier.template import template

_TASKS = {
    "GAN": "unconditional-image-generation",
    "CycleGAN": "image-to-image",
    "Autoencoder": "image-feature-extraction",
}
"""What the families do, in Hugging Face's words."""

_KINDS = {
    "GAN": "a generative adversarial network: it makes images from random noise",
    "CycleGAN": "a CycleGAN: it takes images from one domain to another, learned without pairs",
    "Autoencoder": "an autoencoder: it describes images by short codes and makes images of codes",
}


def card(family: str, library: str, facts: Mapping[str, Any], written: Sequence[Written], picture: str | None) -> str:
    """The text of README.md.

    family: the model's class. library: what opens the files, as Hugging Face calls it.
    facts: see :func:`atelier.task.exporting.facts.facts`; what is not in it is not in the card.
    picture: a file beside the card that shows what the model makes.
    """
    known = dict(facts)
    return template(Path(__file__).with_name("card.md.jinja"), escape=False, counted=counted).render(
        front=OmegaConf.to_yaml(OmegaConf.create(_front(family, library, known))),
        title=_title(known),
        kind=_KINDS.get(family, f"a {family}"),
        facts=known,
        scores=[(name, score["value"], _words(score["protocol"])) for name, score in known.get("scores", {}).items()],
        written=[(one.file.name, one.does, one.how, one.apart) for one in written],
        measured=any(one.apart for one in written),
        picture=picture,
    )


def _title(facts: Mapping[str, Any]) -> str:
    return "-".join(str(facts[name]) for name in ("model", "data") if name in facts) or "model"


def _front(family: str, library: str, facts: Mapping[str, Any]) -> dict[str, Any]:
    data = facts.get("data") if "data_source" in facts else None  # a person's own pictures are no public data set
    scores = {name.removeprefix("val/"): score["value"] for name, score in facts.get("scores", {}).items()}
    result = {
        "task": {"type": _TASKS.get(family, "other")},
        "dataset": {"name": data or "own images", "type": data or "own"},
        "metrics": [{"type": name, "name": name, "value": value} for name, value in scores.items()],
    }
    front = {
        "license": facts.get("licence"),
        "library_name": library,
        "pipeline_tag": _TASKS.get(family),
        "tags": ["atelier", *([str(facts["model"])] if "model" in facts else [])],
        "datasets": [data] if data else None,
        "metrics": list(scores) or None,
        "model-index": [{"name": _title(facts), "results": [result]}] if scores else None,
    }
    return {name: value for name, value in front.items() if value is not None}


def _words(protocol: Any) -> str:
    """A protocol as one line of a table."""
    if not isinstance(protocol, Mapping):
        return ""
    return ", ".join(f"{name} {value}" for name, value in protocol.items() if name != "identity").replace("|", "/")
