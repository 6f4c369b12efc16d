"""What is computed in latent space to be drawn, and the pictures."""
