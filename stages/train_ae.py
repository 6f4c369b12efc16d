"""Trains the autoencoder: data/MNIST/raw -> data/models/ae.pt and reports/ae/loss.csv."""

from functools import partial

from src import devices, losses, mnist, training
from src.models import Autoencoder, initialise, save_model
from src.params import read_params
from src.seeding import generator
from stages.common import run


def main() -> None:
    params = read_params()
    device = devices.use(params.train_ae.device, params.threads)
    images, _ = mnist.load("data/MNIST/raw", "train", device)
    test_images, _ = mnist.load("data/MNIST/raw", "test", device)

    model = Autoencoder(params.latent_dims, hidden_dims=params.hidden_dims)
    initialise(model, generator(params.seed, "initialisation"))
    rows = training.train(
        model.to(device),
        images,
        test_images,
        partial(losses.autoencoder_terms, reconstruction=losses.RECONSTRUCTIONS[params.reconstruction_loss]),
        epochs=params.epochs,
        batch_size=params.batch_size,
        learning_rate=params.learning_rate,
        seed=params.seed,
    )
    training.record(rows, "reports/ae/loss.csv", epochs=params.epochs, title="AE")
    save_model(model, "data/models/ae.pt")


if __name__ == "__main__":
    run(main)
