"""AUDetNet: facial Action Units from single RGB images, disentangled from everything else."""

__version__ = "0.1.0"
