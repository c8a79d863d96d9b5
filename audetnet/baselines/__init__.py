"""What a run is to beat: classical features with a ridge, and how all are measured alike."""
