"""Keys of their own for what applicants tell: made once, changed while the hall works, never lost with a text."""

import stat
import threading

import pytest
from cryptography.fernet import InvalidToken

from counter import sweep
from tests.conftest import SECRET
from ticketing import clock, db, identity, resealing
from ticketing.keyring import BadKeyring, Keyring, UnknownKey, key_of, new_keys, open_keyring, read_keys, rotated
from ticketing.models import PastTicket, Ticket

PERSON = {"name": "张三", "id_number": "370112199001011234"}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "keys.json"


@pytest.fixture
def ring(path):
    return open_keyring(SECRET, path)


def rotate(ring):
    ring.replace(rotated(ring.keys, clock.now()))


def test_the_first_start_makes_keys_that_nobody_else_reads(ring, path):
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert open_keyring(SECRET, path).keys == ring.keys
    assert len(ring.keys.keys) == 1 and ring.keys.key(ring.keys.active)


def test_two_first_starts_at_once_have_one_keyring(path):
    begin, seen = threading.Barrier(8), []

    def start():
        begin.wait(10)
        seen.append(open_keyring(SECRET, path).keys)

    threads = [threading.Thread(target=start) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert len(seen) == 8 and set(seen) == {seen[0]}
    assert [file.name for file in path.parent.iterdir()] == ["keys.json"]


def test_a_sealed_text_names_its_key_and_tells_nothing_else(ring):
    sealed = ring.seal(PERSON)
    assert key_of(sealed) == ring.keys.active
    assert ring.unseal(sealed) == PERSON
    assert "张三" not in sealed and PERSON["id_number"] not in sealed
    with pytest.raises(InvalidToken):
        ring.unseal(sealed[:-2] + "xx")


def test_secrets_are_in_no_repr(ring):
    secrets = [ring.keys.hash, *(key.secret for key in ring.keys.keys)]
    assert not [secret for secret in secrets if secret in repr(ring.keys) + repr(ring)]


def test_a_new_key_seals_and_the_old_one_still_opens(ring):
    before = ring.seal(PERSON)
    hashed = ring.identity_hash("hall", PERSON["id_number"])
    rotate(ring)
    after = ring.seal(PERSON)
    assert key_of(after) == ring.keys.active != key_of(before)
    assert ring.unseal(before) == ring.unseal(after) == PERSON
    assert ring.identity_hash("hall", PERSON["id_number"]) == hashed


def test_another_process_notices_a_new_key_by_itself(ring, path):
    other = open_keyring(SECRET, path)
    assert other.seal(PERSON)
    rotate(ring)
    assert other.unseal(ring.seal(PERSON)) == PERSON
    assert key_of(other.seal(PERSON)) == ring.keys.active


def test_what_secret_key_sealed_still_opens(ring):
    assert ring.unseal(identity.seal(SECRET, PERSON)) == PERSON


def test_a_key_that_is_not_there_is_told(ring):
    sealed = Keyring(SECRET, keys=new_keys(clock.now())).seal(PERSON)
    with pytest.raises(UnknownKey):
        ring.unseal(sealed)


def test_keys_from_the_environment_are_not_written_to_a_file(ring, path, tmp_path):
    given = open_keyring(SECRET, tmp_path / "none" / "keys.json", ring.keys.text())
    assert given.unseal(ring.seal(PERSON)) == PERSON
    with pytest.raises(BadKeyring):
        rotate(given)


@pytest.mark.parametrize(
    "text",
    ["", "{}", "[]", "null", '{"active": "a", "hash": "", "keys": []}'],
    ids=["empty", "no-fields", "list", "null", "no-keys"],
)
def test_a_broken_keyring_is_refused_without_showing_it(text):
    with pytest.raises(BadKeyring):
        read_keys(text)


def test_a_short_secret_or_no_active_key_is_refused(ring):
    text = ring.keys.text()
    for wrong in (
        text.replace(ring.keys.hash, "c2hvcnQ="),
        text.replace(f'"active": "{ring.keys.active}', '"active": "x'),
    ):
        assert wrong != text
        with pytest.raises(BadKeyring) as refused:
            read_keys(wrong)
        assert ring.keys.keys[0].secret not in str(refused.value)


# -- sealing anew ---------------------------------------------------------------------------------------------------


@pytest.fixture
def kept(cast, ring, at):
    """Texts under the old way, under the first key, of a closed day and of today."""
    cast.rules(keep_identity_days=30)
    for place in range(3):
        text = identity.seal(SECRET, PERSON) if place == 0 else ring.seal(PERSON)
        cast.on_ticket("cancel", cast.issue(sealed=text))
    at.later(86_400)
    sweep.sweep()
    cast.issue(sealed=ring.seal(PERSON))
    cast.issue(sealed=identity.seal(SECRET, PERSON))
    cast.issue()
    assert (PastTicket.select().count(), Ticket.select().count()) == (3, 3)
    return [*texts()]


def texts():
    for table in (PastTicket, Ticket):
        yield from (text for (text,) in table.select(table.sealed).where(table.sealed.is_null(False)).tuples())


def test_everything_is_sealed_anew_in_small_pieces(kept, ring, at, monkeypatch):
    monkeypatch.setattr(resealing, "PIECE", 2)
    first = ring.keys.active
    rotate(ring)
    assert resealing.reseal(ring).texts == 5
    assert resealing.counts() == {ring.keys.active: 5}
    assert [ring.unseal(text) for text in texts()] == [PERSON] * 5
    assert ring.keys.key(first) is not None  # a number may be on its way into the database
    at.later(3600)
    assert resealing.reseal(ring).dropped == [first]
    assert ring.keys.key(first) is None and [ring.unseal(text) for text in texts()] == [PERSON] * 5


def test_an_interrupted_pass_is_taken_up_again(kept, ring, monkeypatch):
    monkeypatch.setattr(resealing, "PIECE", 2)
    rotate(ring)
    write, wrote = db.write, []

    def cut(*parts, **named):
        if wrote:
            raise KeyboardInterrupt
        wrote.append(write(*parts, **named))
        return wrote[-1]

    monkeypatch.setattr(db, "write", cut)
    with pytest.raises(KeyboardInterrupt):
        resealing.reseal(ring)
    monkeypatch.setattr(db, "write", write)
    assert [ring.unseal(text) for text in texts()] == [PERSON] * 5
    assert resealing.reseal(ring).texts == 5 - wrote[0]
    assert resealing.reseal(ring).texts == 0


def test_a_key_in_use_is_never_dropped(kept, ring, at, monkeypatch):
    first = ring.keys.active
    rotate(ring)
    at.later(2 * 3600)
    done = resealing.Resealed()
    resealing.drop_unused(ring, done)
    assert done.dropped == [] and ring.keys.key(first) is not None


def test_what_no_key_opens_stays_and_is_told(kept, ring, cast):
    foreign = Keyring(SECRET, keys=new_keys(clock.now())).seal(PERSON)
    cast.issue(sealed=foreign)
    assert resealing.reseal(ring).unreadable == 1
    assert foreign in texts()


def test_a_counter_works_on_when_a_text_can_not_be_opened(door, caplog):
    door.at(1, "open", {"agent": "alice"})
    door.cast.issue(sealed="20200101-aaaaaa:gAAAA")
    answer = door.at(1, "call")
    assert answer.status_code == 200 and answer.json["applicant"] is None
    assert "can not be opened" in caplog.text
