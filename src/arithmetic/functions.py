"""Functions of tensors with the same bytes on every processor, and with any number of threads.

The exponential and the logarithm are made of torch's own exp2 and log2, in the place of MKL's.
"""

import math
from collections.abc import Callable
from functools import cache

import torch
from torch import Tensor

from src.arithmetic import threads

REGISTERS = 16  # numbers that torch's kernels for AVX2 compute at a time
GRAIN = 32_768  # numbers below which torch divides no work


def exp(x: Tensor) -> Tensor:
    """e^x, element by element."""
    return _in_whole_registers(torch.exp2, x * math.log2(math.e))


def exp_backward(gradient: Tensor, result: Tensor) -> Tensor:
    """From the gradient of `result`, which is e^x, to that of x, as autograd computes it."""
    return gradient * result * math.log(2) * math.log2(math.e)


def log_mean_exp(x: Tensor) -> Tensor:
    """ln of the mean of e^x over the first dimension: (n, ...) -> (...)."""
    highest = x.amax(0)
    return highest + exp(x - highest).mean(0).log2() * math.log(2)


def sigmoid(x: Tensor) -> Tensor:
    """1 / (1 + e^-x), element by element."""
    return _in_whole_registers(torch.sigmoid, x)


def sigmoid_(x: Tensor) -> Tensor:
    """The same in the memory of x, which is lost."""
    return _in_whole_registers(torch.sigmoid_, x)


def total(x: Tensor) -> Tensor:
    """The sum of all numbers, a scalar."""
    with threads.undivided():
        return x.sum()


def _in_whole_registers(function: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """An element-by-element function, divided among all threads.

    torch gives each thread an equal part. What does not fill its last registers is computed by
    another formula, with other last digits; with one thread that is the end of the whole. So the
    beginning is computed apart, as far as its parts fill all of their registers.
    """
    if x.numel() < GRAIN:
        return function(x)
    end = _end_of_whole_registers(x.numel(), threads.count())
    with threads.divided():
        if end == x.numel():
            return function(x.contiguous())
        row = x.reshape(-1)
        return torch.cat((function(row[:end]), function(row[end:]))).view(x.shape)


@cache
def _end_of_whole_registers(numbers: int, count: int) -> int:
    """How many numbers, at most, `count` threads compute in parts that fill all registers."""
    for end in range(numbers - numbers % REGISTERS, 0, -REGISTERS):
        parts = min(count, math.ceil(end / GRAIN))
        if math.ceil(end / parts) % REGISTERS == 0:
            return end
    return 0
