"""Print the AUs of all faces in images: python examples/predict_images.py RUN IMAGE..."""

import sys

from audetnet import load

run, *images = sys.argv[1:]
result = load(run).predict(images)

for face in result.rows:
    active = [name[:-2] for name, value in face.items() if name.endswith("_c") and value == 1]
    print(face["input"], face["reason"] or f"face {face['face']}: {' '.join(active) or 'no AU'}")

print(result.to_frame().filter(like="AU").mean())
