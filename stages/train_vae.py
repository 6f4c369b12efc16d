"""Trains the variational autoencoder: data/MNIST/raw -> data/models/vae.pt and reports/vae/loss.csv."""

from functools import partial

from src import devices, losses, training
from src.models import VariationalAutoencoder, dump_model, initialise
from src.params import read_params
from src.seeding import generator
from stages.common import lock, run

STATE = "data/unfinished/vae.pt"


def main() -> dict[str, bytes]:
    with lock():
        params = read_params()
    device = devices.use(params.train_vae.device, params.threads)
    kl = losses.KL_FORMS[params.train_vae.kl]
    reconstruction = losses.RECONSTRUCTIONS[params.reconstruction_loss]
    model = VariationalAutoencoder(params.latent_dims, hidden_dims=params.hidden_dims, prior_std=kl.prior_std)
    initialise(model, generator(params.seed, "initialisation"))
    table = training.fit(
        model.to(device),
        partial(losses.variational_terms, reconstruction=reconstruction, kl=kl.term),
        training.Settings(
            params.epochs,
            params.batch_size,
            params.learning_rate,
            params.seed,
            beta=params.train_vae.beta,
            kl_constant=kl.constant * params.latent_dims,
        ),
        title="VAE",
        raw="data/MNIST/raw",
        table="reports/vae/loss.csv",
        state=STATE,
        lock=lock(),
    )
    return {"reports/vae/loss.csv": table, "data/models/vae.pt": dump_model(model)}


if __name__ == "__main__":
    run(main, unfinished=STATE)
