"""The grid: sets of parameters, checked before anything runs, and the experiments of them."""

import hashlib
import json
import re
import shutil
import tempfile
from collections.abc import Collection, Mapping
from pathlib import Path

from dvc.utils.cli_parse import to_path_overrides
from dvc.utils.hydra import apply_overrides, get_hydra_sweeps
from dvc.utils.serialize import load_yaml

from experiments.sweep.task import Experiment
from src.base.errors import UserError
from src.data import sets
from src.preflight import schema

DIGITS = 12  # of the hash in a name: among 10,000 experiments two alike in 1 of 5 million sweeps


def grid(arguments: list[str]) -> list[tuple[str, ...]]:
    """The sets of overrides that `dvc exp run --queue` makes of the arguments.

    Raises UserError with the argument that is not written as a grid.
    """
    for argument in arguments:
        try:
            values = get_hydra_sweeps(to_path_overrides([argument]))
        except Exception as error:  # Hydra's parser, its functions and DVC have no common class
            raise UserError(f"{argument!r} is not a grid: {_words(error)}") from error
        if not values:
            raise UserError(f"{argument!r} gives no value")
        if any(set(by_file) != {"params.yaml"} for by_file in values):
            raise UserError(f"{argument!r}: only parameters of params.yaml can be swept")
    sweeps = get_hydra_sweeps(to_path_overrides(arguments))
    return [tuple(by_file["params.yaml"]) for by_file in sweeps]


def parameters(overrides: list[tuple[str, ...]], committed: Collection[str]) -> list[dict]:
    """What params.yaml holds with each set of overrides, checked as `preflight` does.

    `committed` are the files in data/sets of the last commit, which is what a sweep runs. Raises
    UserError with all faults of all sets.
    """
    classes = {
        name: sets.parse(name, Path(f"data/sets/{name}.yaml").read_bytes()).classes
        for name in sets.names()
        if f"data/sets/{name}.yaml" in committed
    }
    params, faults = [], []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "params.yaml")
        for changes in overrides:
            shutil.copyfile("params.yaml", path)
            try:
                apply_overrides(path, list(changes))
            except Exception as error:  # as above, and those of OmegaConf
                faults.append(_words(error.__cause__ or error))
                continue
            params.append(load_yaml(path))
            faults += _faults(params[-1], classes)
    if faults:
        raise UserError(*dict.fromkeys(faults), remedy="Nothing was sent; correct the grid")
    return params


def _words(error: BaseException) -> str:
    """The words of an error of Hydra, without a drawing of where it is and a link."""
    lines = [line.strip().rstrip(".") for line in str(error).splitlines()]
    words = [line for line in lines if line.strip("^ ") and not line.startswith("See http")]
    return ": ".join(words[:2]) or type(error).__name__


def _faults(params: dict, classes: Mapping[str, list[str]]) -> list[str]:
    faults = [
        f"device {device}: an experiment of a sweep sees one GPU, so write cuda"
        for device in sorted(devices(params))
        if re.fullmatch(r"cuda:0*[1-9]\d*", device)
    ]
    try:
        schema.check(params, classes)
    except UserError as error:
        faults = [*error.faults, *faults]
    return faults


def devices(params: dict) -> set[str]:
    """The devices that the stages are to use."""
    sections = [section for section in params.values() if isinstance(section, dict)]
    return {str(section["device"]) for section in sections if "device" in section}


def named_experiments(
    params: list[dict],
    overrides: list[tuple[str, ...]],
    prefix: str,
    revision: str,
    target: str = "",
) -> list[Experiment]:
    """The experiments of a grid. Equal parameters at one revision have one name, and run once.

    Those that end at a stage, `target`, have other names than whole ones.

    Raises UserError if two sets of parameters get the same name.
    """
    by_name: dict[str, Experiment] = {}
    for values, changes in zip(params, overrides, strict=True):
        text = json.dumps([revision, values, *filter(None, [target])], sort_keys=True)
        name = f"{prefix}-{hashlib.sha256(text.encode()).hexdigest()[:DIGITS]}"
        first = by_name.setdefault(name, Experiment(name, changes, values))
        if first.params != values:
            raise UserError(
                f"{' '.join(first.overrides)} and {' '.join(changes)} would have the same name, "
                f"{name}; run them in two sweeps with another --name each"
            )
    return list(by_name.values())
