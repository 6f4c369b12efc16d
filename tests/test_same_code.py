"""`python -m tools.same_code`: mended sentences are recorded without a run; other changes not."""

import pytest

from src.history import loss_table


def change(project, path: str, before: str, after: str) -> None:
    """Replace text in a file of the project by a new file: DVC looks at the inode too."""
    file = project.root / path
    text = file.read_text()
    assert before in text
    file.unlink()
    file.write_text(text.replace(before, after))


def test_mended_sentence_runs_nothing(project):
    """Comments and docstrings; dvc.lock changes in hashes of code only."""
    lock = project.root / "dvc.lock"
    recorded = lock.read_text().splitlines()
    change(project, "src/history/loss_table.py", loss_table.__doc__, "The table of losses.")
    change(project, "src/models/losses.py", "import math\n", "import math  # for logarithms\n")
    project.run("python", "-m", "tools.same_code")
    assert project.repro() == []
    changed = [line.split()[0] for line in lock.read_text().splitlines() if line not in recorded]
    assert set(changed) == {"md5:", "size:"}
    project.commit("a mended sentence")
    change(project, "src/history/loss_table.py", "The table of losses.", "The table of all losses.")
    assert "same code as in" in project.run("python", "-m", "tools.same_code").stdout
    assert project.repro() == []
    project.run("git", "reset", "--quiet", "--hard", "HEAD~")


@pytest.mark.parametrize(
    ("path", "before", "after"),
    [
        ("src/models/losses.py", "- 0.5\n", "- 0.25\n"),
        ("src/explore/page/page.css", "{", "{ /* a comment */"),
        ("data/sets/MNIST.yaml", "licence: ", "licence: not "),
        ("constraints.txt", "pandas==", "pandas==99."),
        ("params.yaml", "latent_dims: 2", "latent_dims: 3"),
        ("dvc.yaml", "python -m stages train ae", "python  -m stages train ae"),
        ("reports/ae/loss.csv", "epoch,", "Epoch,"),
        ("data/models/ae.pt", None, None),
    ],
)
def test_other_change_is_refused(project, path, before, after):
    """It ends in one line that names the file or the stage, and dvc.lock stays."""
    lock = (project.root / "dvc.lock").read_bytes()
    if before is None:
        (project.root / path).unlink()
    else:
        change(project, path, before, after)
    done = project.run("python", "-m", "tools.same_code", check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    assert "; run `dvc repro`" in done.stderr
    assert (project.root / "dvc.lock").read_bytes() == lock


def test_code_of_no_commit_is_refused(project):
    """The code that gave the results is in no commit, so nothing can be compared."""
    change(project, "src/models/losses.py", "import math\n", "import math  # never committed\n")
    project.repro()
    change(project, "src/models/losses.py", "import math  # never committed\n", "import math  #\n")
    done = project.run("python", "-m", "tools.same_code", check=False)
    assert "no commit has src/models as recorded in dvc.lock" in done.stderr
