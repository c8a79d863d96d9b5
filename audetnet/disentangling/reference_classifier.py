"""A network without any part in AUDetNet's training that recognises AUs and people in images.

It is trained on the original frames of the training people, and cached with them.
"""

import hashlib
import io
from copy import deepcopy
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from audetnet.console.lines import note
from audetnet.console.progress import ProgressBar
from audetnet.data.augment import Augmentation
from audetnet.data.frames import FrameSet
from audetnet.faces.dlib_models import INSTALL
from audetnet.files.atomic import FileError, check_regular, write_bytes
from audetnet.labels import active
from audetnet.networks.au_head import masked_loss
from audetnet.seeds import Purpose, numpy_generator, seeded, torch_generator

SIDE = 64
"""Images of any size are resized to this."""
_VERSION = 1
_WIDTHS = (24, 48, 96, 128)
_EPOCHS, _BATCH = 20, 32
_LEARNING_RATE, _WEIGHT_DECAY = 2e-3, 1e-3
_SMALLEST = 0.25
"""Training images are blurred by downscaling them to as little as this, because reconstructions
are blurred.
"""
_PERSON_WEIGHT = 0.3


class ReferenceClassifier(nn.Module):
    """Convolutions with two heads: AUs, and which of the training people it is."""

    embedder_name = (
        f"the report's own, trained on the training people (for dlib's face descriptor: {INSTALL})"
    )
    max_frames = None

    def __init__(self, aus: int, people: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for source, width in zip((3, *_WIDTHS), _WIDTHS, strict=False):
            layers += [
                nn.Conv2d(source, width, 3, stride=2, padding=1, bias=False),
                nn.BatchNorm2d(width),
                nn.ReLU(),
                nn.Conv2d(width, width, 3, padding=1, bias=False),
                nn.BatchNorm2d(width),
                nn.ReLU(),
            ]
        self.trunk = nn.Sequential(*layers)
        positions = (SIDE // 2 ** len(_WIDTHS)) ** 2
        self.aus = nn.Sequential(
            nn.Flatten(), nn.Dropout(0.5), nn.Linear(_WIDTHS[-1] * positions, aus)
        )
        self.person = nn.Linear(_WIDTHS[-1], people)

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Logits of AUs (B, A) and of people (B, P) for pixels (B, 3, H, W) in [0, 1]."""
        features = self._features(pixels)
        return self.aus(features), self.person(features.mean(dim=(2, 3)))

    def _features(self, pixels: Tensor) -> Tensor:
        resized = F.interpolate(pixels, (SIDE, SIDE), mode="bilinear", antialias=True)
        features: Tensor = self.trunk(resized * 2 - 1)
        return features

    @torch.no_grad()
    def scores(self, pixels: Tensor) -> Tensor:
        """Logits (B, A) of the AUs in pixels (B, 3, H, W) in [0, 1]."""
        scores: Tensor = self(pixels)[0]
        return scores

    @torch.no_grad()
    def embedding(self, pixels: Tensor) -> Tensor:
        """Features (B, D) from which the person is classified, of pixels (B, 3, H, W) in [0, 1]."""
        return self._features(pixels).mean(dim=(2, 3))


def trained_classifier(
    frames: FrameSet,
    pixels: npt.NDArray[np.uint8],
    active_from: float,
    cache: Path | None,
    device: torch.device,
    seed: int,
) -> ReferenceClassifier:
    """A classifier trained on these frames, pixels (N, 3, H, W), in eval mode on the device; loaded
    from ``cache`` if it was trained on the same before. None: no cache.
    """
    labels = torch.from_numpy(active(frames.labels, active_from))
    people, person = np.unique(frames.subjects, return_inverse=True)
    path = cache and cache / f"judge-{_digest(frames, pixels, active_from, seed)}.pt"
    with seeded(device, seed, Purpose.DISENTANGLING):
        classifier = ReferenceClassifier(labels.shape[1], len(people)).to(device)
        cached = None if path is None else _load(classifier, path)
        if cached is not None:
            return cached.eval()
        targets = torch.from_numpy(person.astype(np.int64))
        _train(classifier, torch.from_numpy(pixels), labels, targets, device, seed)
    if path is not None:
        _save(classifier, path)
    return classifier.eval()


def _digest(frames: FrameSet, pixels: npt.NDArray[np.uint8], active_from: float, seed: int) -> str:
    content = hashlib.sha256(f"{_VERSION} {seed} {active_from} {pixels.shape}".encode())
    content.update("\n".join([*frames.ids, *frames.subjects]).encode())
    content.update(np.nan_to_num(frames.labels, nan=-1).tobytes())
    content.update(pixels.tobytes())
    return content.hexdigest()[:16]


def _load(like: ReferenceClassifier, path: Path) -> ReferenceClassifier | None:
    """The classifier in a file; None if there is none, or the file is damaged."""
    check_regular(path)
    classifier = deepcopy(like)
    try:
        with ZipFile(path) as file:
            if file.testzip() is not None:  # torch.load does not check the checksums
                return None
        classifier.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    except Exception:
        return None
    return classifier


def _save(classifier: ReferenceClassifier, path: Path) -> None:
    """If it cannot be written, it will be trained again next time."""
    content = io.BytesIO()
    torch.save(classifier.state_dict(), content)
    try:
        write_bytes(path, lambda file: file.write(content.getbuffer()))
    except FileError as error:
        note(f"{error}; the reference classifier is not cached")


def _train(
    classifier: ReferenceClassifier,
    pixels: Tensor,
    labels: Tensor,
    person: Tensor,
    device: torch.device,
    seed: int,
) -> None:
    """Train in place, with a one-cycle learning rate. The log odds of each AU's rate are added to
    its logit, so that it need not learn merely that rare AUs are rare.
    """
    batches = -(-len(pixels) // _BATCH)
    optimiser = torch.optim.AdamW(
        classifier.parameters(), _LEARNING_RATE, weight_decay=_WEIGHT_DECAY
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, _LEARNING_RATE, total_steps=_EPOCHS * batches
    )
    augmentation, odds = Augmentation(), _log_odds(labels).to(device)
    classifier.train()
    with ProgressBar("training the reference classifier", _EPOCHS * batches) as bar:
        for epoch in range(_EPOCHS):
            numbers = numpy_generator(seed, Purpose.DISENTANGLING, epoch)
            generator = torch_generator(device, seed, Purpose.DISENTANGLING, epoch)
            order = numbers.permutation(len(pixels))
            for rows in np.array_split(order, batches):
                noisy, _ = augmentation(pixels[rows].to(device), generator)
                aus, people = classifier(_blurred(noisy, numbers.uniform(_SMALLEST, 1)))
                loss = masked_loss("BCEWithLogits", aus + odds, labels[rows].to(device))
                loss = loss + _PERSON_WEIGHT * F.cross_entropy(people, person[rows].to(device))
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
                schedule.step()
                bar.advance()


def _log_odds(labels: Tensor) -> Tensor:
    """Log odds (A,) of each AU in the training frames."""
    rate = labels.nanmean(dim=0).nan_to_num(0.5).clamp(0.01, 0.99)
    return torch.logit(rate)


def _blurred(pixels: Tensor, scale: float) -> Tensor:
    """Downscaled to a fraction of SIDE and upscaled again."""
    side = max(8, round(SIDE * scale))
    small = F.interpolate(pixels, (side, side), mode="bilinear", antialias=True)
    return F.interpolate(small, (SIDE, SIDE), mode="bilinear")
