"""Portable arithmetic against torch's own, the pins against what a user may have set, and what is told where."""

import os
import subprocess
import sys

import pytest
import torch
from torch import nn

from src.arithmetic import linear, pins
from src.arithmetic.functions import exp, log_mean_exp
from tests.small_project import ROOT

CPU = torch.device("cpu")
needs_avx2 = pytest.mark.skipif(
    not pins.is_pinned(), reason="needs Linux on an x86-64 processor with AVX2 and FMA"
)


@pytest.fixture
def portable():
    linear.use("portable", CPU)
    yield
    linear.use("native", CPU)


@needs_avx2
@pytest.mark.parametrize(
    ("inputs", "outputs"), [(784, 512), (512, 784), (512, 2), (2, 512), (1, 3), (784, 784)]
)
@pytest.mark.parametrize("batch", [(128,), (96,), (1,), (5, 7)])
def test_the_portable_layer_is_torch_s_and_so_are_its_gradients(portable, inputs, outputs, batch):
    torch.manual_seed(0)
    layer, x = linear.Linear(inputs, outputs), torch.randn(*batch, inputs, requires_grad=True)
    weights = torch.randn(*batch, outputs)

    def computed(function) -> list[torch.Tensor]:
        y = function(x)
        return [y, *torch.autograd.grad((y * weights).sum(), [x, *layer.parameters()])]

    own, plain = (
        computed(layer),
        computed(lambda x: nn.functional.linear(x, layer.weight, layer.bias)),
    )
    for ours, theirs in zip(own, plain, strict=True):
        assert ours.shape == theirs.shape
        assert torch.allclose(ours, theirs, rtol=1e-4, atol=1e-4)


def test_the_exponential_and_the_mean_of_exponentials_are_as_precise_as_their_numbers():
    x = torch.linspace(-20, 20, 4001)
    assert torch.allclose(exp(x), x.double().exp().float(), rtol=2e-6)
    weights = 30 * torch.randn(9, 50, generator=torch.Generator().manual_seed(0)) - 500
    plain = weights.double().logsumexp(0) - torch.tensor(9.0).log()
    assert torch.allclose(log_mean_exp(weights).double(), plain, rtol=1e-6)


@needs_avx2
def test_what_a_user_has_set_changes_no_byte(project):
    """Were it not for the pins, each of these would."""
    theirs = {
        "ONEDNN_MAX_CPU_ISA": "SSE41",
        "ATEN_CPU_CAPABILITY": "default",
        "OPENBLAS_CORETYPE": "Prescott",
        "OMP_NUM_THREADS": "2",
    }
    before = project.outputs()
    assert before["data/models/ae.pt"]
    project.env = project.env | theirs
    for stage in (["stages.train", "vae"], ["stages.evaluate"]):
        project.run("python", "-m", *stage)
    project.env = {name: value for name, value in project.env.items() if name not in theirs}
    after = {path: digest for path, digest in project.outputs().items() if "unfinished" not in path}
    assert after == before


@needs_avx2
def test_pins_that_come_too_late_are_refused():
    code = "import numpy; from src.arithmetic.pins import pin; pin()"
    plain = {name: value for name, value in os.environ.items() if name not in pins.PINS}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=plain, capture_output=True, text=True
    )
    assert "RuntimeError: numpy loaded before the pins of its arithmetic were set" in done.stderr


@pytest.mark.parametrize(
    ("arithmetic", "device", "reason"),
    [
        ("native", "cpu", "params.yaml says native"),
        ("portable", "cuda:1", "portable is for the CPU, not for cuda:1"),
        ("portable", "mps", "portable is for the CPU, not for mps"),
    ],
)
def test_where_the_bytes_are_the_machine_s_own_one_line_says_so(arithmetic, device, reason, capsys):
    linear.use(arithmetic, torch.device(device))
    said = f"native arithmetic ({reason}): other kinds of machines give other bytes\n"
    assert capsys.readouterr().err == said


def test_without_the_pins_nothing_is_promised(monkeypatch, capsys):
    monkeypatch.delenv("ONEDNN_MAX_CPU_ISA", raising=False)
    linear.use("portable", CPU)
    assert (
        "portable needs Linux on an x86-64 processor with AVX2 and FMA" in capsys.readouterr().err
    )


@needs_avx2
def test_portable_arithmetic_says_nothing(portable, capsys):
    linear.use("portable", CPU)
    assert capsys.readouterr() == ("", "")
