"""A writer of TensorBoard event files. TensorBoard's own writer runs in a thread, where disk errors
end in a traceback; this one raises FileError in the caller.
"""

import os
import platform
import time
from contextlib import suppress
from pathlib import Path

from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.summary.writer.record_writer import RecordWriter
from torch.utils.tensorboard.summary import image, scalar

from audetnet.files.atomic import FileError, write_errors
from audetnet.training.pictures import Picture


class EventFile:
    """A new event file. It supersedes events of older files from ``first_step`` on."""

    def __init__(self, directory: Path, first_step: int) -> None:
        name = f"events.out.tfevents.{time.time():.6f}.{platform.node()}.{os.getpid()}"
        self._path = directory / name
        with write_errors(self._path):
            directory.mkdir(parents=True, exist_ok=True)
            self._file = self._path.open("wb")
        self._records = RecordWriter(self._file)
        try:
            self._add(Event(file_version="brain.Event:2"))
            self._add(Event(session_log=SessionLog(status=SessionLog.START), step=first_step))
            self.flush()
        except FileError:
            self.close()
            raise

    def scalar(self, tag: str, value: float, step: int) -> None:
        self._add(Event(summary=scalar(tag, value), step=step))

    def image(self, tag: str, picture: Picture, step: int) -> None:
        self._add(Event(summary=image(tag, picture, dataformats="HWC"), step=step))

    def flush(self) -> None:
        with write_errors(self._path):
            self._file.flush()

    def close(self) -> None:
        """Raises nothing: earlier writes would have failed too."""
        with suppress(OSError):
            self._file.close()

    def _add(self, event: Event) -> None:
        event.wall_time = time.time()
        with write_errors(self._path):
            self._records.write(event.SerializeToString())
