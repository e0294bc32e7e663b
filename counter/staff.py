"""Staff accounts: argon2id passwords, made by `run.py user` and by imports."""

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from ticketing.models import Staff

SHORTEST_PASSWORD = 8

hasher = PasswordHasher()  # argon2id, the library's defaults follow RFC 9106

# Checked when there is no such account, so that a missing name takes as long as a wrong password.
NOBODY = hasher.hash("nobody has this password")


def hash_password(password: str) -> str:
    return hasher.hash(password)


def matches(password_hash: str, password: str) -> bool:
    try:
        return hasher.verify(password_hash, password)
    except (Argon2Error, InvalidHashError):
        return False


def by_login(login: str) -> Staff | None:
    return Staff.get_or_none((Staff.login == login) & (Staff.disabled == False))  # noqa: E712


def set_password(staff: Staff, password: str) -> None:
    """A new password ends every session of this person."""
    Staff.update(password_hash=hash_password(password), epoch=Staff.epoch + 1).where(Staff.id == staff.id).execute()


def disable(staff: Staff) -> None:
    Staff.update(disabled=True, epoch=Staff.epoch + 1).where(Staff.id == staff.id).execute()
