"""The linear layer, in portable or native arithmetic, and the choice between the two."""

import sys

import torch
from torch import Tensor, nn

from src.arithmetic.pins import is_pinned

_portable = (
    False  # in this process: like torch's number of threads, a setting that reaches every layer
)


def use(arithmetic: str, device: torch.device) -> None:
    """Choose how this process computes linear layers: `portable` or `native`. Native is also what is left where
    portable cannot be had. In both cases one line tells that the results' bytes are this machine's own.
    """
    global _portable
    missing = "params.yaml says native" if arithmetic == "native" else _lacking(device)
    _portable = missing is None
    if missing:
        print(
            f"native arithmetic ({missing}): other kinds of machines give other bytes",
            file=sys.stderr,
            flush=True,
        )


def _lacking(device: torch.device) -> str | None:
    """What portable arithmetic would need and this device does not have; None if it has all."""
    if device.type != "cpu":
        return f"portable is for the CPU, not for {device}"
    if not is_pinned() or torch.backends.cpu.get_cpu_capability() != "AVX2":
        return "portable needs Linux on an x86-64 processor with AVX2 and FMA"
    if not torch.backends.mkldnn.is_available():
        return "portable needs a torch with oneDNN"
    return None


class Linear(nn.Linear):
    """torch's linear layer, with the same parameters and their names: x (..., in) -> x W^T + b (..., out)."""

    def forward(self, x: Tensor) -> Tensor:
        return _PortableLinear.apply(x, self.weight, self.bias) if _portable else super().forward(x)


class _PortableLinear(torch.autograd.Function):
    """The product and both of its gradients by oneDNN's inner product."""

    @staticmethod
    def forward(ctx, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        ctx.save_for_backward(x, weight)
        return _product(x, weight, bias)

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[Tensor | None, Tensor, Tensor]:
        x, weight = ctx.saved_tensors
        for_x = _product(gradient, weight.t()) if ctx.needs_input_grad[0] else None
        x, gradient = x.flatten(0, -2), gradient.flatten(0, -2)
        return for_x, _product(gradient.t(), x.t()), gradient.sum(0)


def _product(a: Tensor, b: Tensor, bias: Tensor | None = None) -> Tensor:
    """a b^T + bias for a (..., n) and b (m, n).

    The operation is not part of torch's documented interface, but the documented way, `to_mkldnn`, copies both
    operands at every call. torch is pinned, and the tests hold the results against `torch.nn.functional.linear`.
    """
    return torch.ops.mkldnn._linear_pointwise(a, b, bias, "none", [], "")
