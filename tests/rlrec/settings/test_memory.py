import tracemalloc
import warnings

import pytest
from worlds import informed, small_world, tables_of

from rlrec.errors import ConfigError
from rlrec.policies.baselines import BASELINES, INTERACTIVE_BASELINES, OFFLINE_BASELINES, Known
from rlrec.settings.memory import BYTES, COMPARED, check_memory, needed_bytes

GROUPS = (BASELINES, OFFLINE_BASELINES, INTERACTIVE_BASELINES)


@pytest.fixture(scope="module")
def measured() -> dict[str, tuple[float, float]]:
    """Bytes per movie squared, kept and at most, of every baseline; the most of its settings."""
    n_movies = 600
    world = informed(small_world(0, n_users=80, n_movies=n_movies, n_genres=19))
    known = Known.of(world, tables_of(world), 7)
    known.training_ratings("measured")  # belongs to all of them
    found: dict[str, tuple[float, float]] = {}
    for baselines in GROUPS:
        for name, make in baselines.items():
            tracemalloc.start()
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                policy = make(known)
            kept, most = (size / n_movies**2 for size in tracemalloc.get_traced_memory())
            tracemalloc.stop()
            del policy
            found[name] = tuple(map(max, zip(found.get(name, (0.0, 0.0)), (kept, most), strict=True)))
    return found


@pytest.mark.ci
@pytest.mark.slow
def test_what_is_said_of_baselines_is_what_they_need(measured: dict[str, tuple[float, float]]) -> None:
    heavy = {name for name, (_, most) in measured.items() if most > 15}
    assert heavy == set(BYTES)
    for name, (kept, most) in BYTES.items():
        assert measured[name][0] == pytest.approx(kept, rel=0.1), name
        assert measured[name][1] == pytest.approx(most, rel=0.1), name


def test_those_are_made_together_that_are_compared_together() -> None:
    assert [set(names) for names in COMPARED] == [set(BYTES) & set(baselines) for baselines in GROUPS]


def test_a_catalogue_that_is_too_large_is_refused_with_what_to_set() -> None:
    available = 24 * 2**30
    check_memory(1_682, (), available)
    with pytest.raises(ConfigError) as refused:
        check_memory(62_423, (), available)
    gib = round(needed_bytes(62_423) / 2**30)
    message = str(refused.value)
    assert message.startswith("with 62,423 movies the matrices of item_knn, ease, ")
    assert f"need about {gib} GiB, but 24.0 GiB are free" in message
    assert message.endswith(f"Set evaluate.leave_out: [{', '.join(BYTES)}] to compare without them")
    check_memory(62_423, tuple(BYTES), available)


def test_what_is_left_out_needs_nothing() -> None:
    assert needed_bytes(1000, tuple(BYTES)) == 0
    assert needed_bytes(1000, ("item_knn",)) < needed_bytes(1000)
