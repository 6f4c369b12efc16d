"""Draws all experiments against one of their parameters; run it by hand: `python -m stages.compare latent_dims`."""

import io
import subprocess
import sys

import pandas as pd

from src import figures
from src.errors import UserError
from stages.common import run

PANELS = {
    "test loss per image": {
        "AE: squared error": "reports/ae/metrics.json:test_sse",
        "VAE: negative ELBO": "test_neg_elbo",
    },
    "squared error per pixel on test images": {
        "AE": "reports/ae/metrics.json:test_mse",
        "VAE": "reports/vae/metrics.json:test_mse",
        "PCA": "reports/vae/metrics.json:pca_test_mse",
    },
}


def main(parameter: str = "latent_dims") -> dict[str, bytes]:
    command = [sys.executable, "-m", "dvc", "exp", "show", "--csv", "--hide-workspace"]
    shown = subprocess.run(command, capture_output=True, text=True)
    if shown.returncode:
        raise UserError(f"`dvc exp show` failed: {shown.stderr.strip()}")
    table = pd.read_csv(io.StringIO(shown.stdout))
    wanted = [parameter, *(column for curves in PANELS.values() for column in curves.values())]
    missing = [name for name in wanted if name not in table or not pd.api.types.is_numeric_dtype(table[name])]
    if missing:
        raise UserError(f"no experiment has numbers for {', '.join(missing)}; `dvc exp show` lists what there is")
    table = table.dropna(subset=wanted).sort_values(parameter)
    panels = {
        unit: {name: table[column].to_numpy() for name, column in curves.items()} for unit, curves in PANELS.items()
    }
    figure = figures.comparison(table[parameter].to_numpy(), parameter, panels)
    print(f"reports/experiments.png: {len(table)} runs against {parameter}")
    return {"reports/experiments.png": figures.png(figure)}


if __name__ == "__main__":
    run(main)
