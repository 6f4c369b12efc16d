"""Trains the variational autoencoder: data/MNIST/raw -> data/models/vae.pt and reports/vae/loss.csv."""

from functools import partial

from src import devices, losses, mnist, training
from src.models import VariationalAutoencoder, initialise, save_model
from src.params import read_params
from src.seeding import generator
from stages.common import run


def main() -> None:
    params = read_params()
    device = devices.use(params.train_vae.device, params.threads)
    images, _ = mnist.load("data/MNIST/raw", "train", device)
    test_images, _ = mnist.load("data/MNIST/raw", "test", device)

    kl = losses.KL_FORMS[params.train_vae.kl]
    model = VariationalAutoencoder(params.latent_dims, hidden_dims=params.hidden_dims, prior_std=kl.prior_std)
    initialise(model, generator(params.seed, "initialisation"))
    reconstruction = losses.RECONSTRUCTIONS[params.reconstruction_loss]
    rows = training.train(
        model.to(device),
        images,
        test_images,
        partial(losses.variational_terms, reconstruction=reconstruction, kl=kl.term),
        epochs=params.epochs,
        batch_size=params.batch_size,
        learning_rate=params.learning_rate,
        seed=params.seed,
        beta=params.train_vae.beta,
        kl_constant=kl.constant * params.latent_dims,
    )
    training.record(rows, "reports/vae/loss.csv", epochs=params.epochs, title="VAE")
    save_model(model, "data/models/vae.pt")


if __name__ == "__main__":
    run(main)
