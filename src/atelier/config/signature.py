"""Does every node of the configuration fit the constructor that it names? Read from signatures, nothing is called."""

from __future__ import annotations

import inspect
import re
import types
import typing
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Protocol, Union

from omegaconf import DictConfig, ListConfig, Node, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from atelier.config.target import admitted, resolve
from atelier.config.words import suggestion
from atelier.types import Mistake

_OURS = {"_target_", "_partial_", "_recursive_", "_convert_", "facts"}


def unfit(cfg: DictConfig) -> list[str]:
    """Every argument that a constructor lacks, does not know or cannot take, by the option's name."""
    found: dict[str, str] = {}
    for path, node in targets(cfg):
        for option, mistake in _unfit_node(path, node):
            # An option that several parts refer to is wrong in all of them: once is enough.
            found.setdefault(typed(cfg, option), f"{typed(cfg, option)}{mistake}")
    return list(found.values())


def typed(cfg: DictConfig, option: str, passed: frozenset[str] = frozenset()) -> str:
    """The option to type if ``option`` is to change: where its chain of plain references ends.

    passed: the options on the way there, where a circle ends.
    """
    head, _, leaf = option.rpartition(".")
    try:
        parent = OmegaConf.select(cfg, head) if head else cfg
        bare = parent._get_node(leaf) if isinstance(parent, DictConfig) else None
        value = bare._value() if isinstance(bare, Node) else None
    except OmegaConfBaseException:
        return option
    reference = re.fullmatch(r"\$\{(\w[\w.]*)\}", value) if isinstance(value, str) else None
    return typed(cfg, reference[1], passed | {option}) if reference and reference[1] not in passed else option


def targets(node: Any, path: str = "") -> Iterator[tuple[str, DictConfig]]:
    """All nodes with a ``_target_`` and their paths, outermost first (not followed through interpolations)."""
    if isinstance(node, DictConfig):
        if "_target_" in node:
            yield path, node
        names: list[Any] = list(node)  # also _args_, which Hydra builds like any other
    elif isinstance(node, ListConfig):
        names = list(range(len(node)))
    else:
        return
    for name in names:
        if not OmegaConf.is_interpolation(node, name) and not OmegaConf.is_missing(node, name):
            yield from targets(node[name], f"{path}.{name}" if path else str(name))


def _unfit_node(path: str, node: DictConfig) -> Iterator[tuple[str, str]]:
    """Option and what is wrong with it, for one target."""
    try:
        target = resolve(str(node._target_))
    except Mistake as mistake:
        yield f"{path}._target_", f": {mistake}"
        return
    yield from unfit_arguments(path, node, target)


def unfit_arguments(path: str, node: DictConfig, target: type) -> Iterator[tuple[str, str]]:
    """Option and what is wrong with it, for a node and the class that it is to become."""
    parameters = dict(inspect.signature(target).parameters)
    open_ended = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    known = {n: p for n, p in parameters.items() if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)}
    annotated = hints(target)
    given = {str(name) for name in node} - _OURS
    if not open_ended:
        for name in sorted(given - known.keys()):
            yield f"{path}.{name}", f": {target.__name__} takes no {name}{suggestion(name, known)}"
    if not node.get("_partial_", False):
        for name, parameter in known.items():
            if parameter.default is parameter.empty and name not in given and name != "facts":
                yield f"{path}.{name}", f" is missing: {target.__name__} needs it"
    for name in sorted(given & known.keys()):
        try:
            value = node[name]
        except OmegaConfBaseException as error:
            yield f"{path}.{name}", f": {str(error).splitlines()[0]}"
            continue
        if name in annotated and not fits(value, annotated[name]):
            yield f"{path}.{name}", f"={shown(value)}: {target.__name__} wants {spoken(annotated[name])} here"


def hints(target: type) -> dict[str, Any]:
    """How the arguments of ``target`` are annotated."""
    try:
        return typing.get_type_hints(inspect.getattr_static(target, "__init__"))
    except (NameError, TypeError):  # an annotation that cannot be read counts as unchecked
        return {}


