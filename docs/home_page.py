"""A hook of mkdocs: the README is the home page of the site; the pages beside it are its last."""

from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

PAGES = {name: name for name in ("CONTRIBUTING.md", "CHANGELOG.md")} | {"README.md": "index.md"}


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages; their links into docs/ are links beside them there."""
    for name, page in PAGES.items():
        text = (Path(config.docs_dir).parent / name).read_text(encoding="utf-8")
        files.append(File.generated(config, page, content=text.replace("](docs/", "](")))
    return files
