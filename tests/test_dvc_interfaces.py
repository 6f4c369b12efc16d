"""What this project uses of DVC's inner interfaces: what to look at when DVC is upgraded."""

import importlib
import inspect

import pytest

# Where it is, which arguments are used, and what for.
INTERFACES = [
    ("dvc.repo:Repo.__init__", ["uninitialized", "_wait_for_lock"], "stages/records.py: wait"),
    ("dvc.repo.stage:StageLoad.load_one", ["name"], "stages/records.py: the stage that runs"),
    ("dvc.stage:Stage.__init__", ["cmd", "deps", "outs", "meta"], "stages/records.py: its record"),
    ("dvc.dependency.param:ParamsDependency.__init__", ["path", "params"], "untracked parameters"),
    ("dvc.dependency.param:ParamsDependency.read_params", [], "stages/records.py: values"),
    ("dvc.output:Output.get_hash", [], "stages/records.py: the digest of the inputs"),
    ("dvc.output:Output.status", [], "stages/records.py: params.yaml that nobody has checked"),
    ("dvc.output:Output.changed_cache", [], "stages/records.py: finished states"),
    ("dvc.output:Output.checkout", ["allow_missing"], "stages/records.py: outputs put back"),
    ("dvc.stage.exceptions:StageNotFound", [], "stages/records.py: another branch"),
    ("dvc.rwlock:RWLOCK_FILE", [], "stages/records.py: the number of the process of dvc"),
    ("dvc.env:DVC_STAGE", [], "stages/records.py: the stage that runs"),
    ("dvc.utils.hydra:get_hydra_sweeps", ["path_overrides"], "experiments/sweep: the grid"),
    ("dvc.utils.hydra:apply_overrides", ["path", "overrides"], "experiments/sweep: the grid"),
    ("dvc.utils.serialize:load_yaml", ["path"], "experiments/sweep: the parameters of a set"),
    ("dvc.utils.serialize:parse_yaml", ["text", "path"], "experiments/sweep: those of a name"),
    ("dvc.utils.cli_parse:to_path_overrides", ["path_params"], "experiments/sweep: the grid"),
    ("dvc.repo.experiments.utils:exp_refs_by_baseline", ["scm", "revs"], "experiments/sweep"),
    (
        "dvc.repo.experiments.refs:ExpRefInfo.__init__",
        ["baseline_sha", "name"],
        "experiments/sweep",
    ),
    (
        "dvc.stage.cache:StageCache._load_cache",
        ["key", "value"],
        "experiments/sweep: finished runs",
    ),
    ("dvc.stage.cache:StageCache.get_used_objs", ["used_run_cache"], "experiments/sweep: files"),
    ("dvc.stage.cache:StageCache.push", ["remote"], "experiments/sweep: files of a remote"),
    ("dvc.config:Config.edit", ["level"], "experiments/sweep: the clone of an experiment"),
]


@pytest.mark.parametrize(("place", "arguments", "use"), INTERFACES)
def test_dvc_still_has(place, arguments, use):
    """The interface and its arguments; what it does is tested where it is used."""
    module, _, name = place.partition(":")
    interface = importlib.import_module(module)
    for part in name.split("."):
        interface = getattr(interface, part)
    if callable(interface):
        assert set(arguments) <= set(inspect.signature(interface).parameters), use


def test_names_in_dvc_are_unchanged():
    """The variable of a stage, and the file with the process that runs it."""
    from dvc.env import DVC_STAGE
    from dvc.rwlock import INFO_SCHEMA, RWLOCK_FILE

    assert (DVC_STAGE, RWLOCK_FILE) == ("DVC_STAGE", "rwlock")
    assert "pid" in {str(key) for key in INFO_SCHEMA}
