"""Where trials are kept, and the door through which workers go one at a time."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from atelier.types import Mistake

if TYPE_CHECKING:
    from optuna.storages import BaseStorage


# Tables of Optuna's whose names others may use, and what they have there.
_KNOWN_BY = {"studies": "study_name", "trials": "study_id", "version_info": "schema_version"}


def opened(url: str | None) -> BaseStorage:
    """The storage at ``url``; None keeps trials in memory.

    Raises:
        Mistake: for one that is not there, or of a kind that cannot be shared safely.
    """
    from optuna.exceptions import StorageInternalError
    from optuna.storages import InMemoryStorage, RDBStorage
    from sqlalchemy.exc import SQLAlchemyError

    if url is None:
        return InMemoryStorage()
    name = _name(url)
    logging.getLogger("alembic").setLevel(logging.WARNING)  # it tells of tables being made
    try:
        _refuse_strangers(url, name)
        return RDBStorage(url, engine_kwargs=_options(url))
    except (
        SQLAlchemyError,
        ImportError,
        StorageInternalError,
        RuntimeError,
    ) as error:  # RuntimeError: another version's
        cause = error.__cause__ if isinstance(error, StorageInternalError) else error  # which itself tells nothing more
        reason = " ".join(str(getattr(cause, "orig", None) or cause).split())
        raise Mistake(f"hydra.sweeper.storage={name}: cannot be opened ({reason})") from error
    except OSError as error:
        raise Mistake(f"hydra.sweeper.storage={name}: cannot be written to ({error.strerror})") from error


def _refuse_strangers(url: str, name: str | None) -> None:
    """Mistake where tables of another program have the names of Optuna's, before it makes the others beside them."""
    from sqlalchemy import create_engine, inspect

    engine = create_engine(url, **_options(url))
    try:
        there = inspect(engine)
        for table, column in _KNOWN_BY.items():
            if there.has_table(table) and column not in {each["name"] for each in there.get_columns(table)}:
                taken = f"its table {table} is another program's"
                raise Mistake(f"hydra.sweeper.storage={name}: {taken}; choose another database")
    finally:
        engine.dispose()


def _name(url: str) -> str | None:
    """What a storage is called in messages: what follows its kind may hold a password.

    Raises:
        Mistake: where it is of no kind that can be shared safely.
    """
    from sqlalchemy.exc import SQLAlchemyError

    if ":" not in url and "@" not in url:
        raise Mistake(f"hydra.sweeper.storage={url}: a file is written sqlite:///{url or 'study.db'}")
    kind = f"hydra.sweeper.storage={url.partition(':')[0]}:..."
    if not url.startswith(("sqlite:///", "postgresql")):
        raise Mistake(f"{kind}: sqlite:///file.db, or postgresql+psycopg://host/database")
    try:
        name = shown(url)
    except (SQLAlchemyError, ValueError) as error:
        raise Mistake(f"{kind}: no address of a database ({error})") from error
    if url.startswith("sqlite") and _file(url) in ("", ":memory:"):
        raise Mistake(f"hydra.sweeper.storage={name}: null keeps trials in memory, sqlite:///study.db in a file")
    return name


def _options(url: str) -> dict[str, Any]:
    """How connections are made; the folder of a file is made too."""
    from sqlalchemy.pool import NullPool

    if not url.startswith("sqlite"):
        return {"pool_pre_ping": True}
    Path(_file(url)).absolute().parent.mkdir(parents=True, exist_ok=True)
    # A file is opened in no time, and so nothing is left open that somebody would have to close.
    return {"poolclass": NullPool, "connect_args": {"timeout": 60}}


def shown(url: str | None) -> str | None:
    """``url`` without a password."""
    if url is None:
        return None
    from sqlalchemy.engine import make_url

    return make_url(url).render_as_string(hide_password=True)


@contextmanager
def alone(storage: BaseStorage, url: str | None, study: str) -> Iterator[None]:
    """While the block lasts, no other worker of ``study`` is in its own: what is read there still holds when it is
    written.

    A file beside an SQLite database is locked, in PostgreSQL an advisory lock is taken; the system opens both if the
    worker dies.
    """
    if url is None:
        yield
    elif url.startswith("sqlite"):
        import filelock

        with filelock.FileLock(f"{_file(url)}.lock"):
            yield
    else:
        from optuna.storages import RDBStorage
        from sqlalchemy import text

        assert isinstance(storage, RDBStorage)
        key = int.from_bytes(hashlib.sha256(study.encode()).digest()[:7])
        with storage.engine.connect() as connection:
            # Released with the transaction, however that ends.
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": key})
            yield


def _file(url: str) -> str:
    return url.removeprefix("sqlite:///").partition("?")[0]
