"""The catalogue of raw sources: what `catalog.toml` says, as typed entries.

A source is had either by download (`files`) or by hand (`steps`: a licence to accept, a form to fill in, a page to
read). A file belongs to a `part` of its source, the unit a person can ask for: one archive, one category. What nobody
has confirmed (a size, a checksum) is absent rather than guessed.
"""

from __future__ import annotations

import shlex
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter, ValidationError

from raw_sources.base import SourceError
from raw_sources.plugins import hint

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

CATALOG = Path(__file__).with_name("catalog.toml")

_Text = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]
_Url = Annotated[str, StringConstraints(pattern=r"^https?://[^/\s]+(/\S*)?$")]
_RelativePath = Annotated[str, StringConstraints(pattern=r"^[\w{][\w {}.-]*(/[\w{][\w {}.-]*)*$")]


class UnknownNameError(SourceError):
    """A source, or a part of one, that does not exist; the text names those that do."""

    exit_code = 2


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class RemoteFile(_Strict):
    """A file to download.

    Attributes:
        part: What a person asks for to get this file alone (`val2014`, `cat`).
        url: Where it is.
        path: Where it goes, relative to the raw folder.
        size: Length in bytes.
        md5: Lower-case hexadecimal digest.
        sha256: Lower-case hexadecimal digest.
        unpack: For an archive, the folder (relative to the raw folder) that its content becomes.
        categories: Name of a list beside the catalogue: this entry stands for one file per line, and `{category}` in
            `part`, `url` and `path` for the line.
    """

    part: _Text
    url: _Url
    path: _RelativePath
    size: int | None = Field(default=None, ge=0)
    md5: str | None = Field(default=None, pattern="^[0-9a-f]{32}$")
    sha256: str | None = Field(default=None, pattern="^[0-9a-f]{64}$")
    unpack: _RelativePath | None = None
    categories: _RelativePath | None = None

    def expand(self) -> list[RemoteFile]:
        """The files this entry stands for: itself, or one for each category."""
        if self.categories is None:
            return [self]
        names = CATALOG.with_name(self.categories).read_text(encoding="utf-8").splitlines()
        return [
            RemoteFile(
                part=self.part.replace("{category}", name),
                url=self.url.replace("{category}", quote(name)),
                path=self.path.replace("{category}", name),
            )
            for name in names
        ]


class CatalogEntry(_Strict):
    """What is known of one raw source.

    Attributes:
        name: The name on the command line.
        title: Its full name.
        home: The page where its authors publish it.
        licence: The licence, and what it covers.
        redistribution: Whether its pictures may be passed on, by what the licence says.
        size: Rough size of the download, in words.
        citation: BibTeX entry.
        steps: What a person does to get it, in order; `{raw}` stands for the raw folder.
        files: What can be downloaded.
    """

    name: str
    title: _Text
    home: _Url
    licence: _Text
    redistribution: Literal["allowed", "not allowed", "per picture", "not stated"]
    size: _Text | None = None
    citation: _Text
    steps: tuple[_Text, ...] = ()
    files: tuple[RemoteFile, ...] = ()

    def select(self, parts: Sequence[str] = ()) -> list[RemoteFile]:
        """The files of the parts asked for, in the order of the catalogue; without parts, all of them.

        Raises:
            UnknownNameError: The source has no such part.
        """
        files = [file for entry in self.files for file in entry.expand()]
        if parts and not files:
            raise UnknownNameError(f"{self.name} cannot be downloaded, so it has no parts. Ask for {self.name} alone.")
        for part in parts:
            _require(part, [file.part for file in files], f"part of {self.name}")
        return [file for file in files if not parts or file.part in parts]

    def instructions(self, raw: Path) -> list[str]:
        """The steps with the raw folder filled in, quoted for a shell."""
        return [step.replace("{raw}", shlex.quote(str(raw))) for step in self.steps]


def load_catalog(path: Path = CATALOG) -> Mapping[str, CatalogEntry]:
    """Reads a catalogue: name -> entry, in the order of the file.

    Raises:
        SourceError: The file cannot be read or a field is missing, unknown or malformed; the text names the field.
    """
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
        named = {name: {"name": name, **table} for name, table in tables.items()}
        return TypeAdapter(dict[str, CatalogEntry]).validate_python(named)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(key) for key in first["loc"])
        raise SourceError(f"{path}: {field}: {first['msg']}.") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, TypeError) as error:
        raise SourceError(f"{path} cannot be read as a catalogue: {error}.") from None


def find_entry(name: str, catalog: Mapping[str, CatalogEntry]) -> CatalogEntry:
    """The catalogue's entry for one source, by its name in any letter case.

    Raises:
        UnknownNameError: There is no source of that name.
    """
    _require(name.lower(), catalog, "raw source")
    return catalog[name.lower()]


def _require(name: str, known: Iterable[str], kind: str) -> None:
    names = list(known)
    if name not in names:
        raise UnknownNameError(f"There is no {kind} {name!r}. {hint(name, names)}")
