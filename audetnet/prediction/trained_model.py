"""Runs a trained network for prediction."""

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
from audetnet.evaluation.at_rest import in_batches, reference_block
from audetnet.faces.alignment import Alignment
from audetnet.networks.pretrained import Normalisation
from audetnet.prediction.au_model import Crops, ModelInfo, Neutral, Outputs
from audetnet.prediction.network import AUNetwork
from audetnet.training.saved import SavedModel, load_reported
from audetnet.training.with_references import CHOICES

_REFERENCE_FRAMES = "20"
"""Per training person, as in the results of a run."""


def run_thresholds(saved: SavedModel) -> tuple[float, ...]:
    """The threshold of each AU, (A,): chosen on the validation people of the run, or else the
    default of the AU loss.
    """
    stored = saved.thresholds()
    chosen = stored.default if stored.validation is None else stored.validation
    return tuple(chosen.tolist())


class TrainedModel:
    """Runs a saved model on a device. ``dataset``: its dataset directory, needed for the mean
    neutral z1 of its training people; a run with a [person_reference] does not need it.
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
        self.info = ModelInfo(
            path=saved.path,
            version=audetnet.__version__,
            au_names=saved.au_names,
            kind="intensity" if saved.head().regress else "occurrence",
            thresholds=run_thresholds(saved),
            frame_size=(height, width),
            crop_size=usual if saved.config.data.frame_size else max(height, width),
            landmarks=saved.landmarks,
            digest=hashlib.sha256(saved.path.read_bytes()).hexdigest()[:16],
            has_person_reference=self.network.has_person_reference,
        )

    @property
    def normalisation(self) -> Normalisation:
        """Mean and std of the pixels, from the cfg."""
        return self._saved.config.data.normalisation

    @property
    def saved(self) -> SavedModel:
        """The saved model it was loaded from."""
        return self._saved

    @property
    def training_level(self) -> Tensor | None:
        """Mean neutral z1 of the training people, (Z1, h, w); None with a [person_reference], or
        before ``prepare_neutral`` unless the checkpoint carries it.
        """
        return self._level

    @torch.no_grad()
    def __call__(self, crops: Crops, neutrals: Sequence[Neutral | None] | None = None) -> Outputs:
        """See AUModel."""
        neutral = None if neutrals is None else self._stacked(neutrals)
        values, z1, z2 = self.network(torch.from_numpy(crops).to(self._device), neutral)
        return Outputs(
            values.double().cpu().numpy(), z1.float().cpu().numpy(), z2.float().cpu().numpy()
        )

    @torch.no_grad()
    def neutral(self, crops: Crops) -> Neutral:
        """See AUModel. Without a [person_reference] this is the person's z1 minus the mean neutral
        z1 of the training people: subtracting it moves z1 to the level that the AUPredictor knows.
        """
        pixels = torch.from_numpy(crops.transpose(0, 3, 1, 2))
        neutral = self._median([np.arange(len(crops))], pixels)
        if self._level is not None:
            neutral = neutral - self._level
        return np.asarray(neutral[0].cpu().numpy(), dtype=np.float32)

    def _stacked(self, neutrals: Sequence[Neutral | None]) -> Tensor | None:
        """(B, C, h, w), with the mean of the training people for unknown people."""
        known = next((neutral for neutral in neutrals if neutral is not None), None)
        if known is None:
            return None
        found = reference_block(self.network.model)
        missing = np.zeros_like(known) if found is None else found[1].mean_rest.cpu().numpy()
        rows = [missing if neutral is None else neutral for neutral in neutrals]
        return torch.from_numpy(np.stack(rows)).to(self._device)

    def _median(self, frames: Sequence[Indices], pixels: Tensor) -> Tensor:
        """The median over each person's frames of the features to subtract, (P, C, h, w)."""
        model = self.network.model
        found = reference_block(model)

        def read(rows: Indices) -> Tensor:
            some = to_unit_range(pixels[torch.from_numpy(rows)].to(self._device))
            if found is None:
                return model.encode(some).z1
            return model.encoder.block_input(found[0], model.pixels.encoder_input(some))

        return neutral_medians(frames, in_batches(read))

    @torch.no_grad()
    def prepare_neutral(self) -> None:
        """See AUModel."""
        if self._level is None and not self.network.has_person_reference:
            self._level = self._training_level()

    def _training_level(self) -> Tensor:
        """Mean neutral z1 of the training people, (Z1, h, w)."""
        saved = self._saved
        if self._dataset is None:
            raise UserError(
                f"{saved.path}: without [person_reference], the neutral of a person is subtracted "
                "from z1, which needs the training people; give the dataset directory of the run "
                "with --data DIR (in Python: dataset=DIR)"
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
            raise UserError(f"{self._dataset}: {fault}; --reference needs to know the subjects")
        chosen = CHOICES[_REFERENCE_FRAMES].of(train.ids, subject_indices(train.subjects), 0)
        rows = np.unique(np.concatenate(chosen))
        size = self.info.frame_size
        pixels = torch.from_numpy(np.stack([read_image(train.paths[row], size) for row in rows]))
        people = [np.searchsorted(rows, own) for own in chosen]
        return self._median(people, pixels).mean(dim=0)
