"""Renders faces with known action units and factors, using the face model ICT-FaceKit."""
