"""Who is told of runs: automations on a real server, and messages to listeners on loopback."""

from datetime import timedelta

import pytest
import requests
from listening import Mail, Webhook
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.events.actions import DoNothing
from prefect.events.schemas.automations import AutomationCore, EventTrigger
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.states import Crashed, Failed, Running

from flows.running import alerts
from flows.running.alerts import list_alerts, remove_alerts, set_alerts
from flows.running.notices import AlertError, block_for, name_of, shown, tell

LATE = timedelta(minutes=30)
NAMES = ["rlrec: a run has failed", "rlrec: a run is late", "rlrec: runs were missed"]


@pytest.fixture
def webhook():
    with Webhook() as listening:
        yield listening


@pytest.fixture
def client(engine):
    with get_client(sync_client=True) as asked:
        yield asked
        remove_alerts(asked)


def kept(client):
    """By name, which automations there are and when they were changed."""
    answer = requests.post(f"{str(client.api_url).rstrip('/')}/automations/filter", json={}, timeout=60).json()
    return {automation["name"]: (automation["id"], automation["updated"]) for automation in answer}


@pytest.mark.slow
class TestAutomations:
    def test_set_twice_nothing_is_there_twice_and_nobody_is_told_twice(self, client, webhook):
        assert set_alerts(client, [webhook.url], late=LATE) == [webhook.url]
        assert [(alert.name, alert.on, alert.addresses) for alert in list_alerts(client)] == [
            (name, True, (webhook.url,)) for name in NAMES
        ]
        before = kept(client)
        assert set_alerts(client, [webhook.url], late=LATE) == []
        assert kept(client) == before
        assert len(webhook.said) == 1
        assert "alerts are set up" in webhook.said[0]["title"]

    def test_what_is_asked_for_now_is_what_is_there_and_what_is_somebody_else_s_stays(self, client, webhook):
        mine = AutomationCore(name="mine", trigger=EventTrigger(expect={"a"}), actions=[DoNothing()])
        identity = client.create_automation(mine)
        set_alerts(client, [webhook.url], late=LATE)
        off = next(automation for automation in client.read_automations() if automation.name == NAMES[1])
        client.pause_automation(off.id)
        with Webhook() as other:
            assert set_alerts(client, [webhook.url, other.url], late=timedelta(minutes=5), ended=True) == [other.url]
            there = {alert.name: alert for alert in list_alerts(client)}
            assert sorted(there) == sorted([*NAMES, "rlrec: a run has ended well"])
            assert {alert.addresses for alert in there.values()} == {(webhook.url, other.url)}
            assert [alert.name for alert in there.values() if not alert.on] == [NAMES[1]]
            late = client.read_automation(off.id)
            assert late.trigger.within == timedelta(minutes=5)
            set_alerts(client, [other.url], late=LATE)
            assert {alert.addresses for alert in list_alerts(client)} == {(other.url,)}
        assert remove_alerts(client) == 3
        assert list_alerts(client) == []
        assert remove_alerts(client) == 0
        assert list(kept(client)) == ["mine"]
        client.delete_automation(identity)

    def test_a_run_that_fails_or_was_killed_is_told_once_with_its_reason_and_other_flows_are_not(self, client, webhook):
        @flow(name="pipeline")
        def whole():
            pass

        @flow(name="train@a3c")
        def stage():
            pass

        set_alerts(client, [webhook.url], late=LATE)
        ends = [
            (stage, Failed(message="of a stage")),
            (whole, Failed(message='data: "0" is {{ wrong }}')),
            (whole, Crashed(message="The process of this run was killed.")),
        ]
        for one, end in ends:
            run = client.create_flow_run(one, name=f"run of {one.name}", state=Running())
            client.set_flow_run_state(run.id, end, force=True)
        told = webhook.wait(3)[1:]
        assert ['data: "0" is {{ wrong }}' in str(message["message"]) for message in told] == [True, False]
        assert told[1]["message"].startswith("Crashed. The process of this run was killed.")
        assert all("run of pipeline has failed" in message["title"] for message in told)
        assert all(message["text"] == f"{message['title']}\n{message['message']}" for message in told)

    def test_an_address_that_takes_no_message_changes_nothing(self, client, webhook):
        set_alerts(client, [webhook.url], late=LATE)
        before = kept(client)
        with Webhook(status=500) as broken, pytest.raises(AlertError, match=r"127\.0\.0\.1:\d+/… has not taken.*500"):
            set_alerts(client, [broken.url], late=LATE)
        with pytest.raises(AlertError, match="late after 10 s or more"):
            set_alerts(client, [webhook.url], late=timedelta(seconds=1))
        assert kept(client) == before


def test_what_is_no_address_is_told_in_a_line_without_its_password():
    for wrong in ("nobody", "https://", "mailtos://me:secret@", "telnet://me:secret@example.org"):
        with pytest.raises(AlertError) as refused:
            block_for(wrong)
        assert "is no address: https://" in str(refused.value)
        assert "secret" not in str(refused.value)
        assert len(str(refused.value).splitlines()) == 1


def test_where_no_server_answers_that_is_told_in_a_line():
    with (
        temporary_settings({PREFECT_API_URL: "http://127.0.0.1:1/api"}),
        pytest.raises(SystemExit, match=r"^\nNo alerts were changed. no Prefect server answers at .*\n$"),
    ):
        alerts.run(["http://127.0.0.1:1/hook"], late=30.0)


def test_mail_is_sent_and_its_password_is_in_no_name():
    with Mail() as post:
        tell(block_for(post.url), "pipeline has failed", "download: no way out")
    assert "Subject: pipeline has failed" in post.said[0]
    assert "download: no way out" in post.said[0]
    assert "secret" not in shown("mailtos://me:secret@example.org?to=you@example.org")
    assert name_of("a") == name_of("a") != name_of("b")


@pytest.mark.holds("proxy")
def test_a_webhook_elsewhere_is_called_through_the_proxy(webhook, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", webhook.url)
    tell(block_for("http://hooks.example.org/T1"), "subject", "body")
    assert webhook.paths == ["http://hooks.example.org/T1"]