def fits(value: Any, hint: Any) -> bool:
    """Whether a configured value can stand where ``hint`` is annotated; what cannot be judged counts as fitting."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (Union, types.UnionType):
        return any(fits(value, argument) for argument in arguments)
    if value is None:
        return hint in (None, type(None), Any, object)
    if origin is Literal:
        return value in arguments
    if isinstance(value, DictConfig):
        return ("_target_" in value) != (origin is not None and _is(origin, Mapping)) and hint not in (
            int,
            float,
            str,
            bool,
        )
    if isinstance(value, ListConfig):
        return _fits_list(value, hint, origin, arguments)
    return _fits_scalar(value, origin or hint)


def as_floats(values: list[Any], hint: Any) -> list[Any]:
    """``values`` with floats for whole numbers where ``hint`` annotates entries as floats and not as whole numbers.

    People write betas=[0,0.9], and torch's optimizers refuse betas of two kinds.
    """
    entries = typing.get_args(hint)
    if len(entries) != len(values):
        return values
    return [
        float(value) if type(value) is int and _is_float(each) else value
        for value, each in zip(values, entries, strict=True)
    ]


def _is_float(hint: Any) -> bool:
    kinds = typing.get_args(hint) or (hint,)
    return float in kinds and int not in kinds


def _fits_scalar(value: bool | float | str, hint: Any) -> bool:
    if isinstance(value, bool):
        return hint in (bool, Any, object)
    if hint is float:
        return isinstance(value, int | float)
    if hint is Path:
        return isinstance(value, str)
    if hint is not str and (_is(hint, Callable) or _is(hint, Collection)):  # a number or word is neither
        return False
    if not isinstance(hint, type) or hint in (Any, object):
        return True
    # An object of any other class is built by a node of its own: a bare number or word cannot be one. Of protocols
    # that are not ours nothing is known.
    return not _is_ours(hint) and (_is_protocol(hint) or isinstance(value, hint))


def _is_ours(hint: type) -> bool:
    return hint.__module__.startswith("atelier.")


def _is_protocol(hint: type) -> bool:
    return Protocol in hint.__mro__


def _fits_list(value: ListConfig, hint: Any, origin: Any, arguments: tuple[Any, ...]) -> bool:
    if isinstance(hint, type) and hint is not Any:  # a tensor, which has entries, is no list
        return hint is tuple or (not _is_ours(hint) and (_is_protocol(hint) or issubclass(list, hint)))
    if origin is not None and _is(origin, Callable):
        return False
    if origin is tuple and arguments and arguments[-1] is not Ellipsis:
        return len(value) == len(arguments) and all(fits(v, a) for v, a in zip(value, arguments, strict=True))
    if origin is not None and _is(origin, Sequence | Collection) and arguments:
        return all(fits(v, arguments[0]) for v in value)
    return True


def _is(origin: Any, base: Any) -> bool:
    return isinstance(origin, type) and origin is not str and issubclass(origin, base)


def shown(value: Any) -> str:
    """``value`` as it stands in a YAML file."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return str(OmegaConf.to_container(value) if isinstance(value, DictConfig | ListConfig) else value)


_SPOKEN = {
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    str: "a word",
    Path: "a path",
    type(None): "null",
}


def _can_be_written(kind: type) -> bool:
    return kind in _SPOKEN or _is_protocol(kind) or admitted(kind)


def _one_of(words: Collection[object]) -> str:
    return "one of " + ", ".join(dict.fromkeys(map(str, words)))  # 32 and "32" are typed alike


def spoken(hint: Any) -> str:
    """``hint`` in words, so far as a configuration can hold what it allows."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (Union, types.UnionType):
        # Tensors and timedeltas are for programs: nobody can write one into a configuration.
        written = [argument for argument in arguments if not isinstance(argument, type) or _can_be_written(argument)]
        words = [
            word for argument in written if typing.get_origin(argument) is Literal for word in typing.get_args(argument)
        ]
        others = [argument for argument in written or arguments if typing.get_origin(argument) is not Literal]
        return " or ".join([*([_one_of(words)] if words else []), *map(spoken, others)])
    if origin is Literal:
        return _one_of(arguments)
    if origin is not None and _is(origin, Mapping):
        return "a mapping"
    if origin is not None and _is(origin, Callable):
        return "a part with a _target_"
    if origin is tuple and arguments and arguments[-1] is not Ellipsis:
        return f"a list of {len(arguments)}, each entry {' or '.join(dict.fromkeys(map(spoken, arguments)))},"
    if origin is not None and _is(origin, Sequence | Collection) and arguments:
        return f"a list, each entry {spoken(arguments[0])},"
    return _SPOKEN.get(hint, getattr(hint, "__name__", str(hint)))
