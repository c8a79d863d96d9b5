"""What training pursues, one file each; see objective.py."""
