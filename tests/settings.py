"""The service's own settings, with a home folder that is removed after the test run."""

import atexit
import os
import shutil
import sys
import tempfile
from pathlib import Path

from tests.lanes import PUB_PORTS
from tests.tables import TABLES

# Python may be told not to keep compiled files. Then each of the hundreds of programs that tests start, and each collection of
# the tests themselves, would compile everything again.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

WORKER = os.environ.get("PYTEST_XDIST_WORKER", "alone")

# Releases are known by the digest of their source, so those of an earlier run are as good as new ones.
KEPT_RELEASES = Path(__file__).parents[1] / "build" / "releases"

if os.environ.get("BUTT_TEST_WORKER") != WORKER:
    os.environ["BUTT_TEST_WORKER"] = WORKER
    os.environ["BUTT_PUB_PORTS"] = PUB_PORTS
    os.environ["BUTT_TEST_HOME"] = tempfile.mkdtemp(prefix="butt-test-")
    KEPT_RELEASES.mkdir(parents=True, exist_ok=True)
    Path(os.environ["BUTT_TEST_HOME"], "releases").symlink_to(KEPT_RELEASES)
    atexit.register(shutil.rmtree, os.environ["BUTT_TEST_HOME"], ignore_errors=True)
os.environ["BUTT_HOME"] = os.environ["BUTT_TEST_HOME"]
os.environ.setdefault("BUTT_BILLING", "free")

from butt.settings import *  # noqa: E402, F403

PASSWORD_HASHERS = ["tests.hashing.QuickHasher"]

# Each test client is a server of its own, which would look through all static files before its first answer. So it looks for a
# file only when it is asked for.
WHITENOISE_AUTOREFRESH = True

# Over PostgreSQL, the tests' own database is a copy of the one with tables.
if DATABASES["default"]["ENGINE"] != "django.db.backends.sqlite3":  # noqa: F405
    DATABASES["default"]["TEST"] = {"TEMPLATE": TABLES}  # noqa: F405
