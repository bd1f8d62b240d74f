import pytest
import yaml
from prefect.client.schemas.objects import DeploymentSchedule
from prefect.client.schemas.schedules import CronSchedule, IntervalSchedule
from projects import ROOT

from flows.running.schedules import DeploymentError, described, merged, note_served, served_last

NIGHTLY = {"slug": "nightly", "cron": "0 3 * * *", "timezone": "UTC", "active": False}


def in_ui(cron="0 3 * * *", timezone="UTC", **more):
    return DeploymentSchedule(schedule=CronSchedule(cron=cron, timezone=timezone), **more)


def test_what_is_described_is_served_the_first_time():
    [schedule] = merged([NIGHTLY], None, None)
    assert (schedule.slug, schedule.active, schedule.schedule.cron) == ("nightly", False, "0 3 * * *")


@pytest.mark.holds("schedules")
@pytest.mark.parametrize("before", [None, [NIGHTLY]])
def test_what_was_changed_in_the_ui_stays(before):
    changed = in_ui("0 20 * * 5", "Europe/Rome", active=True, parameters={"seed": 3}, slug="nightly")
    own = DeploymentSchedule(schedule=IntervalSchedule(interval=3600), active=False)
    kept = merged([NIGHTLY], before, [changed, own])
    assert [schedule.schedule for schedule in kept] == [changed.schedule, own.schedule]
    assert [schedule.active for schedule in kept] == [True, False]
    assert [schedule.slug for schedule in kept] == ["nightly", None]
    assert kept[0].parameters == {"seed": 3}


@pytest.mark.holds("schedules")
def test_times_that_were_changed_in_the_description_are_taken_over_and_the_rest_stays():
    known = in_ui(active=True, parameters={"seed": 3}, slug="nightly")
    [schedule] = merged([NIGHTLY | {"cron": "0 4 * * *"}], [NIGHTLY], [known])
    assert (schedule.schedule.cron, schedule.active, schedule.parameters) == ("0 4 * * *", True, {"seed": 3})


@pytest.mark.holds("schedules")
def test_a_schedule_that_was_removed_on_either_side_stays_away():
    assert merged([NIGHTLY], [NIGHTLY], []) == []
    assert merged([], [NIGHTLY], [in_ui(slug="nightly")]) == []


def test_one_that_is_described_anew_is_added():
    weekly = NIGHTLY | {"slug": "weekly"}
    assert [schedule.slug for schedule in merged([NIGHTLY, weekly], [NIGHTLY], [in_ui(slug="nightly")])] == [
        "nightly",
        "weekly",
    ]


def test_what_was_served_last_is_known_again(folder):
    assert served_last() is None
    note_served([NIGHTLY])
    assert served_last() == [NIGHTLY]


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"cron": "61 3 * * *"}, "schedule nightly: cron '61 3 * * *': "),
        ({"timezone": "Mars/Olympus"}, "schedule nightly: timezone 'Mars/Olympus': Invalid timezone"),
        ({"active": None, "cron": 3}, "schedule nightly: cron 3: "),
    ],
)
def test_a_wrong_schedule_is_told_in_a_line(folder, wrong, told):
    text = yaml.safe_load((ROOT / "prefect.yaml").read_text())
    text["deployments"][0]["schedules"][0] |= wrong
    (folder / "prefect.yaml").write_text(yaml.safe_dump(text))
    with pytest.raises(DeploymentError) as refused:
        described()
    assert str(refused.value).startswith(f"prefect.yaml: {told}")
    assert len(str(refused.value).splitlines()) == 1


@pytest.mark.parametrize(
    "text", ["", "deployments: [", "deployments: []", "deployments: [{name: rlrec}]", "deployments: [3]"]
)
def test_a_file_that_describes_no_deployment_is_told_in_a_line(folder, text):
    (folder / "prefect.yaml").write_text(text)
    with pytest.raises(DeploymentError, match=r"^prefect\.yaml: .") as refused:
        described()
    assert len(str(refused.value).splitlines()) == 1
