"""Exponential and logarithm of torch's own exp2 and log2, in the place of MKL's exp and log."""

import math

from torch import Tensor


def exp(x: Tensor) -> Tensor:
    """e^x, element by element."""
    return (x * math.log2(math.e)).exp2()


def exp_backward(gradient: Tensor, result: Tensor) -> Tensor:
    """From the gradient of `result`, which is e^x, to that of x, as autograd computes it."""
    return gradient * result * math.log(2) * math.log2(math.e)


def log_mean_exp(x: Tensor) -> Tensor:
    """ln of the mean of e^x over the first dimension: (n, ...) -> (...)."""
    highest = x.amax(0)
    return highest + exp(x - highest).mean(0).log2() * math.log(2)
