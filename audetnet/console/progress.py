"""Progress bars in a terminal, nothing elsewhere."""

import sys
from types import TracebackType

from tqdm import tqdm

from audetnet.console.lines import is_silent


class ProgressBar:
    """A bar on stderr while open, if stderr is a terminal."""

    def __init__(self, title: str, total: int, done: int = 0, unit: str = "batch") -> None:
        self._bar = tqdm(
            desc=title,
            total=total,
            initial=done,
            unit=unit,
            leave=False,
            dynamic_ncols=True,
            disable=is_silent() or not sys.stderr.isatty(),
        )

    def __enter__(self) -> "ProgressBar":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.close()

    def advance(self, count: int = 1) -> None:
        """Count ``count`` more as done."""
        self._bar.update(count)

    def show(self, numbers: dict[str, float]) -> None:
        """Show the losses among ``numbers`` beside the bar."""
        self._bar.set_postfix(
            {k.removesuffix("_loss"): f"{v:.3f}" for k, v in numbers.items() if k.endswith("_loss")}
        )
