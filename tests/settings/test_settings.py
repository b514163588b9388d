"""Settings: where a value comes from, what is refused, and what is said about it."""

import re
from collections.abc import Mapping
from dataclasses import FrozenInstanceError, dataclass
from pathlib import Path
from typing import Any, Literal

import pytest

from aasim_core.bootstrap import examine_plugins
from aasim_core.errors import StartupError
from aasim_core.settings import Settings, setting
from aasim_core.settings.rendering import render


def load(text: str | None = None, environ: dict[str, str] | None = None, *, folder: Path | None = None, **flags: Any) -> Settings:
    """Settings from a file with `text`, an environment, and flags written ``section__key``."""
    config = None
    if text is not None:
        assert folder is not None
        config = folder / "aasim.toml"
        config.write_text(text, encoding="utf-8")
    return Settings.load({name.replace("__", "."): value for name, value in flags.items()}, config=config, environ=environ or {})


def complaints(*arguments: Any, **keywords: Any) -> tuple[str, ...]:
    with pytest.raises(StartupError) as caught:
        load(*arguments, **keywords)
    return caught.value.problems


def test_without_any_source_every_setting_has_its_default() -> None:
    settings = load()
    assert settings.data_dir == Path("var")
    assert settings.server.bind == "127.0.0.1:8000"
    assert settings.database.url == "sqlite:///var/aasim.db"
    assert settings.queue.url == "sqlite:///var/queue.db"
    assert settings.secrets.key_file == Path("var/secrets.json")


def test_a_flag_wins_over_the_environment_and_that_over_the_file(tmp_path: Path) -> None:
    text = "[server]\nthreads = 3\nworkers = 3\nkeepalive_seconds = 3"
    environ = {"AASIM_SERVER__THREADS": "4", "AASIM_SERVER__WORKERS": "4"}
    settings = load(text, environ, folder=tmp_path, server__threads=5)
    assert (settings.server.threads, settings.server.workers, settings.server.keepalive_seconds) == (5, 4, 3)


def test_the_file_is_named_by_the_environment(tmp_path: Path) -> None:
    path = tmp_path / "a.toml"
    path.write_text('data_dir = "/srv/aasim"\n')
    settings = Settings.load(environ={"AASIM_CONFIG": str(path)})
    assert settings.data_dir == Path("/srv/aasim")
    assert settings.database.url == "sqlite:////srv/aasim/aasim.db"


@pytest.mark.parametrize(
    ("variable", "text", "section", "key", "value"),
    [
        ("AASIM_BIND", "[::1]:9000", "server", "bind", "[::1]:9000"),
        ("AASIM_DATABASE_URL", "postgresql://a@b/c", "database", "url", "postgresql://a@b/c"),
        ("AASIM_QUEUE_URL", "redis://127.0.0.1/3", "queue", "url", "redis://127.0.0.1/3"),
        ("AASIM_LOG_LEVEL", "debug", "log", "level", "debug"),
        ("AASIM_RATE_LIMITS", "off", "rate_limits", "enabled", False),
        ("AASIM_RATE_LIMITS", "on", "rate_limits", "enabled", True),
        ("AASIM_RATE_LIMITS__ENABLED", "false", "rate_limits", "enabled", False),
        ("AASIM_WORKER__POLL_SECONDS", "1", "worker", "poll_seconds", 1.0),
        ("AASIM_HTTP__CORS_ORIGINS", '["https://a.example"]', "http", "cors_origins", ("https://a.example",)),
        ("AASIM_PLUGINS__FOLDER", "/srv/plugins", "plugins", "folder", Path("/srv/plugins")),
        ("AASIM_MAIL__PASSWORD", "12345", "mail", "password", "12345"),
        ("AASIM_MAIL__PASSWORD", "'quoted'", "mail", "password", "quoted"),
        ("AASIM_MAIL__PASSWORD", "a = b # c", "mail", "password", "a = b # c"),
    ],
)
def test_the_environment_is_read_as_toml_and_else_as_text(variable: str, text: str, section: str, key: str, value: Any) -> None:
    assert getattr(getattr(load(environ={variable: text}), section), key) == value


def test_an_empty_variable_counts_as_not_set() -> None:
    assert load(environ={"AASIM_BIND": "", "AASIM_WHAT": ""}).server.bind == "127.0.0.1:8000"


def test_a_value_may_stand_in_a_file_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("s3cret\n")
    environ = {"AASIM_MAIL__PASSWORD_FILE": str(tmp_path / "password"), "AASIM_DATABASE_URL_FILE": str(tmp_path / "url")}
    (tmp_path / "url").write_text("postgresql://user@host/name")
    settings = load(environ=environ)
    assert settings.mail.password == "s3cret"
    assert settings.database.url == "postgresql://user@host/name"


