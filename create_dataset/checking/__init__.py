"""What create_dataset.check reads, the checks, and how their findings are shown."""
