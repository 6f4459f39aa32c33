"""Unpack a layer's zip as Lambda does. Needs only the standard library, because it runs in Lambda's image.

python -m layer.building.unpack dist/rdspool-python3.13-x86_64.zip /opt
"""

from __future__ import annotations

import datetime
import os
import sys
import zipfile
from pathlib import Path


def unpack(path: Path, folder: Path) -> None:
    """Write the files of a zip to `folder`, with their modes and times. The folders have the time of their files."""
    with zipfile.ZipFile(path) as archive:
        for entry in archive.infolist():
            place = Path(archive.extract(entry, folder))
            place.chmod(entry.external_attr >> 16 & 0o777)
            time = datetime.datetime(*entry.date_time, tzinfo=datetime.UTC).timestamp()
            os.utime(place, (time, time))
            for parent in place.parents:
                if not parent.is_relative_to(folder):
                    break
                parent.chmod(0o755)
                os.utime(parent, (time, time))


if __name__ == "__main__":
    unpack(Path(sys.argv[1]), Path(sys.argv[2]))