def test_a_setting_named_file_is_not_taken_for_a_file_that_holds_a_value() -> None:
    assert load(environ={"AASIM_SECRETS__KEY_FILE": "/etc/aasim/keys"}).secrets.key_file == Path("/etc/aasim/keys")


def test_all_faults_are_reported_together(tmp_path: Path) -> None:
    text = "[server]\nbnd = '127.0.0.1:1'\nworkers = true\n[log]\nlevel = 'loud'"
    environ = {"AASIM_DATABSE_URL": "x", "AASIM_WORKER__THREADS": "many"}
    found = complaints(text, environ, folder=tmp_path, rate_limits__anonymous_per_minute=0)
    file = tmp_path / "aasim.toml"
    assert found == (
        "AASIM_DATABSE_URL is not a setting; did you mean AASIM_DATABASE_URL?",
        f'[server] has no setting "bnd" ({file}); did you mean "bind"?',
        f"server.workers ({file}) is True; write a whole number",
        "worker.threads (AASIM_WORKER__THREADS) is 'many'; write a whole number",
        "rate_limits.anonymous_per_minute (command line) is 0; write a number of at least 1",
        f'log.level ({file}) is \'loud\'; write one of "debug", "info", "warning", "error"',
    )


@pytest.mark.parametrize(
    ("flags", "end"),
    [
        ({"server__bind": "0.0.0.0"}, 'write host:port, such as "127.0.0.1:8000" or "[::1]:8000"'),
        ({"server__bind": "127.0.0.1:99999"}, 'write host:port, such as "127.0.0.1:8000" or "[::1]:8000"'),
        ({"server__trusted_proxies": ["proxy"]}, 'write addresses or networks, such as ["10.0.0.5", "10.1.0.0/16"]'),
        ({"queue__url": "amqp://x"}, 'write "sqlite:///path/to/file.db" or "redis://host:6379/0"'),
        ({"queue__url": "unix:///run/redis.sock"}, 'write "sqlite:///path/to/file.db" or "redis://host:6379/0"'),
        ({"rate_limits__url": "disk://"}, 'or "redis://host:6379/1" (counted once for all)'),
        ({"http__cors_origins": ["https://a.example/path"]}, 'write origins without a path, such as ["https://app.example.com"]'),
        ({"http__cors_origins": "https://a.example"}, 'write a list, such as ["one", "two"]'),
        ({"http__public_url": "agents.example.com"}, 'write the address without a path, such as "https://agents.example.com"'),
        ({"auth__access_token_seconds": 901}, "write a number from 30 to 900"),
        ({"data_dir": 7}, 'write a path in quotes, such as "/srv/aasim"'),
        ({"worker__heartbeat_seconds": 31}, "must be at most half of worker.lease_seconds, or a living worker loses its jobs"),
    ],
)
def test_a_wrong_value_gets_a_sentence_that_says_what_to_write(flags: dict[str, Any], end: str) -> None:
    (complaint,) = complaints(**flags)
    assert complaint.endswith(end)


def test_a_secret_is_neither_shown_nor_quoted() -> None:
    environ = {"AASIM_DATABASE_URL": "mysql://user:hunter2@host/name"}
    (complaint,) = complaints(environ=environ)
    assert "hunter2" not in complaint
    assert "hunter2" not in repr(load(mail__password="hunter2"))


def test_one_setting_under_two_names_is_refused() -> None:
    (complaint,) = complaints(environ={"AASIM_BIND": "127.0.0.1:1", "AASIM_SERVER__BIND": "127.0.0.1:2"})
    assert complaint == "AASIM_BIND and AASIM_SERVER__BIND are the same setting; keep one of them"
    (complaint,) = complaints(environ={"AASIM_MAIL__PASSWORD": "a", "AASIM_MAIL__PASSWORD_FILE": "b"})
    assert complaint == "AASIM_MAIL__PASSWORD and AASIM_MAIL__PASSWORD_FILE are the same setting; keep one of them"


def test_a_file_that_is_missing_or_broken_is_named(tmp_path: Path) -> None:
    with pytest.raises(StartupError, match=r"there is no settings file .*nowhere.toml; correct --config or AASIM_CONFIG"):
        Settings.load(config=tmp_path / "nowhere.toml", environ={})
    (complaint,) = complaints("[server\n", folder=tmp_path)
    assert complaint.startswith(f"the settings file {tmp_path / 'aasim.toml'} is not valid TOML: ")


def test_settings_do_not_change() -> None:
    settings = load()
    with pytest.raises(FrozenInstanceError):
        settings.server.bind = "0.0.0.0:80"  # type: ignore[misc]


