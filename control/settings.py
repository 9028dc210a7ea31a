"""The one reader of the environment.

Every setting is a field of `Settings` and is read from `VIVIJURE_` + its name in capitals. `table` writes the
documentation of all of them.
"""

import difflib
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated
from urllib.parse import parse_qs, urlsplit

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationError, field_validator

from control.errors import SettingsError
from control.graph.model import Problem

PREFIX = "VIVIJURE_"
LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


def _names(value: object) -> object:
    return tuple(n.strip().lower() for n in value.split(",") if n.strip()) if isinstance(value, str) else value


Names = Annotated[tuple[str, ...], BeforeValidator(_names)]


def home(environ: Mapping[str, str]) -> Path:
    """Where this platform keeps a program's data."""
    if sys.platform == "win32":
        return Path(environ.get("LOCALAPPDATA") or Path.home()) / "vivijure"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "vivijure"
    return Path(environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "vivijure"


class Settings(BaseModel):
    """Everything a Studio may be told from outside. Immutable."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    data: Path = Field(description="Folder of the database, keys and, by default, the object store.")
    database: str = Field(
        "", description="A SQLite file, `d1://ACCOUNT/DATABASE` (ids at Cloudflare), or `d1+https://WORKER`."
    )
    d1_token: SecretStr = Field(
        SecretStr(""), description="Token of D1: Cloudflare's API token, or the Worker's `TOKEN`."
    )
    d1_token_file: str = Field("", description="File that holds the token of D1, in its place.")
    store: str = Field("", description="Object store: a folder, or `s3://BUCKET?endpoint=URL&region=NAME`.")
    s3_key_id: str = Field("", description="Access key id of the S3 store; empty for the AWS chain of credentials.")
    s3_secret: SecretStr = Field(SecretStr(""), description="Secret access key of the S3 store.")
    host: str = Field("127.0.0.1", description="Address the Studio listens on.")
    port: int = Field(8420, ge=0, le=65535, description="Port the Studio listens on; 0 takes a free one.")
    url: str = Field("", description="Public address, if not `http://HOST:PORT`; `https` makes cookies Secure.")
    hosts: Names = Field((), description="Further host names requests may carry, separated by commas.")
    workers: int = Field(
        default_factory=lambda: min(os.cpu_count() or 1, 4),
        ge=1,
        le=64,
        description="Jobs the built-in door runs at once.",
    )
    door: bool = Field(True, description="Start the built-in CPU door.")
    runner: bool = Field(
        True, description="Advance renders; `false` where only `vivijure worker` or another Studio does."
    )
    month_budget_usd: int = Field(0, ge=0, le=1_000_000, description="Most dollars all renders of a month may cost.")
    body_mb: int = Field(4, ge=1, le=64, description="Largest JSON or storyboard body.")
    upload_mb: int = Field(2048, ge=1, le=4800, description="Largest uploaded file.")
    session_days: int = Field(30, ge=1, le=365, description="How long a browser stays logged in.")
    voices: str = Field("", description="Folder of further Piper voices, for the built-in door.")
    event_days: int = Field(7, ge=1, le=365, description="How long events are kept for clients that come back.")

    @field_validator("database")
    @classmethod
    def _database(cls, value: str) -> str:
        parts = urlsplit(value)
        tidy = bool(parts.hostname) and not (parts.query or parts.fragment or parts.username)
        ids = parts.scheme == "d1" and parts.path.count("/") == 1 and len(parts.path) > 1
        local = parts.scheme == "d1+http" and parts.hostname in ("127.0.0.1", "localhost", "::1")
        if "://" in value and not (tidy and (ids or local or parts.scheme == "d1+https")):
            raise ValueError("write a file, d1://ACCOUNT/DATABASE, or d1+https://WORKER")
        return value

    @field_validator("store")
    @classmethod
    def _store(cls, value: str) -> str:
        if "://" in value:
            parts = urlsplit(value)
            if parts.scheme != "s3" or not parts.netloc or set(parse_qs(parts.query)) - {"endpoint", "region"}:
                raise ValueError("write a folder, or s3://BUCKET?endpoint=URL&region=NAME")
        return value

    @field_validator("url")
    @classmethod
    def _url(cls, value: str) -> str:
        if value and (urlsplit(value).scheme not in ("http", "https") or not urlsplit(value).netloc):
            raise ValueError("write a whole address, such as https://studio.example.org")
        return value.rstrip("/")

    @property
    def database_file(self) -> Path:
        """The SQLite file, where the database is one."""
        elsewhere = not self.database or "://" in self.database
        return self.data / "studio.db" if elsewhere else Path(self.database).expanduser()

    @property
    def database_token(self) -> str:
        """The token of D1. Raises `SettingsError` where there is none, or its file cannot be read."""
        if not self.d1_token_file:
            token = self.d1_token.get_secret_value()
        else:
            try:
                token = Path(self.d1_token_file).expanduser().read_text("ascii").strip()
            except (OSError, ValueError) as error:
                raise SettingsError(f"the token of D1 cannot be read from {self.d1_token_file}: {error}") from error
        if not token:
            raise SettingsError(f"{self.database} needs a token; set {PREFIX}D1_TOKEN or {PREFIX}D1_TOKEN_FILE")
        return token

    @property
    def objects(self) -> str:
        """The object store: as set, else a folder beside the database."""
        return self.store or str(self.data / "objects")

    @property
    def base_url(self) -> str:
        """Where a browser finds the Studio."""
        return self.url or f"http://{self.host}:{self.port}"

    @property
    def secure(self) -> bool:
        """Whether browsers reach it over https."""
        return self.base_url.startswith("https://")

    def environ(self) -> dict[str, str]:
        """The variables by which a child process reads these very settings, secrets included."""
        return {PREFIX + name.upper(): _text(getattr(self, name)) for name in type(self).model_fields}

    @property
    def allowed_hosts(self) -> tuple[str, ...]:
        """Host names (without port) that a request may carry: the guard against DNS rebinding."""
        own = (urlsplit(self.base_url).hostname or "", self.host)
        return tuple(dict.fromkeys((*LOOPBACK, *(h for h in own if h not in ("", "0.0.0.0", "::")), *self.hosts)))  # noqa: S104


def load(environ: Mapping[str, str] = os.environ, **overrides: object) -> Settings:
    """The settings of this environment; `overrides` (flags of the command line) win.

    Raises `SettingsError` naming the variable, for a wrong value or an unknown name.
    """
    known = {PREFIX + name.upper(): name for name in Settings.model_fields}
    values: dict[str, object] = {"data": home(environ)}
    for key, text in environ.items():
        if not key.startswith(PREFIX) or not text:
            continue
        if key not in known:
            near = difflib.get_close_matches(key, known, 1)
            raise SettingsError(f"{key} is not a setting" + (f"; did you mean {near[0]}?" if near else ""))
        values[known[key]] = text
    try:
        return Settings.model_validate(values | overrides)
    except ValidationError as error:
        found = [
            Problem(severity="error", path=_variable(e["loc"]), message=e["msg"].removeprefix("Value error, "))
            for e in error.errors()
        ]
        raise SettingsError(problems=found) from error


def _text(value: object) -> str:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    return ",".join(value) if isinstance(value, tuple) else str(value)


def _variable(loc: tuple[int | str, ...]) -> str:
    return PREFIX + str(loc[0]).upper()


def table() -> str:
    """All settings as a Markdown table: variable, default, meaning."""
    rows = ["| variable | default | meaning |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        default = DEFAULTS.get(name) or field.get_default()
        shown = default.get_secret_value() if isinstance(default, SecretStr) else default
        text = "" if shown in ("", ()) else str(shown).lower() if isinstance(shown, bool) else str(shown)
        rows.append(f"| `{PREFIX}{name.upper()}` | {text} | {field.description} |")
    return "\n".join(rows) + "\n"


DEFAULTS: Mapping[str, str] = {
    "data": "`~/.local/share/vivijure` or the platform's own",
    "database": "`DATA/studio.db`",
    "store": "`DATA/objects`",
    "workers": "processors, at most 4",
}
"""Defaults that depend on the machine, in words."""
