"""Write what the wheels for macOS say of the names that the guarded code uses: test/golden/metal-stubs.json.

    python scripts/metal-stubs.py FOLDER test/golden/metal-stubs.json

FOLDER holds two wheels of the pinned version, as pip gets them on any machine:

    python -m pip download --platform macosx_14_0_arm64 --python-version 3.11 --only-binary :all: --no-deps \\
        -d FOLDER mlx==VERSION mlx-metal==VERSION

Signatures are from the stubs in the first; the keys of `device_info`, which no stub names, are texts in the
library of the second. Run it again after a change of version, and when guarded code uses a new name.
"""

import hashlib
import json
import sys
import zipfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "test" / "support"))

from guarded_lines import calls
from mlx_stubs import signatures_of

DEVICE_KEYS = ("device_name", "memory_size", "max_recommended_working_set_size")


def wheel(folder: Path, name: str) -> Path:
    (found,) = folder.glob(f"{name}-*macosx*arm64.whl")
    return found


def main(folder: Path, out: Path) -> None:
    stubs, library = wheel(folder, "mlx"), wheel(folder, "mlx_metal")
    with zipfile.ZipFile(stubs) as archive:
        names = {
            name: signatures_of(name, lambda path: archive.read(path).decode())
            for name in sorted({call.name for call in calls()})
        }
    with zipfile.ZipFile(library) as archive:
        binary = archive.read("mlx/lib/libmlx.dylib")
    content = {
        "version": stubs.name.split("-")[1],
        "wheels": {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in (stubs, library)},
        "names": names,
        "deviceKeys": [key for key in DEVICE_KEYS if key.encode() + b"\0" in binary],
    }
    out.write_text(json.dumps(content, indent=2) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
