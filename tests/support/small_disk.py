"""A small file system of its own, which can be filled to the last byte and emptied again."""

import errno
import shutil
import subprocess
from pathlib import Path

CHUNK_BYTES = 1 << 16


class SmallDisk:
    """A tmpfs at a new folder, for whoever may mount one: root, with the right to."""

    def __init__(self, folder: Path, size_mb: int):
        self.folder = folder
        self._ballast = folder / "ballast"
        folder.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", f"size={size_mb}m,mode=0711", "tmpfs", str(folder)]
        done = subprocess.run(mount, check=False, capture_output=True, text=True)
        assert done.returncode == 0, f"this needs the right to mount a tmpfs: {done.stderr}"

    def fill(self) -> None:
        """Leave no room for anything else."""
        with self._ballast.open("ab", buffering=0) as ballast:
            size = CHUNK_BYTES
            while size:
                try:
                    ballast.write(bytes(size))
                except OSError as error:
                    if error.errno != errno.ENOSPC:
                        raise
                    size //= 2

    def free(self) -> None:
        """Give the room back."""
        self._ballast.unlink(missing_ok=True)

    @property
    def free_bytes(self) -> int:
        """How much room there is."""
        return shutil.disk_usage(self.folder).free

    def end(self) -> None:
        """Unmount it, also while something still has a file open there."""
        subprocess.run(["umount", "--lazy", str(self.folder)], check=True)
