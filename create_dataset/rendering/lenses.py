"""The kernel that composites lenses over what is seen through them."""

from create_dataset.rendering.compiled import compiled
from create_dataset.rendering.curves import FloatArray
from create_dataset.rendering.face_model import IntArray
from create_dataset.rendering.rasteriser import pixel_span


@compiled
def composite_lenses(
    points: FloatArray,
    triangles: IntArray,
    shine: FloatArray,
    clear: FloatArray,
    shown: IntArray,
    weights: FloatArray,
    head: FloatArray,
    head_triangles: IntArray,
    light: FloatArray,
) -> None:
    """Change ``light`` (S, S, 3) where a lens is in front of the triangle ``shown``. Points (P, 3)
    and ``head`` are columns, rows and depths in the picture.
    """
    size = light.shape[0]
    for f in range(triangles.shape[0]):
        a, b, c = triangles[f, 0], triangles[f, 1], triangles[f, 2]
        ax, ay, bx, by = points[a, 0], points[a, 1], points[b, 0], points[b, 1]
        cx, cy = points[c, 0], points[c, 1]
        area = (bx - ax) * (cy - ay) - (cx - ax) * (by - ay)
        if abs(area) < 1e-9:
            continue
        left, right = pixel_span(ax, bx, cx, size)
        top, bottom = pixel_span(ay, by, cy, size)
        for row in range(top, bottom + 1):
            y = row + 0.5
            for column in range(left, right + 1):
                x = column + 0.5
                wa = ((bx - x) * (cy - y) - (cx - x) * (by - y)) / area
                wb = ((cx - x) * (ay - y) - (ax - x) * (cy - y)) / area
                wc = 1.0 - wa - wb
                if wa < 0 or wb < 0 or wc < 0:
                    continue
                g = shown[row, column]
                if g >= 0:
                    u, v = weights[row, column, 0], weights[row, column, 1]
                    behind = u * head[head_triangles[g, 0], 2] + v * head[head_triangles[g, 1], 2]
                    behind += (1 - u - v) * head[head_triangles[g, 2], 2]
                    if wa * points[a, 2] + wb * points[b, 2] + wc * points[c, 2] <= behind:
                        continue
                for channel in range(3):
                    passing = wa * clear[a, channel] + wb * clear[b, channel]
                    passing += wc * clear[c, channel]
                    added = wa * shine[a, channel] + wb * shine[b, channel] + wc * shine[c, channel]
                    light[row, column, channel] = light[row, column, channel] * passing + added
