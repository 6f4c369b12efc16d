"""Trains the autoencoder: data/MNIST/raw -> data/models/ae.pt and reports/ae/loss.csv."""

from functools import partial

from src import devices, losses, training
from src.models import Autoencoder, dump_model, initialise
from src.params import read_params
from src.seeding import generator
from stages.common import lock, run

STATE = "data/unfinished/ae.pt"


def main() -> dict[str, bytes]:
    with lock():
        params = read_params()
    device = devices.use(params.train_ae.device, params.threads)
    model = Autoencoder(params.latent_dims, hidden_dims=params.hidden_dims)
    initialise(model, generator(params.seed, "initialisation"))
    table = training.fit(
        model.to(device),
        partial(losses.autoencoder_terms, reconstruction=losses.RECONSTRUCTIONS[params.reconstruction_loss]),
        training.Settings(params.epochs, params.batch_size, params.learning_rate, params.seed),
        title="AE",
        raw="data/MNIST/raw",
        table="reports/ae/loss.csv",
        state=STATE,
        lock=lock(),
    )
    return {"reports/ae/loss.csv": table, "data/models/ae.pt": dump_model(model)}


if __name__ == "__main__":
    run(main, unfinished=STATE)
