"""Who an applicant is: check digits, a keyed hash to compare by, masks to show; sealing by one secret, for answers that
are kept for a day. What tickets keep is sealed by the keyring (ticketing/keyring.py).

Pure: the secret is handed in. Names, phones and numbers are stored sealed only, and leave masked only."""

import base64
import hashlib
import hmac
import re
import unicodedata
from functools import lru_cache
from typing import Any, Literal

import orjson
from cryptography.fernet import Fernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from stdnum.cn import ric, uscc
from stdnum.exceptions import ValidationError

from ticketing.errors import Refusal

Kind = Literal["resident", "organisation"]

LIKE_A_RESIDENT = re.compile(r"[1-9][0-9]{16}[0-9X]")
EARLIEST_BIRTH = 1880
PROVINCE = re.compile(r"1[0-5]|2[1-3]|3[1-7]|4[1-6]|5[0-4]|6[1-5]|71|8[12]")  # GB/T 2260; 10: the state
GB11714_WEIGHTS = (3, 7, 9, 10, 5, 8, 4, 2)

# One secret, two keys that tell nothing of each other. A changed label makes all that is stored unreadable.
SEAL_LABEL = b"yichuang seal 1"
HASH_LABEL = b"yichuang identity hash 1"


def check_id_number(text: str) -> tuple[Kind, str]:
    """The kind and the normal form (no blanks, capital letters) of a resident identity number (GB 11643) or a
    unified social credit code (GB 32100). Raises Refusal("bad_id_number") when a digit or the date is wrong."""
    number = "".join(unicodedata.normalize("NFKC", text).split()).upper()
    if is_resident(number):
        return "resident", number
    if is_organisation(number):
        return "organisation", number
    raise Refusal("bad_id_number")


def is_resident(number: str) -> bool:
    """Format, check digit and date of birth, not the region as stdnum's `ric.validate` does: that one refuses
    whoever was born before the district was founded (370112: 1987), the residence permits of people from Hong
    Kong, Macao and Taiwan (81…, 82…, 83…) and foreigners' permanent residence cards (9…)."""
    if not LIKE_A_RESIDENT.fullmatch(number) or ric.calc_check_digit(number) != number[-1]:
        return False
    try:
        return ric.get_birth_date(number).year >= EARLIEST_BIRTH
    except ValidationError:
        return False


def is_organisation(number: str) -> bool:
    """A credit code's last character checks the whole of it. One of digits only must also name a province
    and pass the older check of the organisation code inside it (GB 11714): else every 31st mistyped
    resident number would be taken for one."""
    if not uscc.is_valid(number):
        return False
    if not LIKE_A_RESIDENT.fullmatch(number):
        return True
    return bool(PROVINCE.match(number, 2)) and has_organisation_check(number[8:17])


def has_organisation_check(code: str) -> bool:
    total = sum(weight * int(digit) for weight, digit in zip(GB11714_WEIGHTS, code[:8], strict=True))
    return code[8] == "0123456789X0"[11 - total % 11]


def seal(secret: str, facts: dict[str, Any]) -> str:
    return fernet(secret).encrypt(orjson.dumps(facts)).decode()


def unseal(secret: str, text: str) -> dict[str, Any]:
    """Raises cryptography.fernet.InvalidToken when the secret is another or the text was changed."""
    return orjson.loads(fernet(secret).decrypt(text.encode()))


def identity_hash(secret: str, hall_code: str, id_number: str) -> str:
    """64 hex digits, the same for the same person in the same hall; `id_number` in its normal form."""
    message = f"{hall_code}\n{id_number}".encode()
    return hmac.new(derived(secret, HASH_LABEL), message, hashlib.sha256).hexdigest()


@lru_cache(maxsize=4)
def fernet(secret: str) -> Fernet:
    return Fernet(base64.urlsafe_b64encode(derived(secret, SEAL_LABEL)))


@lru_cache(maxsize=8)
def derived(secret: str, label: bytes) -> bytes:
    """A 32-byte key of its own for each label (HKDF, RFC 5869)."""
    return HKDF(SHA256(), length=32, salt=None, info=label).derive(secret.encode())


def mask_name(name: str) -> str:
    """The first character stays, each other becomes a star (a compound surname is not told apart)."""
    return name[:1] + "*" * max(len(name) - 1, 1)


def mask_id(number: str) -> str:
    """Region and the last four stay: 370112********1234. A short one is hidden whole."""
    if len(number) < 15:
        return "*" * len(number)
    return number[:6] + "*" * (len(number) - 10) + number[-4:]


def mask_phone(phone: str) -> str:
    """138****5678. A number shorter than a mobile's keeps its last four, one of under seven its last two."""
    digits = "".join(phone.split()).replace("-", "")
    first = 3 if len(digits) >= 11 else 0
    last = 4 if len(digits) >= 7 else 2
    return digits[:first] + "*" * (len(digits) - first - last) + digits[-last:]
