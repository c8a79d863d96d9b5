"""A trained run as prediction uses it."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

import audetnet
from audetnet.data.augment import to_unit_range
from audetnet.data.frames import DatasetPaths, load_dataset
from audetnet.data.ids import IdFiles
from audetnet.data.images import read_image
from audetnet.data.metadata import subject_indices
from audetnet.data.neutral_frames import Indices, neutral_medians
from audetnet.errors import UserError
from audetnet.evaluation.at_rest import read_in_parts, reference_block
from audetnet.faces.alignment import Alignment
from audetnet.networks.pretrained import Normalisation
from audetnet.prediction.au_model import Crops, ModelFacts, Outputs, Rest
from audetnet.prediction.network import AUNetwork
from audetnet.training.saved import SavedModel, load_reported
from audetnet.training.with_references import CHOICES

_REFERENCE_FRAMES = "20"
"""Of each training person, as many as its results take."""


def thresholds_of(saved: SavedModel) -> tuple[float, ...]:
    """From which intensity or probability on each AU is active, (A,): what the validation people of
    its run gave, or else what the AU loss says.
    """
    stored = saved.thresholds()
    chosen = stored.default if stored.validation is None else stored.validation
    return tuple(chosen.tolist())


class TrainedModel:
    """Runs a saved model on a device. ``dataset``: its dataset directory, from which it is learnt
    what its training people show at rest; a run with a [person_reference] knows it.
    """

    def __init__(self, path: Path, device: torch.device, dataset: Path | None = None) -> None:
        """Raises UserError."""
        saved = load_reported(path)
        self._saved, self._device, self._dataset = saved, device, dataset
        self.network = AUNetwork(saved.trained().to(device).eval(), saved.head())
        level = saved.training_level
        self._level = None if level is None else level.to(device)
        height, width = saved.plan.image[1:]
        usual = Alignment().size
        self.facts = ModelFacts(
            path=saved.path,
            version=audetnet.__version__,
            au_names=saved.au_names,
            kind="intensity" if saved.head().regress else "occurrence",
            thresholds=thresholds_of(saved),
            frame_size=(height, width),
            crop_size=usual if saved.config.data.frame_size else max(height, width),
            landmarks=saved.landmarks,
            digest=hashlib.sha256(saved.path.read_bytes()).hexdigest()[:16],
            has_person_reference=self.network.takes_rest,
        )

    @property
    def normalisation(self) -> Normalisation:
        """Mean and std of the pixels, as the cfg has them."""
        return self._saved.config.data.normalisation

    @property
    def saved(self) -> SavedModel:
        """What it was made of."""
        return self._saved

    @property
    def training_level(self) -> Tensor | None:
        """z1 of the training people at rest, on average, (Z1, h, w), where it is needed and known:
        after ``prepare_for_rest``.
        """
        return self._level

    @torch.no_grad()
    def __call__(self, crops: Crops, rests: Sequence[Rest | None] | None = None) -> Outputs:
        """See AUModel."""
        rest = None if rests is None else self._stacked(rests)
        said, z1, z2 = self.network(torch.from_numpy(crops).to(self._device), rest)
        return Outputs(
            said.double().cpu().numpy(), z1.float().cpu().numpy(), z2.float().cpu().numpy()
        )

    @torch.no_grad()
    def at_rest(self, crops: Crops) -> Rest:
        """See AUModel. Without a [person_reference] what is taken off z1 is the person's z1 minus
        that of the training people, whose level the AUPredictor knows.
        """
        pixels = torch.from_numpy(crops.transpose(0, 3, 1, 2))
        rest = self._median([np.arange(len(crops))], pixels)
        if self._level is not None:
            rest = rest - self._level
        return np.asarray(rest[0].cpu().numpy(), dtype=np.float32)

    def _stacked(self, rests: Sequence[Rest | None]) -> Tensor | None:
        """(B, C, h, w); of people who are not known what the training people show."""
        known = next((rest for rest in rests if rest is not None), None)
        if known is None:
            return None
        found = reference_block(self.network.model)
        missing = np.zeros_like(known) if found is None else found[1].mean_rest.cpu().numpy()
        rows = [missing if rest is None else rest for rest in rests]
        return torch.from_numpy(np.stack(rows)).to(self._device)

    def _median(self, frames: Sequence[Indices], pixels: Tensor) -> Tensor:
        """Over each person's frames, of what is taken off: (P, C, h, w)."""
        model = self.network.model
        found = reference_block(model)

        def read(rows: Indices) -> Tensor:
            some = to_unit_range(pixels[torch.from_numpy(rows)].to(self._device))
            if found is None:
                return model.encode(some).z1
            return model.encoder.block_input(found[0], model.pixels.encoder_input(some))

        return neutral_medians(frames, read_in_parts(read))

    @torch.no_grad()
    def prepare_for_rest(self) -> None:
        """See AUModel."""
        if self._level is None and not self.network.takes_rest:
            self._level = self._training_level()

    def _training_level(self) -> Tensor:
        """z1 of the training people at rest, on average, (Z1, h, w)."""
        saved = self._saved
        if self._dataset is None:
            raise UserError(
                f"{saved.path}: has no [person_reference]: what a person shows at rest is taken "
                "off z1, for which its training people must be known; add --data DIR, the dataset "
                "directory of the run"
            )
        ids = IdFiles()
        if saved.checkpoint.identity.get("fold") is not None:
            ids = ids.of_fold(saved.checkpoint.identity["fold"])
        data = saved.config.data
        train = load_dataset(
            DatasetPaths(directory=self._dataset, ids=ids),
            data.regress_au_intensities,
            data.au_names,
            data.validation_subjects,
        ).train
        if fault := train.subjects_fault():
            raise UserError(f"{self._dataset}: {fault}; --reference needs to know who is who")
        chosen = CHOICES[_REFERENCE_FRAMES].of(train.ids, subject_indices(train.subjects), 0)
        rows = np.unique(np.concatenate(chosen))
        size = self.facts.frame_size
        pixels = torch.from_numpy(np.stack([read_image(train.paths[row], size) for row in rows]))
        people = [np.searchsorted(rows, own) for own in chosen]
        return self._median(people, pixels).mean(dim=0)
