"""What create_dataset.check reads, the checks, and how findings are shown."""
