import pytest
from cryptography.fernet import InvalidToken
from hypothesis import given
from hypothesis import strategies as st
from stdnum.cn import ric, uscc

from ticketing.errors import Refusal
from ticketing.identity import (
    check_id_number,
    identity_hash,
    mask_id,
    mask_name,
    mask_phone,
    seal,
    unseal,
)

# Made for tests: the check digits are right, nobody has them.
RESIDENT = "370112199001011234"
RESIDENT_X = "37011219900101008X"
CREDIT_CODE_OF_DIGITS = "913701129900000416"
CREDIT_CODE = "11370112XX0000019G"


@pytest.mark.parametrize(
    ("text", "kind", "normal"),
    [
        (RESIDENT, "resident", RESIDENT),
        ("370112 19900101 1234", "resident", RESIDENT),
        ("３７０１１２１９９００１０１１２３４", "resident", RESIDENT),  # typed full-width
        (RESIDENT_X, "resident", RESIDENT_X),
        (RESIDENT_X.lower(), "resident", RESIDENT_X),
        (CREDIT_CODE, "organisation", CREDIT_CODE),
        (CREDIT_CODE_OF_DIGITS, "organisation", CREDIT_CODE_OF_DIGITS),
        (CREDIT_CODE.lower(), "organisation", CREDIT_CODE),
    ],
)
def test_a_right_number_is_brought_to_its_normal_form(text, kind, normal):
    assert check_id_number(text) == (kind, normal)


@pytest.mark.parametrize(
    "number",
    [
        "370112195501011232",  # born before the district was founded
        "810000199001011230",  # residence permit, Hong Kong
        "830000199001011234",  # residence permit, Taiwan
        "911370199001011230",  # permanent residence card of a foreigner
    ],
)
def test_numbers_from_everywhere_are_taken(number):
    number = number[:-1] + ric.calc_check_digit(number)
    assert check_id_number(number) == ("resident", number)


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "370112199001011235",  # check digit
        "370112199001011243",  # two digits changed places
        "37011219900101123",  # too short
        "3701121990010112344",
        "370112900101123",  # fifteen digits: no longer issued, and without a check digit
        "37011219900101008Y",
        "11370112XX0000019H",
        "张三",
    ],
)
def test_a_wrong_number_is_refused(wrong):
    with pytest.raises(Refusal) as refused:
        check_id_number(wrong)
    assert refused.value.code == "bad_id_number"
    assert refused.value.facts == {}  # a number is never echoed


def test_a_date_that_never_was_is_refused_in_spite_of_its_check_digit():
    for date in ("19901301", "19900230", "17000101"):
        number = f"370112{date}123"
        with pytest.raises(Refusal):
            check_id_number(number + ric.calc_check_digit(number + "0"))


def test_every_single_wrong_digit_is_noticed():
    wrong = [
        RESIDENT[:place] + digit + RESIDENT[place + 1 :]
        for place in range(18)
        for digit in "0123456789"
        if digit != RESIDENT[place]
    ]
    assert [number for number in wrong if accepted(number)] == []


def test_mistyped_resident_numbers_do_not_pass_as_credit_codes():
    """Of these numbers with a wrong check digit every 31st would pass if the credit code's own check were all."""
    numbers = [f"{region}19850417{n:04d}" for region in ("370112", "371102", "110108") for n in range(1000)]
    wrong = [number for number in numbers if ric.calc_check_digit(number) != number[-1]]
    assert sum(map(uscc.is_valid, wrong)) > 60
    assert sum(map(accepted, wrong)) <= 4


def accepted(number: str) -> bool:
    try:
        check_id_number(number)
    except Refusal:
        return False
    return True


def test_what_is_sealed_is_unreadable_and_comes_back():
    facts = {"name": "张三", "phone": "13800005678", "id_number": RESIDENT}
    sealed = seal("secret", facts)
    assert RESIDENT not in sealed and "13800005678" not in sealed
    assert unseal("secret", sealed) == facts
    assert seal("secret", facts) != sealed  # equal facts do not look equal


def test_another_secret_or_a_changed_seal_is_refused():
    sealed = seal("secret", {"name": "张三"})
    with pytest.raises(InvalidToken):
        unseal("other", sealed)
    changed = sealed[:-10] + ("A" if sealed[-10] != "A" else "B") + sealed[-9:]
    with pytest.raises(InvalidToken):
        unseal("secret", changed)


def test_the_hash_tells_people_halls_and_secrets_apart():
    mine = identity_hash("secret", "licheng", RESIDENT)
    assert mine == identity_hash("secret", "licheng", RESIDENT)
    assert len(mine) == 64
    others = {
        identity_hash("other", "licheng", RESIDENT),
        identity_hash("secret", "other", RESIDENT),
        identity_hash("secret", "licheng", RESIDENT_X),
        mine,
    }
    assert len(others) == 4


def test_the_keys_do_not_change():
    """What halls have stored must stay readable: this fails when a label or the derivation changes."""
    stored = (
        "gAAAAABrBK8kb2zpa8Wjs8TJOmm-jysDM-XJP47LsCyFy9Vg_9hYulSFbbNKVMwIkFZlxl-4-V6tE5TojY0C"
        "KLv_-fzNWyJO25MrbbmshaQZAFwgcC0aSns="
    )
    assert identity_hash("secret", "licheng", RESIDENT) == (
        "42df1b9fa6f1e5968023f17f481358ec14dba59a3940f021fb4774f8966f7f5c"
    )
    assert unseal("secret", stored) == {"name": "张三"}


@pytest.mark.parametrize(
    ("name", "masked"), [("张三", "张*"), ("欧阳小明", "欧***"), ("张", "张*"), ("", "*"), ("Li Wei", "L*****")]
)
def test_names_are_masked(name, masked):
    assert mask_name(name) == masked


@pytest.mark.parametrize(
    ("number", "masked"),
    [
        (RESIDENT, "370112********1234"),
        (CREDIT_CODE, "113701********019G"),
        ("12345", "*****"),
        ("", ""),
    ],
)
def test_numbers_are_masked(number, masked):
    assert mask_id(number) == masked


@pytest.mark.parametrize(
    ("phone", "masked"),
    [
        ("13812345678", "138****5678"),
        ("138 1234-5678", "138****5678"),
        ("+8613812345678", "+86*******5678"),
        ("88012345", "****2345"),
        ("12345", "***45"),
        ("", ""),
    ],
)
def test_phones_are_masked(phone, masked):
    assert mask_phone(phone) == masked


@given(st.text(alphabet="0123456789+- ", max_size=20))
def test_a_masked_phone_never_shows_more_than_seven(phone):
    masked = mask_phone(phone)
    assert sum(character != "*" for character in masked) <= 7
