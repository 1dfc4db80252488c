"""Connect to the server, with the settings that a gallery needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from facewise.errors import GalleryError

if TYPE_CHECKING:
    import psycopg

    from facewise.gallery.stores.postgres.address import Address

    Connection = psycopg.Connection[tuple[Any, ...]]

OLDEST = 14
"""The oldest version of PostgreSQL that will do; older ones get no fixes any more."""

_CONNECT = 15  # seconds

_DURABLE = (
    "set_config('synchronous_commit', replace(current_setting('synchronous_commit'), 'off', 'on'), "
    "false)"
)

_SETTINGS = {
    "default_transaction_isolation": "read committed",
    "default_transaction_read_only": "off",
    "jit": "off",  # it takes longer than what it makes faster
    "row_security": "off",  # an error is better than a part of the rows
    # A client whose machine or network is gone gives back what others wait for.
    "tcp_keepalives_idle": "30",
    "tcp_keepalives_interval": "10",
    "tcp_keepalives_count": "3",
    "client_connection_check_interval": "10s",
}


def session(address: Address, wait: float) -> Connection:
    """A new connection that commits each statement.

    Only the gallery's own schema is searched for names: nobody can put something between. A commit
    has reached the server's disk when it returns, also where the server's settings say otherwise
    (but `fsync`, which only its administrator can set).

    Args:
        address: of the gallery, whose schema may be missing.
        wait: seconds to wait for locks.

    Raises:
        GalleryError: there is no such server or database, it does not let us in, or it will not do.
    """
    import psycopg

    parameters = {"application_name": "facewise", "connect_timeout": _CONNECT, **address.parameters}
    parameters["client_encoding"] = "UTF8"
    try:
        connection: Connection = psycopg.connect(**parameters, autocommit=True)
    except psycopg.Error as error:
        text = " ".join(str(error).split())
        raise GalleryError(f"{address.url}: the server cannot be reached ({text})") from None
    try:
        _check(connection, address)
        settings = {
            **_SETTINGS,
            "search_path": f"{address.schema}, pg_temp",
            "lock_timeout": f"{max(int(wait * 1000), 1)}ms",
        }
        calls = ", ".join(["set_config(%s, %s, false)"] * len(settings))
        values = [text for setting in settings.items() for text in setting]
        connection.execute(f"SELECT {calls}, {_DURABLE}", values)
    except psycopg.Error as error:
        connection.close()
        text = error.diag.message_primary or str(error)
        raise GalleryError(f"{address.url}: {text}") from None
    except BaseException:
        connection.close()
        raise
    return connection


def _check(connection: Connection, address: Address) -> None:
    version = connection.info.server_version // 10000
    if version < OLDEST:
        raise GalleryError(f"{address.url}: PostgreSQL {version}; expected at least {OLDEST}")
    encoding = connection.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        raise GalleryError(f"{address.url}: a database in {encoding}; expected UTF8")
