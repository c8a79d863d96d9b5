"""The rows of the report, a module for each group: what is measured and how."""
