"""Rendered faces with known action units and factors, from the face model ICT-FaceKit."""
