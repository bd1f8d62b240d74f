from pathlib import Path

import pytest

from rlrec.data.dataset.vocabulary import save_vocabulary
from rlrec.errors import RequestError
from rlrec.recommending.places import user_number


def test_users_are_called_what_the_data_call_them(tmp_path: Path) -> None:
    assert user_number("42", tmp_path) == 42
    with pytest.raises(RequestError, match="no user 'ann': users have whole numbers"):
        user_number("ann", tmp_path)
    save_vocabulary({"user": ("ann", "bob")}, tmp_path)
    assert user_number("bob", tmp_path) == 2
    with pytest.raises(RequestError, match="no user '2': users are called like ann, bob"):
        user_number("2", tmp_path)
