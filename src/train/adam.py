"""Adam (Kingma and Ba 2014), as torch's fused kernel computes it."""

import torch
from torch import Tensor, nn
from torch.optim.adam import adam


class Adam:
    """Adam with the defaults of torch.optim.Adam.

    The constructor of torch's own class imports the compiler, which takes more than a second.
    """

    def __init__(self, model: nn.Module, learning_rate: float):
        self.parameters: list[Tensor] = list(model.parameters())
        self.learning_rate = learning_rate
        # Running means of the gradients and of their squares.
        self.means = [torch.zeros_like(parameter) for parameter in self.parameters]
        self.squares = [torch.zeros_like(parameter) for parameter in self.parameters]
        self.steps = [torch.zeros((), device=parameter.device) for parameter in self.parameters]

    @torch.no_grad()
    def step(self) -> None:
        """Move the parameters along their gradients, then clear the gradients."""
        gradients = [p.grad for p in self.parameters if p.grad is not None]
        adam(
            self.parameters,
            gradients,
            self.means,
            self.squares,
            [],
            self.steps,
            fused=True,
            amsgrad=False,
            maximize=False,
            lr=self.learning_rate,
            beta1=0.9,
            beta2=0.999,
            eps=1e-8,
            weight_decay=0.0,
        )
        for parameter in self.parameters:
            parameter.grad = None

    def state(self) -> dict[str, list[Tensor]]:
        """The tensors that a checkpoint keeps."""
        return {"means": self.means, "squares": self.squares, "steps": self.steps}

    @torch.no_grad()
    def restore(self, state: dict[str, list[Tensor]]) -> None:
        """Go on from a state that `state()` returned."""
        for current, saved in zip(self.state().values(), state.values(), strict=True):
            for tensor, value in zip(current, saved, strict=True):
                tensor.copy_(value)
