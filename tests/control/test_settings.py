"""The environment, read in one place."""

from pathlib import Path

import pytest

from control.errors import SettingsError
from control.settings import DEFAULTS, PREFIX, Settings, load, table


def test_an_empty_environment_is_enough() -> None:
    settings = load({})
    assert settings.base_url == "http://127.0.0.1:8420"
    assert settings.database_file == settings.data / "studio.db"
    assert settings.objects == str(settings.data / "objects")
    assert not settings.secure
    assert "localhost" in settings.allowed_hosts


def test_every_variable_is_read_and_flags_win() -> None:
    environ = {
        "VIVIJURE_DATA": "/films",
        "VIVIJURE_STORE": "s3://bucket?endpoint=https://s3.example.org&region=auto",
        "VIVIJURE_PORT": "9000",
        "VIVIJURE_URL": "https://studio.example.org/",
        "VIVIJURE_HOSTS": "Studio.local, films.lan",
        "VIVIJURE_DOOR": "false",
        "VIVIJURE_S3_SECRET": "hush",
        "VIVIJURE_WORKERS": "",
        "HOME": "/elsewhere",
    }
    settings = load(environ, port=9001)
    assert settings.data == Path("/films")
    assert settings.port == 9001
    assert settings.secure
    assert settings.base_url == "https://studio.example.org"
    assert {"studio.example.org", "studio.local", "films.lan"} <= set(settings.allowed_hosts)
    assert settings.door is False
    assert "hush" not in repr(settings)


def test_the_database_may_lie_elsewhere(tmp_path: Path) -> None:
    assert load({"VIVIJURE_DATABASE": "/films/all.db"}).database_file == Path("/films/all.db")
    with pytest.raises(SettingsError, match=r"d1://a/b needs a token.*VIVIJURE_D1_TOKEN"):
        load({"VIVIJURE_DATABASE": "d1://a/b"}).database_token  # noqa: B018
    settings = load({"VIVIJURE_DATABASE": "d1://a/b", "VIVIJURE_D1_TOKEN": "hush"})
    assert settings.database_token == "hush"
    assert "hush" not in repr(settings)
    (tmp_path / "token").write_text("from a file\n")
    settings = load({"VIVIJURE_DATABASE": "d1+https://x.example", "VIVIJURE_D1_TOKEN_FILE": str(tmp_path / "token")})
    assert settings.database_token == "from a file"
    with pytest.raises(SettingsError, match="cannot be read from /nowhere"):
        load({"VIVIJURE_D1_TOKEN_FILE": "/nowhere"}).database_token  # noqa: B018


def test_the_platform_says_where_data_lies() -> None:
    assert load({"XDG_DATA_HOME": "/data"}).data == Path("/data/vivijure")


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("VIVIJURE_PROT", "1", "VIVIJURE_PORT"),
        ("VIVIJURE_PORT", "eighty", "VIVIJURE_PORT"),
        ("VIVIJURE_PORT", "70000", "VIVIJURE_PORT"),
        ("VIVIJURE_WORKERS", "0", "VIVIJURE_WORKERS"),
        ("VIVIJURE_STORE", "gs://bucket", "s3://BUCKET"),
        ("VIVIJURE_STORE", "s3://bucket?endpont=x", "s3://BUCKET"),
        ("VIVIJURE_URL", "studio.example.org", "https://"),
        ("VIVIJURE_DATABASE", "d1://account", "d1://ACCOUNT/DATABASE"),
        ("VIVIJURE_DATABASE", "d1://account/database/more", "d1://ACCOUNT/DATABASE"),
        ("VIVIJURE_DATABASE", "d1+http://films.example.org", r"d1\+https"),
        ("VIVIJURE_DATABASE", "d1+https://token@films.example.org", r"d1\+https"),
        ("VIVIJURE_DATABASE", "postgres://x/y", "d1://ACCOUNT/DATABASE"),
    ],
)
def test_a_wrong_variable_is_named(name: str, value: str, said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        load({name: value})


def test_the_table_documents_every_setting() -> None:
    rows = [line.split("|")[1:4] for line in table().splitlines()[2:]]
    assert [row[0].strip(" `") for row in rows] == [PREFIX + name.upper() for name in Settings.model_fields]
    assert all(row[2].strip().endswith(".") for row in rows)
    assert set(DEFAULTS) <= set(Settings.model_fields)


def test_a_child_process_reads_the_very_same_settings(tmp_path: Path) -> None:
    given = load(
        {"VIVIJURE_DATABASE": "d1://a/b", "VIVIJURE_D1_TOKEN": "hush", "VIVIJURE_HOSTS": "a.lan,b.lan"},
        data=tmp_path,
        door=False,
        port=0,
        workers=3,
    )
    assert load(given.environ()) == given
