"""`python -m flows.running.serve`, from the press of a button to the tables, through the server's API."""

import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import psutil
import pytest
import requests
import yaml
from listening import Mail, Webhook
from projects import ROOT, environment, make_folder, run
from served import IN_BACKGROUND, Served, make_served_folder, serving

from flows.pipeline import SETTINGS, pipeline
from flows.running import turn
from flows.running.schedules import described
from flows.running.serve import form_of
from rlrec.data.registry import DATASETS
from rlrec.settings.config import Config

pytestmark = pytest.mark.slow

STAGES = ["download", "validate", "world", "beliefs", "train@a3c", "evaluate", "compare", "report"]


def errors_in(log: str) -> list[str]:
    return [line for line in log.splitlines() if re.search(r"\b(ERROR|CRITICAL|Traceback)\b", line)]


def from_shell(served: Served, background: bool = False) -> "subprocess.Popen[str]":
    """`make pipeline` in another terminal, or in a script's background, where SIGINT is ignored."""
    script = IN_BACKGROUND if background else ()
    return subprocess.Popen(
        [*script, sys.executable, "-m", "flows.pipeline"],
        cwd=served.folder,
        env=served.env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


@pytest.mark.ci
@pytest.mark.realdata
class TestServed:
    """One project, served as long as these tests last; the log is looked at before runs that have to fail."""

    def test_the_deployment_is_there_with_its_schedule_off(self, served):
        deployment = served.deployment()
        assert deployment["paused"] is False
        [schedule] = deployment["schedules"]
        assert schedule["schedule"]["cron"] == described()["schedules"][0]["cron"]
        assert schedule["active"] is False
        assert deployment["global_concurrency_limit"]["limit"] == 1
        assert deployment["concurrency_options"]["collision_strategy"] == "ENQUEUE"
        assert "Quick run" in deployment["description"]

    def test_the_form_has_a_typed_field_with_its_meaning_for_each_parameter(self, served):
        fields = served.deployment()["parameter_openapi_schema"]["properties"]
        assert list(fields) == [*SETTINGS, "overrides"]
        assert all(field["description"] for field in fields.values())
        assert fields["dataset"]["enum"] == list(DATASETS)
        assert {name: field["type"] for name, field in fields.items()} == {
            "dataset": "string",
            "delta": "number",
            **dict.fromkeys(("slate_size", "agents", "steps", "seed"), "integer"),
            "executor": "string",
            "overrides": "array",
        }

    def test_a_value_out_of_range_is_refused_by_the_form(self, served):
        for parameters in ({"delta": 11}, {"dataset": "netflix"}, {"agents": 0.5}, {"epochs": 3}):
            with pytest.raises(requests.HTTPError) as refused:
                served.start(**parameters)
            assert next(iter(parameters)) in refused.value.response.text

    def test_a_quick_run_makes_all_and_its_page_leads_to_tables_and_figures(self, served, finished):
        assert served.state(finished.quick)["name"] == "Completed"
        assert list(served.stages(finished.quick)) == STAGES
        children = served.children(finished.quick)
        assert {name: child["state"]["name"] for name, child in children.items()} == dict.fromkeys(STAGES, "Completed")
        assert "oracle" in served.artifacts(children["compare"]["id"])["comparison"]["data"]
        shown = served.artifacts(finished.quick)["stages"]["data"]
        for name, child in children.items():
            assert f"[{name}](/runs/flow-run/{child['id']})" in shown
        for stage, artifact in (("compare", "comparison"), ("compare", "offline"), ("report", "comparison-figure")):
            identity = served.artifacts(children[stage]["id"])[artifact]["id"]
            assert f"(/artifacts/artifact/{identity})" in shown
        assert (served.folder / "data" / "reports" / "index.html").is_file()

    def test_a_second_run_waits_for_the_first(self, served, finished):
        assert finished.seen_waiting["name"] in ("Scheduled", "Late")
        ended = served.state(finished.quick)["timestamp"]
        assert served.ask("get", f"flow_runs/{finished.custom}")["start_time"] >= ended

    def test_a_custom_run_shows_its_stages_and_leaves_the_settings_as_they_were(self, served, finished):
        assert served.state(finished.custom)["name"] == "Completed"
        flow_run = served.ask("get", f"flow_runs/{finished.custom}")
        assert flow_run["name"] == "pipeline scenario.delta=-0.5 learners.a3c.gamma=0.5"
        changed = ["beliefs", "train@a3c", "evaluate", "compare", "report"]
        stages = served.stages(finished.custom)
        assert list(stages) == changed
        assert {task["state"]["name"] for task in stages.values()} == {"Completed"}
        children = served.children(finished.custom)
        assert set(children) == set(changed)
        assert {name: task["state"]["state_details"]["child_flow_run_id"] for name, task in stages.items()} == {
            name: child["id"] for name, child in children.items()
        }
        assert "learning-curve" in served.artifacts(children["train@a3c"]["id"])
        assert yaml.safe_load((served.folder / "params.yaml").read_text())["scenario"]["delta"] == 1.0

    def test_nobody_is_turned_away_when_several_write_at_once(self, served, finished):
        flow = served.ask("post", "flows/", name="another")["id"]

        def write(number: int) -> None:
            for again in range(10):
                served.ask("post", "deployments/", name=f"{number}-{again}", flow_id=flow)

        with ThreadPoolExecutor(4) as writers:
            list(writers.map(write, range(4)))

    def test_there_is_no_error_in_the_log(self, served, finished):
        assert errors_in(served.log.read_text()) == []

    def test_a_wrong_override_is_told_on_the_run_s_page_before_anything_starts(self, served, finished):
        wrong = served.start(overrides=["learners.a3c.gamma=2", "learners.a3c.gama=0.5"])
        state = served.wait(wrong, "Failed")
        assert state["message"].splitlines()[0] == "overrides:"
        assert "learners.a3c.gamma: must be a number from 0 to 1" in state["message"]
        assert "learners.a3c.gama: unknown setting; did you mean learners.a3c.gamma?" in state["message"]
        assert len(state["message"].splitlines()) == 3
        assert served.stages(wrong) == {}
        served.until(lambda: state["message"] in served.logged(wrong))

    def test_a_field_and_an_override_that_contradict_one_another_are_told(self, served, finished):
        wrong = served.start(seed=1, overrides=["seed=2"])
        assert served.wait(wrong, "Failed")["message"] == "overrides: seed is given twice, as 1 and as 2"

    def test_who_comes_first_is_served_first(self, served, finished):
        asked = [served.start(overrides=[f"learners.a3c.gamma={number}"]) for number in range(2, 6)]
        for run_id in asked:
            served.wait(run_id, "Failed")
        began = [served.ask("get", f"flow_runs/{run_id}")["start_time"] for run_id in asked]
        assert began == sorted(began)

    def test_a_stage_s_error_is_told_on_the_pipeline_s_page(self, served, finished):
        wrong = served.start(overrides=["data.local=README.md"])
        message = served.wait(wrong, "Failed")["message"]
        assert message.startswith("download: ")
        assert "README.md" in message
        assert len(message.splitlines()) <= 5
        assert "Traceback" not in "".join(served.logged(wrong))
        assert served.stages(wrong)["download"]["state"]["name"] == "Failed"

    def test_a_run_from_the_ui_and_one_from_a_shell_wait_for_one_another(self, served, finished):
        lock = served.folder / turn.PIPELINE
        with turn.turn(lock, print):
            from_ui = served.start()
            served.until(lambda: any("Waiting for process" in line for line in served.logged(from_ui)))
            shell = from_shell(served)
            said: list[str] = []
            assert shell.stdout is not None
            while not any(f"Waiting for process {os.getpid()}, at work since" in line for line in said):
                said.append(shell.stdout.readline())
                assert said[-1], said
        assert served.wait(from_ui, "Completed", "Failed")["name"] == "Completed"
        rest, _ = shell.communicate(timeout=120)
        assert shell.returncode == 0, said + [rest]
        assert "up to date" in rest

    def test_ctrl_c_while_waiting_ends_without_a_traceback(self, served, finished):
        signal.signal(signal.SIGINT, signal.default_int_handler)
        with turn.turn(served.folder / turn.PIPELINE, print):
            shell = from_shell(served)
            assert shell.stdout is not None
            while "Waiting for process" not in (line := shell.stdout.readline()):
                assert line
            os.killpg(shell.pid, signal.SIGINT)
            rest, _ = shell.communicate(timeout=60)
        assert shell.returncode == 130
        assert "The pipeline was interrupted" in rest
        assert "Traceback" not in rest

    @pytest.mark.holds("ending")
    def test_a_cancelled_run_leaves_no_stage_behind_and_the_next_one_goes_on(self, served, finished):
        endless = served.start(overrides=["training.steps=1000000000"])
        served.until(lambda: "train@a3c" in served.children(endless))
        served.until(lambda: any("on validation users" in line for line in self.train_log(served, endless)))
        runs = psutil.Process(served.process.pid).children(recursive=True)
        stages = [process for process in runs if "flows.train" in " ".join(process.cmdline())]
        assert stages
        served.ask("post", f"flow_runs/{endless}/set_state", state={"type": "CANCELLING"}, force=True)
        served.wait(endless, "Cancelled")
        _, alive = psutil.wait_procs(stages, timeout=60)
        assert alive == []
        assert served.wait(served.start(), "Completed", "Failed")["name"] == "Completed"

    @pytest.mark.holds("orphan")
    @pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
    def test_a_custom_run_whose_process_is_killed_holds_up_nobody(self, served, finished, number):
        endless = served.start(overrides=["training.steps=1000000000"])
        waiting = served.start()
        served.until(lambda: "train@a3c" in served.children(endless))
        served.until(lambda: any("on validation users" in line for line in self.train_log(served, endless)))
        family = psutil.Process(served.process.pid).children(recursive=True)
        [dvc] = [process for process in family if "flows.running.repro" in process.cmdline()]
        dvc.parent().send_signal(number)
        assert served.wait(waiting, "Completed", "Failed", "Crashed")["name"] == "Completed"
        assert served.state(endless)["name"] == "Crashed"
        assert not dvc.is_running()
        served.until(lambda: served.children(endless)["train@a3c"]["state"]["name"] == "Crashed")
        assert "1000000000" not in (served.folder / "params.yaml").read_text()

    @pytest.mark.long
    def test_somebody_is_told_of_runs_that_fail_are_killed_or_late(self, served):
        with Webhook() as webhook, Mail() as post:
            command = (sys.executable, "-m", "flows.running.alerts")
            told = run(served.folder, *command, webhook.url, post.url, "--late", "0.17", env=served.env)
            assert told.stdout.count("has been sent a message") == 2, told.stdout
            with turn.turn(served.folder / turn.PIPELINE, print):
                stuck = served.start()
                served.until(lambda: any("Waiting for process" in line for line in served.logged(stuck)))
                late = served.start()
                webhook.wait(2)
                assert f"runs/flow-run/{late}" in webhook.said[1]["message"]
                served.ask("post", f"flow_runs/{late}/set_state", state={"type": "CANCELLED"}, force=True)
                served.process_of(stuck).kill()
                webhook.wait(3)
            wrong = served.start(seed=1, overrides=["seed=2"])
            said = [(message["title"].partition(": ")[2], message["message"]) for message in webhook.wait(4)]
            assert [title for title, _ in said[1:]] == [
                "a run of pipeline is late",
                "pipeline has failed",
                "pipeline seed=1 seed=2 has failed",
            ]
            assert said[2][1].startswith("Crashed. ")
            assert said[3][1].startswith("Failed. overrides: seed is given twice, as 1 and as 2\n")
            assert f"{served.ui}/runs/flow-run/{wrong}" in said[3][1]
            assert ["seed is given twice" in message for message in post.wait(4)] == [False] * 3 + [True]
        assert run(served.folder, *command, "--remove", env=served.env).stdout == "3 alerts are removed.\n"

    @staticmethod
    def train_log(served: Served, run: str) -> list[str]:
        return served.logged(served.children(run)["train@a3c"]["id"])

    def test_the_server_listens_on_loopback_only(self, served):
        family = [psutil.Process(served.process.pid), *psutil.Process(served.process.pid).children(recursive=True)]
        listening = [c for process in family for c in process.net_connections("inet") if c.status == "LISTEN"]
        assert {connection.laddr.ip for connection in listening} <= {"127.0.0.1", "::1"}
        assert int(served.ui.rpartition(":")[2]) in {connection.laddr.port for connection in listening}


def reading(shell: "subprocess.Popen[str]", awaited: str) -> None:
    """Reads on what a process says, until it has said that."""
    assert shell.stdout is not None
    said: list[str] = []
    while not any(awaited in line for line in said):
        said.append(shell.stdout.readline())
        assert said[-1], "".join(said)


def times(deployment: dict) -> list[str]:
    kept = ("schedule", "active", "parameters", "slug")
    return sorted(str({key: schedule[key] for key in kept}) for schedule in deployment["schedules"])


@pytest.mark.holds("server", "schedules", "ending", "missed")
@pytest.mark.ci
@pytest.mark.realdata
def test_a_run_that_was_killed_with_all_around_it_blocks_nobody(tmp_path, ml100k_archive):
    folder = make_served_folder(tmp_path / "rlrec", ml100k_archive, {"training": {"steps": 10**9}})
    with Webhook() as webhook, serving(folder) as first:
        told = run(folder, sys.executable, "-m", "flows.running.alerts", webhook.url, env=first.env)
        assert "has been sent a message" in told.stdout
        killed = first.start()
        first.until(lambda: "world" in first.children(killed))
        server = psutil.Process(first.process.pid).children()
        deployment = f"deployments/{first.deployment()['id']}"
        schedule = first.deployment()["schedules"][0]["id"]
        evening = {"cron": "0 20 * * *", "timezone": "Europe/Rome", "day_or": True}
        changed = {"active": True, "schedule": evening, "parameters": {"delta": -0.5}}
        first.ask("patch", f"{deployment}/schedules/{schedule}", **changed)
        hourly = {"schedule": {"interval": 3600, "timezone": "UTC"}, "active": False}
        requests.post(f"{first.ui}/api/{deployment}/schedules", json=[hourly], timeout=60).raise_for_status()
        first.ask("patch", deployment, parameters={"seed": 3}, tags=["mine"])
        before = first.deployment()
        first.ask("post", f"{deployment}/schedule", start_time="2026-01-01T00:00:00Z", max_runs=3)
        due = {"next_scheduled_start_time": {"before_": "2026-02-01T00:00:00Z"}}
        planned = [run["id"] for run in first.ask("post", "flow_runs/filter", flow_runs=due)]
        assert len(planned) == 3
        first.end(signal.SIGKILL)
        psutil.wait_procs(server, timeout=30)
    with closing(sqlite3.connect(folder / ".prefect" / "prefect.db")) as database, database:
        # Planned days ago: of what follows within minutes, Prefect waits for events that it has never sent.
        then = "strftime('%Y-%m-%d %H:%M:%f000', timestamp, '-1 day')"
        planned_then = f"UPDATE flow_run_state SET timestamp = {then} WHERE flow_run_id = ?"
        database.executemany(planned_then, [(run_id,) for run_id in planned])
    with Webhook(webhook.port) as webhook, serving(folder) as again:
        assert again.state(killed)["name"] == "Crashed"
        assert "was killed" in again.state(killed)["message"]
        for kept in ("parameters", "tags"):
            assert again.deployment()[kept] == before[kept], kept
        assert times(again.deployment()) == times(before)
        assert [again.state(run_id)["name"] for run_id in planned] == ["Missed"] * len(planned)
        said = [message["title"].rpartition(": ")[2] for message in webhook.wait(2)]
        assert sorted(said) == ["pipeline has failed", "runs were missed"]
        wrong = again.start(overrides=["seed=-1"])
        assert "seed" in again.wait(wrong, "Failed")["message"]
        with turn.turn(folder / turn.PIPELINE, print):  # so that there is a run which has begun to report
            shell = from_shell(again, background=True)
            reading(shell, "Waiting for process")
            assert again.end() == 0
            reading(shell, f"The Prefect server at {again.ui} has ended: another takes its place.")
        reading(shell, "Beginning subflow run")
        shell.terminate()
        rest, _ = shell.communicate(timeout=60)
        assert shell.returncode == 130, rest
        assert "The pipeline was interrupted" in rest
    with closing(sqlite3.connect(folder / ".prefect" / "prefect.db")) as database:
        of_shells = "name LIKE 'pipeline%' AND deployment_id IS NULL"
        ended = database.execute(f"SELECT state_type FROM flow_run WHERE {of_shells}").fetchall()
        left = database.execute("SELECT count(*) FROM flow_run WHERE state_type IN ('RUNNING', 'PENDING')").fetchone()
    assert ended == [("CRASHED",)]
    assert left == (0,)
    assert "No longer serving." in again.log.read_text()
    assert "Traceback" not in again.log.read_text()


def test_a_port_that_something_else_has_is_named(tmp_path):
    folder = make_folder(tmp_path / "project")
    shutil.copy(ROOT / "prefect.yaml", folder)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        ended = run(
            folder, sys.executable, "-m", "flows.running.serve", env=environment(folder, PREFECT_SERVER_API_PORT=port)
        )
    assert ended.returncode == 1
    assert f"port {port}" in ended.stdout
    assert "PREFECT_SERVER_API_PORT" in ended.stdout
    assert "Traceback" not in ended.stdout


def test_the_form_allows_what_the_settings_allow():
    of_settings = dict(_schemas(Config.model_json_schema()))
    fields = form_of(pipeline)["properties"]
    for name, path in SETTINGS.items():
        allowed, shown = of_settings[path], fields[name]
        keys = ("type", "enum", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")
        assert {key: shown[key] for key in keys if key in shown} == {k: allowed[k] for k in keys if k in allowed}, name


def _schemas(schema: dict, inside: dict | None = None, prefix: str = ""):
    for name, inner in (inside or schema)["properties"].items():
        if "$ref" in inner:
            yield from _schemas(schema, schema["$defs"][inner["$ref"].rpartition("/")[2]], f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", inner


@pytest.mark.ci
def test_prefect_s_own_deploy_makes_the_same_deployment_for_workers(server, tmp_path):
    folder = make_folder(tmp_path / "project")
    (folder / "prefect.yaml").write_text((ROOT / "prefect.yaml").read_text())
    env = environment(folder, PREFECT_API_URL=server)
    pool = run(folder, "prefect", "work-pool", "create", "rlrec", "--type", "process", env=env)
    assert pool.returncode == 0, pool.stdout
    deployed = run(folder, "prefect", "--no-prompt", "deploy", "--all", env=env)
    assert deployed.returncode == 0, deployed.stdout
    found = requests.get(f"{server}/deployments/name/pipeline/rlrec", timeout=30).json()
    assert found["work_pool_name"] == "rlrec"
    assert [schedule["active"] for schedule in found["schedules"]] == [False]
    assert found["global_concurrency_limit"]["limit"] == 1
    assert list(found["parameter_openapi_schema"]["properties"]) == [*SETTINGS, "overrides"]
    assert found["parameter_openapi_schema"]["properties"]["delta"]["description"]
