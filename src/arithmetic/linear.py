"""The linear layer, in portable or native arithmetic."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from src.arithmetic import pins, threads

# Called with weights that may change now, and their gradients in the same layout.
Update = Callable[[Sequence[Tensor], Sequence[Tensor]], None]

_portable = False  # in this process: like the number of threads, it reaches every layer


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
    product = _product(x, weight, bias, "none")
    if not torch.allclose(product, F.linear(x, weight, bias), atol=1e-3):
        return "oneDNN's product of two matrices is wrong in this process"
    return None


class Linear(nn.Linear):
    """torch's linear layer, with the same parameters: x (..., in) -> x W^T + b (..., out).

    In memory the longer side of the weight is contiguous, whichever it is. The product that gives
    its gradient then copies only the narrower of its two operands.
    """

    def reset_parameters(self) -> None:
        """Draw weight and bias, as torch's layer does: row by row."""
        self.weight.data = self.weight.data.contiguous()
        super().reset_parameters()
        if self.out_features > self.in_features:
            self.weight.data = self.weight.data.t().contiguous().t()

    def forward(self, x: Tensor) -> Tensor:
        if _portable and torch.is_grad_enabled():
            return _PortableLinear.apply(x, self.weight, self.bias)
        return _linear(x, self.weight, self.bias)

    def relu(self, x: Tensor) -> Tensor:
        """ReLU of the output in one operation, without autograd: (..., in) -> (..., out)."""
        return _linear(x, self.weight, self.bias, "relu")

    def backward(self, x: Tensor, gradient: Tensor, update: Update) -> Tensor:
        """From the gradient (n, out) of the output to that of the input x, (n, in).

        `update` gets the gradients of weight and bias.
        """
        x_gradient = _linear(gradient, self.weight.t())
        self.backward_of_weights(x, gradient, update)
        return x_gradient

    def backward_of_weights(self, x: Tensor, gradient: Tensor, update: Update) -> None:
        """The part of `backward` that a first layer needs: nobody asks for the gradient of x."""
        update((self.weight, self.bias), _weight_gradients(self.weight, x, gradient))


class _PortableLinear(torch.autograd.Function):
    """The product and both of its gradients by oneDNN's inner product."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(x, weight)
        return _linear(x, weight, bias)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor, Tensor | None]:
        x, weight = ctx.saved_tensors
        x_gradient = _linear(gradient, weight.t()) if ctx.needs_input_grad[0] else None
        of_weight, of_bias = _weight_gradients(weight, x.flatten(0, -2), gradient.flatten(0, -2))
        return x_gradient, of_weight, of_bias if ctx.needs_input_grad[2] else None


def _weight_gradients(weight: Tensor, x: Tensor, gradient: Tensor) -> tuple[Tensor, Tensor]:
    """The gradients of weight, gradient^T x, and bias, from x (n, in) and gradient (n, out).

    That of the weight has the weight's order in memory.
    """
    if weight.is_contiguous():
        of_weight = _linear(gradient.t(), x.t())
    else:
        of_weight = _linear(x.t(), gradient.t()).t()
    with threads.undivided():
        return of_weight, gradient.sum(0)


def _linear(
    x: Tensor, weight: Tensor, bias: Tensor | None = None, activation: str = "none"
) -> Tensor:
    """The activation, "none" or "relu", of x W^T + b, for x (..., in) and W (out, in)."""
    if _portable:
        return _product(x, weight, bias, activation)
    y = F.linear(x, weight, bias)
    return y.relu_() if activation == "relu" else y


def _product(x: Tensor, weight: Tensor, bias: Tensor | None, activation: str) -> Tensor:
    """x W^T + b by oneDNN, then the activation.

    Threads divide rows and columns of the result, so each number of it is one thread's; only for a
    single row oneDNN divides the sums instead.

    The operation is not part of torch's documented interface, but the documented way,
    `to_mkldnn`, copies both operands at every call. torch is pinned, and the tests compare the
    results with `torch.nn.functional.linear`.
    """
    is_single_row = x.numel() == x.shape[-1]
    with threads.undivided() if is_single_row else threads.divided():
        return torch.ops.mkldnn._linear_pointwise.default(x, weight, bias, activation, [], "")