def test_registration_is_open_on_loopback_only_unless_it_is_decided() -> None:
    assert load().auth.registration == "open"
    assert load(server__bind="0.0.0.0:8000").auth.registration == "invite"
    assert load(server__bind="0.0.0.0:8000", auth__registration="closed").auth.registration == "closed"


def test_registration_is_confirmed_by_mail_only_where_mail_is_sent() -> None:
    (complaint,) = complaints(auth__registration="confirmed")
    assert complaint.endswith(
        'write mail.backend = "smtp" and the server into mail.host, or auth.registration = "open" or "invite"'
    )
    assert load(auth__registration="confirmed", mail__backend="smtp").auth.registration == "confirmed"


@dataclass(frozen=True)
class Weather:
    """A plugin's section."""

    units: Literal["metric", "imperial"] = setting("metric", "The units.")
    cache: Path = setting(Path("{data_dir}/weather"), "Where to keep answers.")
    token: str = setting("", "The token.", secret=True)
    stations: Mapping[str, int] = setting({}, "Number of each station.")


def test_a_plugins_section_is_read_with_the_type_that_it_declares(tmp_path: Path) -> None:
    text = "[weather]\nunits = 'imperial'\n[weather.stations]\noslo = 4"
    environ = {"AASIM_WEATHER__TOKEN_FILE": str(tmp_path / "token")}
    (tmp_path / "token").write_text("t0ken")
    weather = load(text, environ, folder=tmp_path).with_sections({"weather": Weather}).section("weather", Weather)
    assert weather == Weather(units="imperial", cache=Path("var/weather"), token="t0ken", stations={"oslo": 4})


def test_a_plugin_without_a_section_gets_the_defaults() -> None:
    assert load().with_sections({"weather": Weather}).section("weather", Weather).units == "metric"


def test_a_section_that_no_plugin_has_is_refused_with_the_nearest_name(tmp_path: Path) -> None:
    settings = load("[wether]\nunits = 'metric'", folder=tmp_path)
    with pytest.raises(StartupError, match=r'there is no section "wether" \(.*aasim.toml\); did you mean "weather"\?'):
        settings.with_sections({"weather": Weather})


def test_the_section_of_a_plugin_that_is_off_is_left_alone(tmp_path: Path) -> None:
    settings = load("[slack]\nchannel = 'general'", folder=tmp_path)
    assert settings.with_sections({}, off=["slack"]).plugin_sections == {}


def test_a_wrong_value_in_a_plugins_section_is_a_fault() -> None:
    settings = load(weather__units="kelvin", weather__colour="red")
    with pytest.raises(StartupError) as caught:
        settings.with_sections({"weather": Weather})
    assert caught.value.problems == (
        '[weather] has no setting "colour" (command line); there are cache, stations, token, units',
        'weather.units (command line) is \'kelvin\'; write one of "metric", "imperial"',
    )


def test_asking_for_a_section_of_another_type_is_an_error() -> None:
    with pytest.raises(LookupError, match="return it from config_schema"):
        load().section("weather", Weather)


def test_the_settings_file_shows_every_setting_with_its_default(root: Path) -> None:
    text = (root / "config" / "aasim.toml").read_text(encoding="utf-8")
    made = render(examine_plugins(load()).schemas)
    assert text == made, "config/aasim.toml is out of date; write it anew: .venv/bin/aasim config template > config/aasim.toml"


def test_the_settings_file_may_be_uncommented_as_it_is(tmp_path: Path) -> None:
    text = re.sub(r"^# ([a-z_]+ = )", r"\1", render({"weather": Weather}), flags=re.MULTILINE)
    settings = load(text, folder=tmp_path).with_sections({"weather": Weather})
    assert settings.server == load().server
    assert settings.database == load().database
    assert settings.section("weather", Weather) == Weather(cache=Path("var/weather"))


def test_the_production_example_is_valid(root: Path) -> None:
    settings = Settings.load(config=root / "config" / "production.toml", environ={"AASIM_DATABASE_URL": "postgresql://u:p@h/n"})
    assert settings.secrets.key_file == Path("/etc/aasim/secrets.json")


@pytest.mark.parametrize(
    ("flags", "alone"),
    [
        ({}, True),
        ({"http.public_url": "http://localhost:8000"}, True),
        ({"http.public_url": "https://agents.example.com"}, False),
        ({"server.trusted_proxies": ["127.0.0.1"]}, False),
        ({"server.bind": "0.0.0.0:8000"}, False),
    ],
)
def test_an_installation_is_for_its_machine_only_where_neither_address_nor_proxy_leads_to_it(flags: Any, alone: bool) -> None:
    assert Settings.load(flags, environ={}).is_for_this_machine_only is alone
