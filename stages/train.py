"""Trains one model: data/DATASET/raw -> data/models/NAME.pt and reports/NAME/loss.csv."""

from functools import partial

from src.base import devices
from src.base.seeding import generator
from src.data import idx
from src.models.networks import initialise
from src.models.registry import MODELS, build, dump_model
from src.train.checkpoint import Checkpoint, fingerprint
from src.train.loop import Settings, fit
from stages.guard import UNFINISHED, Parameters, run, write_tracked


def main(params: Parameters, name: str) -> dict[str, bytes]:
    kind, own, table = MODELS[name], params[f"train_{name}"], f"reports/{name}/loss.csv"
    raw = f"data/{params.dataset}/raw"
    device = devices.use(own.device, params.threads, params.arithmetic)
    prior = {"kl": own.kl, "beta": own.beta} if kind.kl_forms else {}
    model, objective = build(
        name, params.latent_dims, params.hidden_dims, params.reconstruction_loss, **prior
    )
    initialise(model, generator(params.seed, "initialisation"))
    settings = Settings(params.epochs, params.batch_size, params.learning_rate, params.seed)
    numerics = [device.type, params.threads, params.arithmetic]
    decisive = [name, model.config, prior, params.reconstruction_loss, vars(settings), numerics]
    losses = fit(
        model.to(device),
        idx.load(raw, "train", device)[0],
        idx.load(raw, "test", device)[0],
        objective,
        settings,
        title=kind.title,
        checkpoint=Checkpoint(UNFINISHED / f"train_{name}.pt", fingerprint(decisive, raw)),
        publish=partial(write_tracked, table),
    )
    return {table: losses, f"data/models/{name}.pt": dump_model(name, model)}


if __name__ == "__main__":
    run(main)
