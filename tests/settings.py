"""The service's own settings, with a home folder that goes with the test run."""

import atexit
import os
import shutil
import tempfile

if "BUTT_TEST_HOME" not in os.environ:
    os.environ["BUTT_TEST_HOME"] = tempfile.mkdtemp(prefix="butt-test-")
    atexit.register(shutil.rmtree, os.environ["BUTT_TEST_HOME"], ignore_errors=True)
os.environ["BUTT_HOME"] = os.environ["BUTT_TEST_HOME"]

from butt.settings import *  # noqa: E402, F403
