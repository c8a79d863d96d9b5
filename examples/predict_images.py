"""AUs of the faces in images, from Python: python examples/predict_images.py RUN IMAGE..."""

import sys

from audetnet import load

run, *images = sys.argv[1:]
table = load(run).predict(images).to_frame()

for face in table.to_dict("records"):
    active = [name.removesuffix("_c") for name in table if name.endswith("_c") and face[name] == 1]
    print(
        face["input"], face["reason"] or f"face {face['face']:.0f}: {' '.join(active) or 'no AU'}"
    )
