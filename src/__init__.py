"""The subject of the project: models, losses, training, latent space and figures; nothing here knows of DVC."""
