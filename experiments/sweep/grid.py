"""The grid: sets of parameters, checked before anything runs, and the experiments that they name."""

import hashlib
import json
import re
import shutil
import tempfile
from pathlib import Path

from dvc.exceptions import DvcException
from dvc.utils.cli_parse import to_path_overrides
from dvc.utils.hydra import apply_overrides, get_hydra_sweeps
from dvc.utils.serialize import load_yaml

from experiments.sweep.task import Experiment
from src.base.errors import UserError
from src.data import sets
from src.preflight import schema


def grid(arguments: list[str]) -> list[tuple[str, ...]]:
    """The sets of overrides that `dvc exp run --queue` would make of the arguments."""
    sets_by_file = get_hydra_sweeps(to_path_overrides(arguments))
    if any(set(by_file) != {"params.yaml"} for by_file in sets_by_file):
        raise UserError("only parameters of params.yaml can be swept")
    return [tuple(by_file["params.yaml"]) for by_file in sets_by_file]


def parameters(overrides: list[tuple[str, ...]]) -> list[dict]:
    """What params.yaml holds with each set of overrides, checked as the gate does.

    Raises UserError with all faults of all sets.
    """
    classes = {
        name: sets.parse(name, Path(f"data/sets/{name}.yaml").read_bytes()).classes
        for name in sets.names()
    }
    found, faults = [], []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "params.yaml")
        for changes in overrides:
            shutil.copyfile("params.yaml", path)
            try:
                apply_overrides(path, list(changes))
            except DvcException as error:
                faults.append(str(error.__cause__ or error).splitlines()[0])
                continue
            found.append(load_yaml(path))
            faults += _faults(found[-1], classes)
    if faults:
        raise UserError(f"nothing was sent: {'; '.join(dict.fromkeys(faults))}")
    return found


def _faults(params: dict, classes: dict[str, list[str]]) -> list[str]:
    numbered = sorted(
        device for device in devices(params) if re.fullmatch(r"cuda:0*[1-9]\d*", device)
    )
    faults = [
        f"device {device}: an experiment of a sweep sees one GPU, so write cuda"
        for device in numbered
    ]
    try:
        schema.check(params, classes)
    except UserError as error:
        words = str(error).removeprefix("params.yaml: ").partition(". Correct it there")[0]
        faults = [*words.split("; "), *faults]
    return faults


def devices(params: dict) -> set[str]:
    """The devices that the stages are to use."""
    return {
        str(section["device"])
        for section in params.values()
        if isinstance(section, dict) and "device" in section
    }


def experiments(
    found: list[dict], overrides: list[tuple[str, ...]], prefix: str, revision: str
) -> list[Experiment]:
    """The experiments of a grid; equal parameters at the same revision have the same name, however they came about."""
    named = {}
    for params, changes in zip(found, overrides, strict=True):
        text = json.dumps([revision, params], sort_keys=True)
        name = f"{prefix}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"
        named.setdefault(name, Experiment(name, changes, params))
    return list(named.values())


def asks(params: dict) -> str:
    """What an experiment asks for, in words."""
    wishes = devices(params)
    forced = any(wish.startswith("cuda") for wish in wishes)
    gpu = " and a GPU" if forced else " and a GPU if there is one" if "auto" in wishes else ""
    return f"{params['threads']} core{'s' * (params['threads'] > 1)}{gpu}"
