"""This clone: what of it is sent to the nodes, and what comes back into it."""

import contextlib
import io
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path

from dvc.repo import Repo
from dvc.repo.experiments.utils import exp_refs_by_baseline
from dvc.utils.serialize import parse_yaml

from experiments.sweep.task import Experiment, Job
from src.base.errors import UserError
from src.base.files import write_whole


def git(*command: str, input: bytes | None = None) -> bytes:
    """Run git in this clone; its output. Raises UserError with what git says if it fails."""
    try:
        done = subprocess.run(["git", *command], input=input, capture_output=True, check=True)
    except subprocess.CalledProcessError as error:
        raise UserError(f"`git {' '.join(command)}`: {error.stderr.decode()}") from error
    return done.stdout


def committed() -> str:
    """The revision to run. Raises UserError if the workspace differs from it."""
    output = git("status", "--porcelain", "--untracked-files=no", "--", ".").decode()
    changed = [line[3:] for line in output.splitlines()]
    if changed:
        raise UserError(
            f"{', '.join(changed)} changed since the last commit, which is what a sweep runs; "
            "commit the change, or take it back with `git checkout`"
        )
    return git("rev-parse", "HEAD").decode().strip()


def committed_files(revision: str, folder: str) -> set[str]:
    """The files of a folder in a revision, by their path from here."""
    names = git("ls-tree", "-r", "-z", "--name-only", revision, "--", f"{folder}/").decode()
    return set(names.split("\0")) - {""}


def finished(repo: Repo, revision: str, experiments: list[Experiment]) -> set[str]:
    """The names of the experiments that this clone has.

    Raises UserError if one of them was run with other parameters.
    """
    refs = {ref.name: str(ref) for ref in exp_refs_by_baseline(repo.scm, {revision})[revision]}
    known = [experiment for experiment in experiments if experiment.name in refs]
    for experiment in known:
        content = git("show", f"{refs[experiment.name]}:./params.yaml").decode()
        if parse_yaml(content, "params.yaml") != experiment.params:
            raise UserError(
                f"there is an experiment {experiment.name} with other parameters; choose another "
                f"--name, or remove it with `dvc exp remove {experiment.name}`"
            )
    return {experiment.name for experiment in known}


def source(revision: str) -> bytes:
    """A clone of the last commit, without files and the history before it, as a tar archive.

    In it the commit's author is the author of experiments. Raises UserError if the last commit is
    not `revision` any more.
    """
    root = Path(git("rev-parse", "--show-toplevel").decode().rstrip("\n"))
    with tempfile.TemporaryDirectory() as folder:
        git("clone", "--quiet", "--no-checkout", "--depth", "1", root.as_uri(), folder)
        if git("-C", folder, "rev-parse", "HEAD").decode().strip() != revision:
            raise UserError("there is a new commit since the sweep was started; start it again")
        for key in ("name", "email"):
            value = git("log", "-1", f"--format=%a{key[0]}").decode().strip()
            git("-C", folder, "config", f"user.{key}", value)
        content = io.BytesIO()
        with tarfile.open(fileobj=content, mode="w") as archive:
            archive.add(folder, ".")
    return content.getvalue()


@contextlib.contextmanager
def prepared(
    repo: Repo, revision: str, experiments: list[Experiment], target: str
) -> Iterator[Job]:
    """What the experiments have in common, and while this lasts, the marker in the cache."""
    arithmetics = {experiment.params["arithmetic"] for experiment in experiments}
    cache = Path(repo.cache.local_cache_dir)
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=cache, prefix="sweep-") as marker:
        yield Job(
            revision=revision,
            source=source(revision),
            subfolder=git("rev-parse", "--show-prefix").decode().rstrip("\n"),
            target=target,
            arithmetic="native" if "native" in arithmetics else "portable",
            cache=str(cache),
            marker=Path(marker.name).name,
            remote=remote(repo),
        )


def remote(repo: Repo) -> dict[str, str]:
    """The default remote's name and URL, without its secrets."""
    name = repo.config["core"].get("remote")
    return {"name": name, "url": str(repo.config["remote"][name]["url"])} if name else {}


def _value(params: dict, name: str) -> object:
    """The value of a parameter or of a whole section, by its name with dots; None without one."""
    value: object = params
    for part in name.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


class Cached:
    """The cached files that experiments need on a machine that does not see the cache, by path."""

    def __init__(self, repo: Repo):
        self.repo = repo
        self.root = Path(repo.cache.local_cache_dir)
        self.committed = self._paths(repo.used_objs())
        self.runs: list[tuple[dict, set[str]]] = []  # parameters of a stage, and its files
        for path in sorted(Path(repo.stage_cache.cache_dir).glob("*/*/*")):
            run = path.parent.name, path.name
            entry = repo.stage_cache._load_cache(*run)
            if entry:
                paths = self._paths(repo.stage_cache.get_used_objs([run]))
                paths.add(path.relative_to(self.root).as_posix())
                self.runs.append((entry.get("params", {}).get("params.yaml", {}), paths))

    def _paths(self, used: dict) -> set[str]:
        odb = self.repo.cache.local
        paths = {Path(odb.oid_to_path(item.value)) for objects in used.values() for item in objects}
        return {path.relative_to(self.root).as_posix() for path in paths if path.is_file()}

    def needed(self, params: dict) -> set[str]:
        """What the commit uses, and what the run cache knows of stages with these parameters."""
        return self.committed.union(
            *(
                paths
                for recorded, paths in self.runs
                if all(_value(params, name) == value for name, value in recorded.items())
            )
        )

    def has(self, path: str) -> bool:
        return (self.root / path).exists()

    def read(self, path: str) -> bytes:
        return (self.root / path).read_bytes()

    def keep(self, path: str, content: bytes) -> None:
        """Put a file that an experiment has made into the cache, as DVC would."""
        write_whole(self.root / path, content)
        if path.startswith("files"):
            self.repo.cache.local.protect(str(self.root / path))


def receive(bundle: bytes) -> None:
    """Take the experiment that a bundle holds into this clone, in the place of one of its name."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(bundle)
        file.flush()
        git("fetch", "--quiet", "--no-write-fetch-head", file.name, "+refs/exps/*:refs/exps/*")
