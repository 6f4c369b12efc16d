"""The training of both models in JAX and optax, to be measured beside this project's."""

import time
from collections.abc import Iterator
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import Array

Layers = dict[str, dict[str, Array]]
BATCH = 128


def train(kind: str, way: str, epochs: int, pixels: np.ndarray) -> Iterator[tuple[float, float]]:
    """Seconds and loss of each epoch, the first with its compilation.

    `way` is "scan", which compiles an epoch as one loop, or "step", a compiled step that Python
    calls. `pixels`, (n, 784), are bytes; JAX keeps them as numbers in [0, 1].
    """
    images = jnp.asarray(pixels, jnp.float32) / 255
    adam = optax.adam(1e-3)
    layers = initial_layers(kind)
    state = (layers, adam.init(layers))

    def step(state: tuple[Layers, Any], batch: tuple[Array, Array]) -> tuple[Any, Array]:
        indices, key = batch
        layers, averages = state
        value, gradients = jax.value_and_grad(partial(loss, kind))(layers, images[indices], key)
        updates, averages = adam.update(gradients, averages)
        return (optax.apply_updates(layers, updates), averages), value

    compiled_step = jax.jit(step, donate_argnums=0)
    compiled_scan = jax.jit(partial(jax.lax.scan, step), donate_argnums=0)
    for epoch in range(epochs):
        start = time.perf_counter()
        order = np.random.default_rng(epoch).permutation(len(images))
        full = len(order) // BATCH
        keys = jax.random.split(jax.random.key(epoch), full + 1)
        batches = jnp.asarray(order[: full * BATCH].reshape(full, BATCH))
        if way == "scan":
            state, values = compiled_scan(state, (batches, keys[:full]))
            total = float(values.sum())
        else:
            terms = []
            for batch in zip(batches, keys[:full], strict=True):
                state, value = compiled_step(state, batch)
                terms.append(value)
            total = float(jnp.stack(terms).sum())
        if len(order) % BATCH:
            last = jnp.asarray(order[full * BATCH :])
            state, value = compiled_step(state, (last, keys[full]))
            total += float(value)
        yield time.perf_counter() - start, total


def initial_layers(kind: str) -> Layers:
    """Weights (in, out) and biases, as torch's layers draw them."""
    sizes = {"encoder1": (784, 512), "mu": (512, 2), "decoder1": (2, 512), "decoder2": (512, 784)}
    if kind == "vae":
        sizes["log_sigma"] = (512, 2)
    layers = {}
    for number, (name, (inputs, outputs)) in enumerate(sizes.items()):
        weight_key, bias_key = jax.random.split(jax.random.key(number))
        uniform = partial(jax.random.uniform, minval=-(inputs**-0.5), maxval=inputs**-0.5)
        layers[name] = {
            "weight": uniform(weight_key, (inputs, outputs)),
            "bias": uniform(bias_key, (outputs,)),
        }
    return layers


def loss(kind: str, layers: Layers, x: Array, key: Array) -> Array:
    """The tutorial's loss of a batch x, (batch, 784)."""

    def linear(name: str, x: Array) -> Array:
        return x @ layers[name]["weight"] + layers[name]["bias"]

    hidden = jax.nn.relu(linear("encoder1", x))
    z, kl = linear("mu", hidden), jnp.zeros(())
    if kind == "vae":
        mu, log_sigma = z, linear("log_sigma", hidden)
        sigma = jnp.exp(log_sigma)
        z = mu + sigma * jax.random.normal(key, mu.shape)
        kl = (sigma**2 + mu**2 - log_sigma - 0.5).sum()
    x_hat = jax.nn.sigmoid(linear("decoder2", jax.nn.relu(linear("decoder1", z))))
    return ((x - x_hat) ** 2).sum() + kl
