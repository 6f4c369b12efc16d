"""Trains one model: data/DATASET/raw -> weights, loss table, and the film of the training."""

from functools import partial

from src.base.seeding import generator
from src.data import idx
from src.history.film import dump_film
from src.machine import devices
from src.models import contract
from src.models.networks import initialise
from src.models.registry import MODELS, dump_model
from src.train.checkpoint import Checkpoint
from src.train.loop import Settings, fit
from stages.guard import Inputs, write_tracked


def main(inputs: Inputs, name: str) -> dict[str, bytes]:
    params = inputs.params
    # What the section of the model holds besides its device are arguments of the model.
    arguments = dict(inputs.values[f"train_{name}"])
    device = devices.use(arguments.pop("device"), params.threads, inputs.kind)
    model = MODELS[name](
        params.latent_dims,
        hidden_dims=params.hidden_dims,
        reconstruction_loss=params.reconstruction_loss,
        **arguments,
    )
    initialise(model, generator(params.seed, "initialisation"))
    contract.check(model)
    raw = f"data/{params.dataset}/raw"
    loss_table = f"reports/{name}/loss.csv"
    losses, film = fit(
        model.to(device),
        idx.load(raw, "train", device)[0],
        idx.load(raw, "test", device)[0],
        Settings(params.epochs, params.batch_size, params.learning_rate, params.seed),
        checkpoint=Checkpoint(*inputs.state),
        publish=partial(write_tracked, loss_table),
    )
    return {
        loss_table: losses,
        f"data/training/{name}.npz": dump_film(film),
        f"data/models/{name}.pt": dump_model(name, model),
    }
