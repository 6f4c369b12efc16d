"""The IDX reader: what torchvision reads, and what is refused."""

import shutil

import pytest
from torchvision.datasets import MNIST

from src.base.errors import UserError
from src.data import mnist


def test_torchvision_reads_what_we_read(digits, tmp_path):
    shutil.copytree(digits, tmp_path / "MNIST/raw")
    for split in ("train", "test"):
        images, labels = mnist.load(tmp_path / "MNIST/raw", split)
        theirs = MNIST(tmp_path, train=split == "train")
        assert images.shape == (len(theirs), 1, 28, 28)
        assert (images.squeeze(1) * 255 == theirs.data).all()
        assert labels.tolist() == theirs.targets.tolist()


@pytest.mark.parametrize("change", [lambda b: b[:-1], lambda b: b + b"\0", lambda b: b"", lambda b: b"\1" + b[1:]])
def test_a_damaged_idx_file_is_named_with_the_command_that_gets_it_again(digits, tmp_path, change):
    path = tmp_path / "train-images-idx3-ubyte"
    path.write_bytes(change((digits / path.name).read_bytes()))
    with pytest.raises(UserError, match=r"train-images-idx3-ubyte.*dvc repro download"):
        mnist.read_idx(path)


def test_images_and_labels_must_belong_together(digits, tmp_path):
    shutil.copytree(digits, tmp_path, dirs_exist_ok=True)
    shutil.copyfile(digits / "t10k-labels-idx1-ubyte", tmp_path / "train-labels-idx1-ubyte")
    with pytest.raises(UserError, match=r"1200.*597 labels"):
        mnist.load(tmp_path, "train")
