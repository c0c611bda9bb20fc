"""An independent S3 server: moto's, as a process of its own on loopback."""

import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

from tests.lanes import free_ports
from tests.service import wait_for


@contextmanager
def s3_server() -> Iterator[dict[str, str]]:
    """The variables with which clients find it. It has a bucket `copies`."""
    (port,) = free_ports(1)
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:

        def made() -> bool:
            assert process.poll() is None
            try:
                urllib.request.urlopen(urllib.request.Request(f"{url}/copies", method="PUT"), timeout=5)
            except OSError:
                return False
            return True

        try:
            wait_for(made)
            yield {
                "AWS_ENDPOINT": url,
                "AWS_ALLOW_HTTP": "true",
                "AWS_REGION": "us-east-1",
                "AWS_ACCESS_KEY_ID": "key",
                "AWS_SECRET_ACCESS_KEY": "secret",
            }
        finally:
            process.kill()
