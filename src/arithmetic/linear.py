"""The linear layer, in portable or native arithmetic."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from src.arithmetic import pins

_portable = False  # in this process: like torch's number of threads, it reaches every layer


def use_portable(portable: bool) -> None:
    """Choose how all linear layers of this process compute: portable, or as torch does."""
    global _portable
    _portable = portable


def fault_of_portable() -> str | None:
    """Why this process cannot compute portably, in words; None if it can.

    The product has the shape of the default settings; its operands are made without random
    numbers. With fewer threads than it asks for, oneDNN leaves parts of a product unwritten.
    """
    if not pins.is_pinned() or torch.backends.cpu.get_cpu_capability() != "AVX2":
        return "its environment variables came too late"
    if not torch.backends.mkldnn.is_available():
        return "this torch has no oneDNN"
    x = torch.arange(128 * 784).remainder(13).sub(6).div(7).reshape(128, 784)
    weight = torch.arange(512 * 784).remainder(17).sub(8).div(9).reshape(512, 784)
    bias = torch.arange(512).div(512)
    if not torch.allclose(_product(x, weight, bias), F.linear(x, weight, bias), atol=1e-3):
        return "oneDNN's product of two matrices is wrong in this process"
    return None


class Linear(nn.Linear):
    """torch's linear layer, with the same parameters: x (..., in) -> x W^T + b (..., out)."""

    def forward(self, x: Tensor) -> Tensor:
        if _portable:
            return _PortableLinear.apply(x, self.weight, self.bias)
        return super().forward(x)


class _PortableLinear(torch.autograd.Function):
    """The product and both of its gradients by oneDNN's inner product."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        ctx.save_for_backward(x, weight)
        return _product(x, weight, bias)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor, Tensor]:
        x, weight = ctx.saved_tensors
        x_gradient = _product(gradient, weight.t()) if ctx.needs_input_grad[0] else None
        x = x.flatten(0, -2)
        gradient = gradient.flatten(0, -2)
        return x_gradient, _product(gradient.t(), x.t()), gradient.sum(0)


def _product(a: Tensor, b: Tensor, bias: Tensor | None = None) -> Tensor:
    """a b^T + bias for a (..., n) and b (m, n).

    The operation is not part of torch's documented interface, but the documented way,
    `to_mkldnn`, copies both operands at every call. torch is pinned, and the tests compare the
    results with `torch.nn.functional.linear`.
    """
    return torch.ops.mkldnn._linear_pointwise(a, b, bias, "none", [], "")
