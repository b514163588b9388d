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
    """Top-level settings."""

    data_dir: Path = setting(Path("var"), "The folder for everything that must be retained: databases, keys, model files.")


@dataclass(frozen=True)
class ServerSettings:
    """The API process."""

    bind: str = setting("127.0.0.1:8000", "Where to listen; other machines need a reverse proxy with TLS.", check=is_address)
    workers: int = setting(2, "Number of processes; one per core is a good choice.", check=between(1, 128))
    threads: int = setting(16, "Threads per process, each of which serves one request at a time.", check=between(1, 256))
    trusted_proxies: tuple[str, ...] = setting(
        (), "Addresses of the reverse proxies whose X-Forwarded-For is trusted.", check=are_networks
    )
    header_seconds: int = setting(20, "Timeout for receiving the headers of a request.", check=between(1, 600))
    body_seconds: int = setting(30, "Timeout for receiving the body of a request.", check=between(1, 3600))
    keepalive_seconds: int = setting(75, "Keep-alive time of idle connections; must exceed the proxy's.", check=between(1, 600))
    graceful_timeout_seconds: int = setting(
        30, "Time that running requests get to finish when the process stops.", check=between(1, 600)
    )
    drain_seconds: int = setting(
        0,
        "Time during which requests are still accepted after /health/ready returns 503; must exceed the load balancer's check interval.",
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
    """The database."""

    url: str = setting(
        "sqlite:///{data_dir}/aasim.db",
        "A SQLite file, or postgresql://user:password@host:5432/name.",
        check=is_database_url,
        secret=True,
    )
    durability: Literal["full", "normal"] = setting(
        "full", "full: a confirmed change survives a power failure. normal: only a crash of the process."
    )
    pool_wait_seconds: float = setting(
        2.0, "Time that a request waits for a connection before it gets 503.", check=between(0.1, 60)
    )
    statement_timeout_seconds: float = setting(30.0, "Statement timeout on PostgreSQL.", check=between(1, 3600))
    app_role: str | None = setting(None, "PostgreSQL: the role of requests and jobs, which owns no tables.")
    migration_url: str | None = setting(
        None, "PostgreSQL: the owner's URL, for `aasim migrate` only; the url above if empty.", secret=True
    )


@dataclass(frozen=True)
class QueueSettings:
    """The queue that wakes the worker; jobs themselves are stored in the database."""

    url: str = setting("sqlite:///{data_dir}/queue.db", "A SQLite file, or redis://host:6379/0.", check=is_queue_url, secret=True)


@dataclass(frozen=True)
class WorkerSettings:
    """The background worker."""

    threads: int = setting(16, "Number of jobs that run concurrently.", check=between(1, 256))
    lease_seconds: int = setting(
        60, "Time without a heartbeat after which a job is given to another worker.", check=between(5, 3600)
    )
    heartbeat_seconds: int = setting(15, "Heartbeat interval of a worker.", check=between(1, 1800))
    poll_seconds: float = setting(
        0.5, "Interval at which the job table is polled without notifications.", check=between(0.05, 60)
    )
    grace_seconds: int = setting(25, "Time that running jobs get to finish when the process stops.", check=between(1, 3600))

    def faults(self) -> list[str]:
        """Return the conflicts within the section."""
        if self.heartbeat_seconds * 2 > self.lease_seconds:
            return ["worker.heartbeat_seconds must be at most half of worker.lease_seconds, or a living worker loses its jobs"]
        return []


@dataclass(frozen=True)
class HttpSettings:
    """Limits and origins of API requests."""

    max_body_bytes: int = setting(1_048_576, "Maximum size of a request body.", check=at_least(1024))
    max_import_bytes: int = setting(5_242_880, "Maximum size of an import's body.", check=at_least(1024))
    cors_origins: tuple[str, ...] = setting((), "Web origins whose pages may call the API from a browser.", check=are_origins)
    public_url: str = setting("", "The public address, for links in mails; the bind address if empty.", check=is_optional_web_url)


@dataclass(frozen=True)
class RateLimitSettings:
    """Rate limits per caller."""

    enabled: bool = setting(True, "Whether rate limits are enforced.")
    url: str = setting(
        "memory://",
        "Where requests are counted; redis://host:6379/1 shares the counters between all processes.",
        check=is_counter_url,
    )
    anonymous_per_minute: int = setting(60, "Requests from one network without a credential.", check=at_least(1))
    principal_per_minute: int = setting(1200, "Requests of one user or API key.", check=at_least(1))
    organization_per_minute: int = setting(12000, "Requests of one organization.", check=at_least(1))
    concurrent_per_principal: int = setting(20, "Concurrent requests of one user or API key.", check=at_least(1))
    login_per_account: int = setting(10, "Failed logins of one account in the window before it is throttled.", check=at_least(1))
    login_per_network: int = setting(
        50, "Failed logins from one network in the window before it is throttled.", check=at_least(1)
    )
    login_window_seconds: int = setting(900, "The window in which failed logins are counted.", check=between(10, 86400))


@dataclass(frozen=True)
class AuthSettings:
    """Accounts and sessions."""

    registration: Literal["auto", "open", "confirmed", "invite", "closed"] = setting(
        "auto",
        "Who may register. auto: open on a loopback address, invite otherwise. confirmed: anyone, through a link in a mail.",
    )
    access_token_seconds: int = setting(900, "Lifetime of an access token; 15 minutes at most.", check=between(30, 900))
    idle_days: int = setting(7, "Idle time after which a session ends.", check=between(1, 365))
    session_days: int = setting(30, "Time after the login at which a session ends.", check=between(1, 365))
    max_sessions: int = setting(20, "Maximum number of sessions per user; a further one ends the oldest.", check=between(1, 1000))
    hashing_at_once: int = setting(
        2, "Passwords that a process hashes concurrently; further requests wait, then get 503.", check=between(1, 64)
    )


@dataclass(frozen=True)
class PluginsSettings:
    """Enabled plugins."""

    enabled: tuple[str, ...] = setting((), "Third-party plugins to enable; the bundled ones are enabled by default.")
    disabled: tuple[str, ...] = setting((), "Bundled plugins to disable; their data is retained.")
    folder: Path | None = setting(None, "A folder with additional plugins.")
    on_error: Literal["stop", "skip"] = setting(
        "stop", "What to do if a plugin fails to load. stop: do not start. skip: start without it."
    )
    trace_hooks: bool = setting(False, "Whether each call of a hook is logged: the plugin, the shape of its answer, the time.")


@dataclass(frozen=True)
class LogSettings:
    """Logging to standard error."""

    level: Literal["debug", "info", "warning", "error"] = setting("info", "Minimum level of log lines.")
    format: Literal["auto", "json", "console"] = setting("auto", "auto: console in a terminal, JSON lines elsewhere.")


@dataclass(frozen=True)
class MailSettings:
    """Outgoing mail."""

    backend: Literal["console", "smtp", "none"] = setting(
        "console", "console writes mails to standard error; smtp sends them; none drops them."
    )
    sender: str = setting("Aasim <aasim@localhost>", "The From address.", check=is_mailbox)
    host: str = setting("localhost", "The SMTP server.")
    port: int = setting(587, "Its port.", check=between(1, 65535))
    encryption: Literal["starttls", "tls", "none"] = setting("starttls", "Encryption of the connection to the server.")
    username: str = setting("", "The user name, if the server asks for one.")
    password: str = setting("", "The password.", secret=True)
    timeout_seconds: float = setting(10.0, "Timeout for the server's responses.", check=between(1, 120))
    link_template: str = setting(
        "",
        "URL of your own page for links in mails, with {kind}, {id} and {token}; if empty, mails explain the API call.",
        check=is_link_template,
    )


@dataclass(frozen=True)
class SecretsSettings:
    """The keys that sign tokens and encrypt secrets."""

    key_file: Path = setting(
        Path("{data_dir}/secrets.json"), "The key ring file, readable only by its owner; back it up separately from the database."
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
