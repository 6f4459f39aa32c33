"""The Lambda environment, for real: emulator, runtime client, sandbox."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from local.environment import Environment, LambdaEnvironmentError, PartMissingError
from local.environment.processes import state
from tests.waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]

HANDLER = """
import errno, os, socket, sys, time

print("imported", os.getpid())
calls = 0

def write(path):
    try:
        with open(path, "w") as file:
            file.write("x")
    except OSError as error:
        return errno.errorcode[error.errno]
    return "written"

def handler(event, context):
    global calls
    calls += 1
    print("call", calls)
    match event.get("do"):
        case "write": return {path: write(path) for path in event["paths"]}
        case "path": return sys.path
        case "environ": return dict(os.environ)
        case "open": return open(event["path"]).read()
        case "resolve": return socket.gethostbyname(event["name"])
        case "raise": raise LookupError("nothing there")
        case "set": return {1}
        case "die": os._exit(7)
        case "exit": sys.exit(4)
        case "sleep": time.sleep(event["seconds"])
        case "burn":
            begin = time.process_time()
            while time.process_time() - begin < event["seconds"]:
                pass
        case "child": os.spawnl(os.P_NOWAIT, sys.executable, sys.executable, "-c", "import time; time.sleep(600)")
        case "layer":
            import answer
            return answer.WHICH
    return {"calls": calls, "errorMessage": "this is no error"}
"""

EXTENSION = """
import http.client, json, os, signal, sys, threading

def call(method, path, **headers):
    connection = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
    connection.request(method, "/2020-01-01/extension" + path, '{"events": []}' if method == "POST" else None, headers)
    response = connection.getresponse()
    response.read()
    return response.headers.get("Lambda-Extension-Identifier")

identifier = call("POST", "/register", **{"Lambda-Extension-Name": "inside"})
threading.Thread(target=call, args=("GET", "/event/next"), kwargs={"Lambda-Extension-Identifier": identifier}, daemon=True).start()

def goodbye(number, frame):
    print("goodbye", flush=True)
    os._exit(0)

signal.signal(signal.SIGTERM, goodbye)

def handler(event, context):
    return "ready"
"""

Function = Callable[[str], Path]


@pytest.fixture
def function(tmp_path: Path) -> Function:
    def make(source: str) -> Path:
        folder = tmp_path / "function"
        folder.mkdir(exist_ok=True)
        (folder / "handler.py").write_text(source)
        return folder

    return make


def layer(folder: Path, name: str, **files: str) -> Path:
    """Return a layer's zip; a double underscore in a name stands for a slash."""
    with zipfile.ZipFile(folder / f"{name}.zip", "w") as archive:
        for path, text in files.items():
            member = zipfile.ZipInfo(path.replace("__", "/").replace("_py", ".py").replace("_txt", ".txt"))
            member.external_attr = 0o100644 << 16
            archive.writestr(member, text)
    return folder / f"{name}.zip"


@pytest.fixture
def running(function: Function, tmp_path: Path) -> Iterator[Environment]:
    layers = [layer(tmp_path, "one", python__answer_py="WHICH = 'one'")]
    with Environment(task=function(HANDLER), layers=layers, timeout=5, variables={"MINE": "yes"}) as environment:
        yield environment


def test_only_tmp_can_be_written(running: Environment) -> None:
    places = ("/opt/x", "/opt/python/x", "/var/task/x", "/var/lang/x", "/var/runtime/x", "/etc/x", "/usr/x", "/x", "/dev/shm/x")  # noqa: S108
    temporary = "/tmp/x"  # noqa: S108
    wrote = running.invoke({"do": "write", "paths": [*places, temporary]}).payload
    assert wrote == dict.fromkeys(places, "EROFS") | {temporary: "written"}


def test_search_path_is_in_lambdas_order(running: Environment) -> None:
    folders = [
        "/var/task",
        "/opt/python/lib/python3.13/site-packages",
        "/opt/python",
        "/var/lang/lib/python3.13/site-packages",
        "/var/runtime",
    ]
    path = running.invoke({"do": "path"}).payload
    assert path[:5] == folders
    assert path[5:] == [f"/var/lang/lib/{name}" for name in ("python313.zip", "python3.13", "python3.13/lib-dynload")]


def test_a_layer_is_on_the_search_path(running: Environment) -> None:
    assert running.invoke({"do": "layer"}).payload == "one"


