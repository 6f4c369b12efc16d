"""Adam (Kingma and Ba 2014), as torch's fused kernel computes it."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from src.arithmetic.linear import Update


class Adam:
    """Adam with the defaults of torch.optim.Adam, for each weight as soon as its gradient is known.

    The constructor of torch's own class imports the compiler: 1.1 seconds in each training, which
    are 1.6 % of a whole `dvc repro` of 133 seconds.
    """

    def __init__(self, model: nn.Module, learning_rate: float):
        self.learning_rate = learning_rate
        weights: list[Tensor] = list(model.parameters())
        parameters = [_in_memory(weight.detach()) for weight in weights]
        # Running means of the gradients and of their squares.
        self.means = [torch.zeros_like(parameter) for parameter in parameters]
        self.squares = [torch.zeros_like(parameter) for parameter in parameters]
        self.count = torch.zeros((), device=parameters[0].device)  # of steps
        self.tensors_of = dict(
            zip(weights, zip(parameters, self.means, self.squares, strict=True), strict=True)
        )

    def next_step(self) -> Update:
        """Begin a step; the result moves weights along their gradients."""
        self.count += 1
        return self._update

    def _update(self, weights: Sequence[Tensor], gradients: Sequence[Tensor]) -> None:
        parameters, means, squares = zip(
            *(self.tensors_of[weight] for weight in weights), strict=True
        )
        torch._fused_adam_(
            parameters,
            [_in_memory(gradient) for gradient in gradients],
            means,
            squares,
            [],
            [self.count] * len(weights),
            lr=self.learning_rate,
            beta1=0.9,
            beta2=0.999,
            eps=1e-8,
            weight_decay=0.0,
            amsgrad=False,
            maximize=False,
        )

    def state(self) -> dict[str, list[Tensor]]:
        """The tensors that a checkpoint keeps."""
        return {"means": self.means, "squares": self.squares, "count": [self.count]}

    def restore(self, state: dict[str, list[Tensor]]) -> None:
        """Go on from a state that `state()` returned."""
        for current, saved in zip(self.state().values(), state.values(), strict=True):
            for tensor, value in zip(current, saved, strict=True):
                tensor.copy_(value)


def _in_memory(tensor: Tensor) -> Tensor:
    """The numbers of a tensor without gaps as one row, in their order in memory: (n,).

    Adam treats each number alike, whatever its place; torch's kernel copies other tensors first.
    """
    return tensor if tensor.is_contiguous() else tensor.as_strided((tensor.numel(),), (1,))
