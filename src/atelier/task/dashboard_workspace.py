"""A family's sections as a workspace of Weights & Biases (extra ``dashboard``)."""

from __future__ import annotations

import json
import warnings
from collections.abc import Sequence
from typing import Any

from atelier.task.dashboard_sections import AXIS, FAMILIES, Panel, Part
from atelier.types import Mistake

_PROTOCOL = (
    "Scores of different protocols are not to be compared. What a score of a run is made of stands in the run's config "
    "under `protocol` (extractor, images on each side, averaged generator or not), and what it is between reals and "
    "reals under `floor`. Names carry the extractor: `val/fid` is Inception's, `val/fd_digits` is another metric."
)


def workspace(family: str, entity: str, project: str) -> Any:
    """The workspace of ``family`` (see :data:`~atelier.task.dashboard_sections.FAMILIES`), not saved anywhere yet.

    It shows the runs of that family alone, gathered by their sweep.

    Raises:
        Mistake: if wandb-workspaces is not installed.
    """
    workspaces, _ = libraries()
    runs = workspaces.RunsetSettings(
        filters=workspaces.And(workspaces.Config("family") == family), groupby=[workspaces.Metric("Group")]
    )
    return workspaces.Workspace(
        entity=entity,
        project=project,
        name=f"atelier: {family}",
        sections=[_section(part) for part in FAMILIES[family]],
        settings=workspaces.WorkspaceSettings(x_axis=AXIS, smoothing_type="none", max_runs=20),
        runset_settings=runs,
    )


def as_json(made: Any) -> Any:
    """A workspace as the server would be given it."""
    # Its own way to a server goes through this model; the library offers no public one to a file.
    return json.loads(made._to_model().model_dump_json(by_alias=True, exclude_none=True))


def libraries() -> tuple[Any, Any]:
    """The modules for workspaces and for panels.

    Raises:
        Mistake: if they are not installed.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of its own use of pydantic
            from wandb_workspaces import workspaces  # an extra, and heavy
            from wandb_workspaces.reports import v2 as reports
    except ImportError as error:
        raise Mistake(f"this needs wandb-workspaces ({error}): uv sync --extra dashboard") from error
    return workspaces, reports


def _section(part: Part) -> Any:
    workspaces, _ = libraries()
    return workspaces.Section(name=part.title, panels=list(_panels(part)), is_open=True)


def _panels(part: Part) -> Sequence[Any]:
    _, reports = libraries()
    made = [_plot(panel) for panel in part.panels]
    made += [reports.LinePlot(title=name.removeprefix("system/"), x="RelativeTime", y=[name]) for name in part.machine]
    if part.pictures:
        made.append(reports.MediaBrowser(media_keys=list(part.pictures), num_columns=2))
    if any(panel.pattern and panel.pattern.startswith("^val/") for panel in part.panels):
        made.append(reports.RunComparer(diff_only="split"))
        made.append(reports.MarkdownPanel(markdown=_PROTOCOL))
    return made


def _plot(panel: Panel) -> Any:
    _, reports = libraries()
    return reports.LinePlot(title=panel.title, x=AXIS, y=list(panel.names), metric_regex=panel.pattern)