def test_variables_are_lambdas_and_none_of_the_machine(function: Function, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEAK", "from the machine")
    monkeypatch.setenv("AWS_PROFILE", "somebody")
    with Environment(task=function(HANDLER), memory=1024, region="ap-south-1", variables={"MINE": "yes", "LANG": "C.UTF-8"}) as environment:
        variables = environment.invoke({"do": "environ"}).payload
        credentials = environment.credentials
    changing = (
        "AWS_LAMBDA_RUNTIME_API",
        "AWS_LAMBDA_LOG_STREAM_NAME",
        "AWS_LAMBDA_METADATA_API",
        "AWS_LAMBDA_METADATA_TOKEN",
        "_X_AMZN_TRACE_ID",
    )
    for name in changing:
        variables.pop(name, None)
    assert variables == {
        "AWS_ACCESS_KEY_ID": credentials.access_key,
        "AWS_DEFAULT_REGION": "ap-south-1",
        "AWS_EXECUTION_ENV": "AWS_Lambda_python3.13",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1024",
        "AWS_LAMBDA_FUNCTION_NAME": "function",
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/function",
        "AWS_REGION": "ap-south-1",
        "AWS_SECRET_ACCESS_KEY": credentials.secret_key,
        "AWS_SESSION_TOKEN": credentials.session_token,
        "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
        "LAMBDA_RUNTIME_DIR": "/var/runtime",
        "LAMBDA_TASK_ROOT": "/var/task",
        "LANG": "C.UTF-8",
        "LD_LIBRARY_PATH": "/var/lang/lib:/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:/var/task:/var/task/lib:/opt/lib",
        "MINE": "yes",
        "PATH": "/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin",
        "PWD": "/var/task",
        "TZ": ":UTC",
        "_HANDLER": "handler.handler",
    }


def readable(file: Path) -> str:
    try:
        return file.read_text(errors="replace").replace("\0", " ")
    except OSError:
        return ""  # It has ended meanwhile, or is somebody else's.


def test_secrets_are_on_no_command_line(running: Environment) -> None:
    running.invoke()
    lines = "\n".join(readable(entry / "cmdline") for entry in Path("/proc").iterdir() if entry.name.isdigit())
    assert "/var/runtime/bootstrap.py" in lines
    assert running.credentials.secret_key not in lines
    assert running.credentials.session_token
    assert running.credentials.session_token not in lines
    assert running.credentials.secret_key not in repr(running.credentials) + repr(running)


def test_cold_then_warm(running: Environment) -> None:
    first, second = running.invoke(), running.invoke()
    assert (first.start, second.start) == ("cold", "warm")
    assert (first.payload["calls"], second.payload["calls"]) == (1, 2)
    assert first.error is None
    assert second.error is None
    assert first.init_ms is not None
    assert 5 < first.init_ms < first.wall_ms
    assert second.init_ms is None
    assert [line.split()[0] for line in first.logs] == ["imported", "call"]
    assert second.logs == ["call 2"]


def test_durations_are_the_handlers_own(running: Environment) -> None:
    slept = running.invoke({"do": "sleep", "seconds": 0.2})
    assert slept.duration_ms is not None
    assert slept.init_ms is not None
    assert slept.duration_ms >= 200
    assert slept.wall_ms >= slept.duration_ms + slept.init_ms


def test_init_counts_from_the_start_of_the_process(function: Function) -> None:
    with Environment(task=function("import time\ntime.sleep(0.3)\ndef handler(event, context): pass")) as environment:
        first = environment.invoke()
    assert first.init_ms is not None
    assert 300 < first.init_ms < first.wall_ms


def test_an_error_of_the_handler_is_reported_in_the_runtimes_words(running: Environment) -> None:
    failed = running.invoke({"do": "raise"})
    assert failed.payload is None
    assert failed.error is not None
    assert str(failed.error) == "LookupError: nothing there"
    assert failed.error.trace[0].startswith('  File "/var/task/handler.py"')
    assert "[ERROR] LookupError: nothing there" in failed.logs
    assert failed.duration_ms is not None
    assert running.invoke().start == "warm"


def test_an_answer_that_is_no_json_is_an_error(running: Environment) -> None:
    failed = running.invoke({"do": "set"})
    assert failed.error is not None
    assert failed.error.type == "Runtime.MarshalError"


@pytest.mark.parametrize(("do", "status"), [("die", 7), ("exit", 4)])
def test_a_crash_is_an_error_and_the_next_start_is_cold(running: Environment, do: str, status: int) -> None:
    running.invoke()
    crashed = running.invoke({"do": do})
    assert crashed.error is not None
    assert crashed.error.type == "Runtime.ExitError"
    assert crashed.error.message.endswith(f"exit status {status}")
    assert crashed.start == "warm"
    assert running.invoke().start == "cold"


def test_a_timeout_is_an_error(function: Function) -> None:
    with Environment(task=function(HANDLER), timeout=1) as environment:
        late = environment.invoke({"do": "sleep", "seconds": 5})
        assert late.error is not None
        assert str(late.error) == "Task timed out after 1.00 seconds"
        assert late.duration_ms is None
        assert environment.invoke().payload["calls"] == 1


@pytest.mark.parametrize(
    ("source", "type_", "message"),
    [
        ("import nowhere", "Runtime.ImportModuleError", "No module named 'nowhere'"),
        ("def (", "Runtime.UserCodeSyntaxError", "Syntax error in module 'handler'"),
        ("def other(): pass", "Runtime.HandlerNotFound", "Handler 'handler' missing"),
        ("raise ValueError('bad setting')", "ValueError", "bad setting"),
        ("import os\nos.write(1, b'so far')\nos._exit(9)", "Runtime.ExitError", "exit status 9"),
    ],
)
def test_a_handler_that_can_not_be_imported(function: Function, source: str, type_: str, message: str) -> None:
    with Environment(task=function(source)) as environment:
        for _ in range(2):
            failed = environment.invoke()
            assert failed.error is not None
            assert failed.error.type == type_
            assert message in failed.error.message
            assert failed.start == "cold"
            assert failed.init_ms is None
            assert failed.duration_ms is None
        if "so far" in source:
            assert failed.logs == ["so far"]


def test_freeze_stops_and_thaw_goes_on(running: Environment) -> None:
    running.invoke({"do": "child"})
    pids = running.pids
    assert len(pids) == 2
    running.freeze()
    assert [state(pid) for pid in pids] == ["T", "T"]
    running.thaw()
    thawed = running.invoke()
    assert thawed.start == "warm"
    assert thawed.payload["calls"] == 2
    assert "T" not in [state(pid) for pid in pids]


def test_an_invocation_thaws(running: Environment) -> None:
    running.invoke()
    running.freeze()
    thawed = running.invoke()
    assert thawed.start == "warm"
    assert thawed.payload["calls"] == 2


def test_sigterm_reaches_a_runtime_with_an_extension(function: Function) -> None:
    with Environment(task=function(EXTENSION)) as environment:
        assert environment.invoke().payload == "ready"
        ended = environment.terminate()
        assert ended.logs == ["goodbye"]
        assert not ended.killed  # the emulator kills what is not gone after 600 ms
        with pytest.raises(LambdaEnvironmentError, match="has ended"):
            environment.invoke()


def test_without_an_extension_there_is_no_sigterm(function: Function) -> None:
    source = "import signal\nsignal.signal(signal.SIGTERM, lambda *_: print('goodbye'))\ndef handler(event, context): pass"
    with Environment(task=function(source)) as environment:
        environment.invoke()
        ended = environment.terminate()
    assert ended.killed
    assert ended.logs == []


def test_nothing_is_left_behind(function: Function) -> None:
    with Environment(task=function(HANDLER)) as environment:
        environment.invoke({"do": "child"})
        pids = environment.pids
        scratch = environment._scratch
        environment.freeze()
    assert len(pids) == 2
    assert scratch is not None
    assert not [pid for pid in pids if Path(f"/proc/{pid}").exists()]
    assert not scratch.folder.exists()


def test_it_dies_with_its_parent(function: Function) -> None:
    program = (
        "import os, sys, time; from local.environment import Environment; "
        "e = Environment(task=sys.argv[1]).start(); e.invoke(); print(*e.pids, flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", program, str(function(HANDLER))], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pids = parent.stdout.readline().split()
        assert pids
        assert all(Path(f"/proc/{pid}").exists() for pid in pids)
        parent.kill()
    wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids), f"the processes {pids} end with their parent")


