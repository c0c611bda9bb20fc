"""The pub, with a delay before it notes its latest sequence: whatever does not wait for the note comes
first.
"""

import os
import re
import time

from scuttlekit.pub.__main__ import main

TIME = 0.3
write = os.pwrite


def slowly(file: int, data: bytes, offset: int) -> int:
    if re.fullmatch(rb"\d{15}\n", data):
        time.sleep(TIME)
    return write(file, data, offset)


os.pwrite = slowly
main()
