"""The core's sections of the settings, in the order in which config/aasim.toml shows them."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from .checks import (
    are_networks,
    are_origins,
    at_least,
    between,
    is_address,
    is_counter_url,
    is_database_url,
    is_link_template,
    is_loopback,
    is_mailbox,
    is_optional_web_url,
    is_queue_url,
    split_address,
)
from .fields import setting


@dataclass(frozen=True)
class TopSettings:
    """What stands above the sections."""

    data_dir: Path = setting(Path("var"), "The folder of everything that must be kept: databases, keys, model files.")


@dataclass(frozen=True)
class ServerSettings:
    """The process that answers the API."""

    bind: str = setting("127.0.0.1:8000", "Where to listen; other machines need a reverse proxy with TLS.", check=is_address)
    workers: int = setting(2, "Processes; one a core is a good number.", check=between(1, 128))
    threads: int = setting(16, "Threads of each process: requests that it answers at the same time.", check=between(1, 256))
    trusted_proxies: tuple[str, ...] = setting(
        (), "Addresses of the reverse proxies whose X-Forwarded-For is believed.", check=are_networks
    )
    header_seconds: int = setting(20, "How long a client may take for the headers of a request.", check=between(1, 600))
    body_seconds: int = setting(30, "How long a client may take for the body of a request.", check=between(1, 3600))
    keepalive_seconds: int = setting(
        75, "How long an idle connection stays open; longer than the proxy's.", check=between(1, 600)
    )
    graceful_timeout_seconds: int = setting(
        30, "How long running requests may finish when the process stops.", check=between(1, 600)
    )
    drain_seconds: int = setting(
        0,
        "How long requests are still taken after /health/ready says 503; longer than a balancer takes to notice.",
        check=between(0, 300),
    )

    @property
    def host(self) -> str:
        """The host part of `bind`."""
        return split_address(self.bind)[0]

    @property
    def port(self) -> int:
        """The port part of `bind`."""
        return split_address(self.bind)[1]

    @property
    def is_public(self) -> bool:
        """Whether other machines can reach the server directly."""
        return not is_loopback(self.host)


@dataclass(frozen=True)
class DatabaseSettings:
    """Where the records are."""

    url: str = setting(
        "sqlite:///{data_dir}/aasim.db",
        "A SQLite file, or postgresql://user:password@host:5432/name.",
        check=is_database_url,
        secret=True,
    )
    durability: Literal["full", "normal"] = setting(
        "full", "full: an answered change survives a loss of power. normal: only a crash of the process."
    )
    pool_wait_seconds: float = setting(
        2.0, "How long a request waits for a connection before it gets 503.", check=between(0.1, 60)
    )
    statement_timeout_seconds: float = setting(30.0, "PostgreSQL ends a statement that takes longer.", check=between(1, 3600))
    app_role: str | None = setting(None, "PostgreSQL: the role that owns nothing, which requests and jobs act as.")
    migration_url: str | None = setting(
        None, "PostgreSQL: the owner's URL, for `aasim migrate` only; the url above if empty.", secret=True
    )


@dataclass(frozen=True)
class QueueSettings:
    """What wakes the worker; work itself is kept in the database."""

    url: str = setting("sqlite:///{data_dir}/queue.db", "A SQLite file, or redis://host:6379/0.", check=is_queue_url, secret=True)


@dataclass(frozen=True)
class WorkerSettings:
    """The process that does the background work."""

    threads: int = setting(16, "Jobs done at the same time.", check=between(1, 256))
    lease_seconds: int = setting(
        60, "After this long without a sign of life a job is given to another worker.", check=between(5, 3600)
    )
    heartbeat_seconds: int = setting(15, "How often a worker gives a sign of life.", check=between(1, 1800))
    poll_seconds: float = setting(0.5, "How often to look for work that no message announced.", check=between(0.05, 60))
    grace_seconds: int = setting(25, "How long running jobs may finish when the process stops.", check=between(1, 3600))

    def faults(self) -> list[str]:
        """What does not go together."""
        if self.heartbeat_seconds * 2 > self.lease_seconds:
            return ["worker.heartbeat_seconds must be at most half of worker.lease_seconds, or a living worker loses its jobs"]
        return []


@dataclass(frozen=True)
class HttpSettings:
    """What requests may look like."""

    max_body_bytes: int = setting(1_048_576, "The longest body of a request.", check=at_least(1024))
    max_import_bytes: int = setting(5_242_880, "The longest body of an import.", check=at_least(1024))
    cors_origins: tuple[str, ...] = setting((), "Web origins whose pages may call the API from a browser.", check=are_origins)
    public_url: str = setting(
        "", "The address that users see, for links in mails; the bind address if empty.", check=is_optional_web_url
    )


@dataclass(frozen=True)
class RateLimitSettings:
    """How much one caller may ask."""

    enabled: bool = setting(True, "Whether anything is limited.")
    url: str = setting(
        "memory://", "Where it is counted; redis://host:6379/1 counts once for all processes.", check=is_counter_url
    )
    anonymous_per_minute: int = setting(60, "Requests of one network without a credential.", check=at_least(1))
    principal_per_minute: int = setting(1200, "Requests of one user or API key.", check=at_least(1))
    organization_per_minute: int = setting(12000, "Requests of one organization.", check=at_least(1))
    concurrent_per_principal: int = setting(20, "Requests of one user or API key at the same time.", check=at_least(1))
    login_per_account: int = setting(10, "Failed logins of one account in the window before it has to wait.", check=at_least(1))
    login_per_network: int = setting(50, "Failed logins from one network in the window before it has to wait.", check=at_least(1))
    login_window_seconds: int = setting(900, "The window in which failed logins are counted.", check=between(10, 86400))


@dataclass(frozen=True)
class AuthSettings:
    """Accounts and sessions."""

    registration: Literal["auto", "open", "confirmed", "invite", "closed"] = setting(
        "auto", "Who may register. auto: open on a loopback address, invite otherwise. confirmed: everybody, by a link in a mail."
    )
    access_token_seconds: int = setting(900, "How long an access token is good; 15 minutes at most.", check=between(30, 900))
    idle_days: int = setting(7, "A session ends when it was not used for this long.", check=between(1, 365))
    session_days: int = setting(30, "A session ends this long after the login.", check=between(1, 365))
    max_sessions: int = setting(20, "Sessions of one user; the oldest ends when one more begins.", check=between(1, 1000))
    hashing_at_once: int = setting(
        2, "Passwords hashed at the same time in a process; more wait, then get 503.", check=between(1, 64)
    )


@dataclass(frozen=True)
class PluginsSettings:
    """Which features are on."""

    enabled: tuple[str, ...] = setting((), "Third-party plugins to turn on; the bundled ones are on.")
    disabled: tuple[str, ...] = setting((), "Bundled plugins to turn off; their data stays.")
    folder: Path | None = setting(None, "A folder to look for plugins in, beside the installed ones.")
    on_error: Literal["stop", "skip"] = setting(
        "stop", "A plugin that does not load. stop: do not start. skip: start without it."
    )
    trace_hooks: bool = setting(False, "Whether each call of a hook is logged: the plugin, the shape of its answer, the time.")


@dataclass(frozen=True)
class LogSettings:
    """What the processes write to standard error."""

    level: Literal["debug", "info", "warning", "error"] = setting("info", "The least important line to write.")
    format: Literal["auto", "json", "console"] = setting("auto", "auto: console in a terminal, JSON lines elsewhere.")


@dataclass(frozen=True)
class MailSettings:
    """How mail leaves."""

    backend: Literal["console", "smtp"] = setting("console", "console writes mails to standard error; smtp sends them.")
    sender: str = setting("Aasim <aasim@localhost>", "The From address.", check=is_mailbox)
    host: str = setting("localhost", "The SMTP server.")
    port: int = setting(587, "Its port.", check=between(1, 65535))
    encryption: Literal["starttls", "tls", "none"] = setting("starttls", "How the connection to the server is protected.")
    username: str = setting("", "The user name, if the server asks for one.")
    password: str = setting("", "The password.", secret=True)
    timeout_seconds: float = setting(10.0, "How long the server may take to answer.", check=between(1, 120))
    link_template: str = setting(
        "",
        "Your own page that links in mails lead to, with {kind}, {id} and {token}; mails explain the API if empty.",
        check=is_link_template,
    )


@dataclass(frozen=True)
class SecretsSettings:
    """The keys that sign tokens and encrypt what is secret."""

    key_file: Path = setting(
        Path("{data_dir}/secrets.json"), "The key ring, readable by its owner only; keep a copy apart from the database's."
    )


CORE_SECTIONS: Mapping[str, type[Any]] = MappingProxyType(
    {
        "server": ServerSettings,
        "database": DatabaseSettings,
        "queue": QueueSettings,
        "worker": WorkerSettings,
        "http": HttpSettings,
        "rate_limits": RateLimitSettings,
        "auth": AuthSettings,
        "plugins": PluginsSettings,
        "log": LogSettings,
        "mail": MailSettings,
        "secrets": SecretsSettings,
    }
)