def test_what_a_killed_process_left_is_removed(function: Function, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr("local.environment.scratch.GRACE_SECONDS", 0)
    left = tmp_path / "rdspool-environment-left"
    left.mkdir()
    with Environment(task=function(HANDLER)) as first:
        assert not left.exists()
        with Environment(task=function(HANDLER)) as second:
            assert first.invoke().error is None
            assert second.invoke().error is None
            assert len(list(tmp_path.glob("rdspool-environment-*"))) == 2
    assert not list(tmp_path.glob("rdspool-environment-*"))


def test_a_later_layer_lies_over_an_earlier(function: Function, tmp_path: Path) -> None:
    one = layer(tmp_path, "one", python__answer_py="WHICH = 'one'", only_txt="of one", python__data__a_txt="a")
    two = layer(tmp_path, "two", python__answer_py="WHICH = 'two'", python__data__b_txt="b")
    with Environment(task=function(HANDLER), layers=[one, two]) as environment:
        assert environment.invoke({"do": "layer"}).payload == "two"
        texts = [
            environment.invoke({"do": "open", "path": f"/opt/{path}"}).payload
            for path in ("only.txt", "python/data/a.txt", "python/data/b.txt")
        ]
    assert texts == ["of one", "a", "b"]
    with Environment(task=function(HANDLER), layers=[two, one]) as environment:
        assert environment.invoke({"do": "layer"}).payload == "one"


def test_a_file_that_others_can_not_read_can_not_be_read(function: Function, tmp_path: Path) -> None:
    secret = zipfile.ZipInfo("secret.txt")
    secret.external_attr = 0o100600 << 16
    with zipfile.ZipFile(tmp_path / "private.zip", "w") as archive:
        archive.writestr(secret, "x")
    with Environment(task=function(HANDLER), layers=[tmp_path / "private.zip"]) as environment:
        failed = environment.invoke({"do": "open", "path": "/opt/secret.txt"})
    assert failed.error is not None
    assert failed.error.type == "PermissionError"


def test_host_names_and_files(function: Function, tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("a certificate")
    name = "db.abc123.eu-central-1.rds.amazonaws.com"
    files = {"/etc/ssl/certs/test.pem": tmp_path / "ca.pem", "/data/ca.pem": tmp_path / "ca.pem"}
    with Environment(task=function(HANDLER), hosts={name: "127.0.0.7"}, files=files) as environment:
        assert environment.invoke({"do": "resolve", "name": name}).payload == "127.0.0.7"
        for place in files:
            assert environment.invoke({"do": "open", "path": place}).payload == "a certificate"


def test_a_share_of_the_processor_slows_the_handler(function: Function) -> None:
    with Environment(task=function(HANDLER), cpu_share=0.1) as environment:
        burnt = environment.invoke({"do": "burn", "seconds": 0.05})
        assert burnt.duration_ms is not None
        if environment.quota_missing is None:
            assert burnt.duration_ms > 250  # 50 ms of CPU take 500 at a tenth of a processor
        else:
            assert "no CPU quota" in environment.quota_missing
            assert burnt.duration_ms >= 50


def available(python: str) -> bool:
    return subprocess.run(["bash", "local/python.sh", "--no-fetch", python], cwd=ROOT, capture_output=True, check=False).returncode == 0


@pytest.mark.parametrize("python", ["3.12", "3.14"])
def test_other_pythons(function: Function, python: str) -> None:
    if python == "3.12" and not available(python):
        # Debian carries no 3.12: where a machine has none, the environment must say so.
        with pytest.raises(PartMissingError, match=r"no working CPython 3.12 was found .* install"):
            Environment(task=function(HANDLER), python=python).start()
        return
    with Environment(task=function(HANDLER), python=python) as environment:
        first = environment.invoke({"do": "path"})
    assert first.error is None
    assert f"/opt/python/lib/python{python}/site-packages" in first.payload


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"python": "3.9"}, "Lambda runs functions on 3.12, 3.13, 3.14"),
        ({"variables": {"AWS_REGION": "x"}}, "Lambda reserves AWS_REGION"),
        ({"layers": ["/nowhere.zip"]}, "the layer /nowhere.zip: there is no such file"),
        ({"layers": [__file__]}, "is not a zip file"),
        ({"layers": ["/"] * 6}, "6 layers"),
        ({"task": "/nowhere"}, "the function /nowhere: there is no such file"),
        ({"files": {"/opt/x": "/etc/hosts"}}, "/opt/x is in a read-only folder"),
        ({"files": {"/etc/x": "/nowhere"}}, "/nowhere, to be mounted at /etc/x, does not exist"),
        ({"files": {"etc/x": "/etc/hosts"}}, "not an absolute path"),
    ],
)
def test_what_is_wrong_is_said(function: Function, options: dict[str, object], message: str) -> None:
    with pytest.raises(LambdaEnvironmentError, match=message), Environment(**({"task": function(HANDLER)} | options)):  # type: ignore[arg-type]
        pass
