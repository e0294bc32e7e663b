"""Make the PostgreSQL database that TEST_DATABASE_URL names, if it is not there yet."""

import os
import sys
from urllib.parse import urlsplit

import psycopg2
from psycopg2 import sql


def main() -> str | None:
    url = os.environ["TEST_DATABASE_URL"]
    name = urlsplit(url).path.lstrip("/")
    try:
        connection = psycopg2.connect(url.rpartition("/")[0] + "/postgres", connect_timeout=5)
    except psycopg2.OperationalError as error:
        return f"No PostgreSQL at {urlsplit(url).hostname}:{urlsplit(url).port or 5432}: {error}".rstrip()
    connection.autocommit = True
    try:
        connection.cursor().execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    except psycopg2.errors.DuplicateDatabase:
        return None
    finally:
        connection.close()
    print(f"Made the database {name}.")
    return None


if __name__ == "__main__":
    sys.exit(main())
