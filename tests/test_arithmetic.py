"""Portable arithmetic against torch's own; the variables of libraries against what a user set."""

import os
import subprocess
import sys

import pytest
import torch
from torch import nn

from src.arithmetic import kinds, linear, pins
from src.arithmetic.functions import exp, log_mean_exp
from tools.small_project import ROOT

needs_avx2 = pytest.mark.skipif(
    not pins.is_pinned(), reason="needs Linux on an x86-64 processor with AVX2 and FMA"
)
# Each of these would change the bytes, or end the stage, if it reached the libraries.
FOREIGN_VARIABLES = {
    "ATEN_CPU_CAPABILITY": "default",
    "MKL_CBWR": "COMPATIBLE",
    "NPY_ENABLE_CPU_FEATURES": "AVX512F",
    "OMP_DYNAMIC": "true",
    "OMP_MAX_ACTIVE_LEVELS": "0",
    "OMP_NUM_THREADS": "2",
    "OMP_THREAD_LIMIT": "1",
    "ONEDNN_DEFAULT_FPMATH_MODE": "BF16",
    "ONEDNN_MAX_CPU_ISA": "SSE41",
    "OPENBLAS_CORETYPE": "Prescott",
}


@pytest.fixture
def portable():
    """All linear layers of this process compute portably."""
    linear.use_portable(True)
    yield
    linear.use_portable(False)


@needs_avx2
@pytest.mark.parametrize(
    ("inputs", "outputs"), [(784, 512), (512, 784), (512, 2), (2, 512), (1, 3), (784, 784)]
)
@pytest.mark.parametrize("batch", [(128,), (96,), (1,), (5, 7)])
@pytest.mark.parametrize("bias", [True, False])
def test_portable_layer_agrees_with_torch(portable, inputs, outputs, batch, bias):
    """Forwards and backwards."""
    torch.manual_seed(0)
    layer = linear.Linear(inputs, outputs, bias=bias)
    x = torch.randn(*batch, inputs, requires_grad=True)
    weights = torch.randn(*batch, outputs)

    def computed(function) -> list[torch.Tensor]:
        y = function(x)
        return [y, *torch.autograd.grad((y * weights).sum(), [x, *layer.parameters()])]

    ours = computed(layer)
    torchs = computed(lambda x: nn.functional.linear(x, layer.weight, layer.bias))
    for our, other in zip(ours, torchs, strict=True):
        assert our.shape == other.shape
        assert torch.allclose(our, other, rtol=1e-4, atol=1e-4)


def test_exponential_is_precise():
    """As precise as numbers of 32 bits allow."""
    x = torch.linspace(-20, 20, 4001)
    assert torch.allclose(exp(x), x.double().exp().float(), rtol=2e-6)


def test_mean_of_exponentials_is_precise():
    """Also where each of them is too small for 32 bits."""
    weights = 30 * torch.randn(9, 50, generator=torch.Generator().manual_seed(0)) - 500
    exact = weights.double().logsumexp(0) - torch.tensor(9.0).log()
    assert torch.allclose(log_mean_exp(weights).double(), exact, rtol=1e-6)


@needs_avx2
@pytest.mark.parametrize("stage", [("train", "vae"), ("evaluate",)])
def test_variables_of_a_user_change_nothing(project, stage):
    """Results with the variables set are those without them."""
    before = project.outputs()
    settings = [f"{name}={value}" for name, value in FOREIGN_VARIABLES.items()]
    project.run("env", *settings, "python", "-m", "stages", *stage)
    assert project.outputs() == before


@pytest.mark.parametrize("has_avx2", [True, False])
def test_foreign_variables_are_removed(monkeypatch, has_avx2):
    """On every processor; the pins are set on those with AVX2."""
    environment = dict(
        FOREIGN_VARIABLES, HOME="/home", OMP_WAIT_POLICY="PASSIVE", MPLBACKEND="nonsense"
    )
    monkeypatch.setattr(pins.os, "environ", environment)
    monkeypatch.setattr(pins.sys, "modules", {})
    monkeypatch.setattr(pins, "has_avx2", lambda: has_avx2)
    monkeypatch.setattr(pins, "_done", False)
    pins.pin()
    kept = {"HOME": "/home", "OMP_WAIT_POLICY": "PASSIVE", "MATPLOTLIBRC": os.devnull}
    assert environment == kept | (pins.PINS if has_avx2 else {})


@pytest.mark.slow
@needs_avx2
@pytest.mark.parametrize("variables", [{}, pins.PINS | {"OMP_THREAD_LIMIT": "1"}])
def test_late_pins_are_refused(variables):
    """A library that is loaded does not notice what is set."""
    code = "import numpy; from src.arithmetic.pins import pin; pin()"
    env = {name: value for name, value in os.environ.items() if name not in pins.PINS} | variables
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=env, capture_output=True, text=True
    )
    assert "numpy imported before pins.pin()" in done.stderr


@needs_avx2
def test_pinned_process_computes_portably():
    """In this process, which has the pins."""
    torch.set_num_threads(1)
    assert linear.fault_of_portable() is None


@needs_avx2
def test_wrong_product_is_a_fault(monkeypatch):
    """As with fewer threads than oneDNN asks for: a part of the product is unwritten."""
    right = linear._product

    def half_written(*operands):
        product = right(*operands)
        product[len(product) // 2 :] = 0
        return product

    monkeypatch.setattr(linear, "_product", half_written)
    assert "product of two matrices is wrong" in linear.fault_of_portable()


@needs_avx2
def test_missing_pins_are_a_fault(monkeypatch):
    """Without them the bytes are those of one processor."""
    monkeypatch.delenv("ONEDNN_MAX_CPU_ISA")
    assert "came too late" in linear.fault_of_portable()


def test_other_processors_compute_natively(monkeypatch):
    """Without AVX2, portable arithmetic is not promised."""
    monkeypatch.setattr(pins, "has_avx2", lambda: False)
    assert kinds.of_cpu("portable", 2).startswith("native ")
