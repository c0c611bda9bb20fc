"""Mail to a real server hears a password only over TLS."""

import base64
import os
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """For `localhost`, self-signed, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    place = tmp_path / "mail.pem"
    form = serialization.PrivateFormat.PKCS8
    secret = key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
    place.write_bytes(made.public_bytes(serialization.Encoding.PEM) + secret)
    return place


@pytest.fixture
def door() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as door:
        door.settimeout(60)
        yield door


def one_letter(door: socket.socket, certificate: Path, sealed: bool) -> list[str]:
    """A session of a client. As most servers do, it asks for a password only over TLS."""
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)
    line, _ = door.accept()
    line.settimeout(60)
    if sealed:
        line = tls.wrap_socket(line, server_side=True)
    heard: list[str] = []
    line.sendall(b"220 mail.example.org ESMTP\r\n")
    while "QUIT" not in heard:
        said = _said(line)
        action = said.partition(" ")[0].upper()
        heard.append(said if action == "AUTH" else action)
        if action == "EHLO":
            line.sendall(
                b"250-mail.example.org\r\n250 " + (b"AUTH PLAIN" if sealed else b"STARTTLS") + b"\r\n"
            )
        elif action == "STARTTLS":
            line.sendall(b"220 go on\r\n")
            line, sealed = tls.wrap_socket(line, server_side=True), True
        elif action == "AUTH":
            line.sendall(b"235 welcome\r\n")
        elif action == "DATA":
            line.sendall(b"354 go on\r\n")
            while _said(line) != ".":
                pass
            line.sendall(b"250 taken\r\n")
        else:
            line.sendall(b"250 fine\r\n")
    line.close()
    return heard


def _said(line: Any) -> str:
    said = b""
    while not said.endswith(b"\r\n"):
        byte = line.recv(1)
        assert byte, "it hung up"
        said += byte
    return said.decode().strip()


@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
def test_mail_and_password_go_over_tls(scheme: str, door: socket.socket, certificate: Path, tmp_path: Path):
    url = f"{scheme}://butt:s3%2Fcret@localhost:{door.getsockname()[1]}"
    environment = os.environ | {"BUTT_EMAIL_URL": url, "SSL_CERT_FILE": str(certificate)}
    environment |= {"DJANGO_SETTINGS_MODULE": "butt.settings"}
    command = [
        sys.executable,
        "-m",
        "butt",
        "manage",
        "--home",
        str(tmp_path),
        "sendtestemail",
        "a@example.org",
    ]
    with ThreadPoolExecutor(1) as beside:
        server: Future[list[str]] = beside.submit(one_letter, door, certificate, scheme == "smtps")
        subprocess.run(command, env=environment, check=True, timeout=300)
        heard = server.result()
    password = base64.b64encode(b"\0butt\0s3/cret").decode()
    before = ["EHLO", "STARTTLS"] if scheme == "smtp" else []
    assert heard == [*before, "EHLO", f"AUTH PLAIN {password}", "MAIL", "RCPT", "DATA", "QUIT"]
