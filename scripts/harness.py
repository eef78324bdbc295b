"""What `scripts/test-clients` and `tests/engine/run` share: environments, builds, and servers that end when they should."""

import contextlib
import hashlib
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import time
import traceback
import urllib.error
import urllib.request

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TARGET = os.environ.get("CARGO_TARGET_DIR") or os.path.join(ROOT, "target")
STOP_SECONDS = 20


class Failed(Exception):
    """Something is missing or broke; the message is for the person at the terminal."""


def say(text):
    print(f"waybill: {text}", file=sys.stderr, flush=True)


def run(command, **more):
    say(" ".join(os.path.relpath(part, ROOT) if part.startswith(ROOT + os.sep) else part for part in command))
    done = subprocess.run(command, cwd=more.pop("cwd", ROOT), stdin=subprocess.DEVNULL, check=False, **more)
    if done.returncode != 0:
        raise Failed(f"{os.path.basename(command[0])} failed with status {done.returncode}")


# === Installing ===


@contextlib.contextmanager
def unless_installed(mark, *sources):
    """Yields true when `sources` differ from what was installed last; remembers them if all went well."""
    digest = hashlib.sha256(sys.version.encode())
    for path in sources:
        with open(path, "rb") as file:
            digest.update(file.read())
    with contextlib.suppress(FileNotFoundError), open(mark, encoding="ascii") as file:
        if file.read() == digest.hexdigest():
            yield False
            return
    yield True
    with open(mark, "w", encoding="ascii") as file:
        file.write(digest.hexdigest())


def python_environment(name, requirements):
    """The interpreter of a virtual environment with exactly these requirements, made again when they change."""
    place = os.path.join(TARGET, name)
    python = os.path.join(place, "bin", "python")
    with unless_installed(os.path.join(place, "installed"), requirements) as stale:
        if stale:
            shutil.rmtree(place, ignore_errors=True)
            run([sys.executable, "-m", "venv", place])
            run([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "-r", requirements])
    return python


def node_modules(place):
    """Installs what package-lock.json names, again only when it changes; nothing of it may run on install."""
    lock = os.path.join(place, "package-lock.json")
    with unless_installed(os.path.join(place, "node_modules", ".installed"), lock) as stale:
        if stale:
            run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], cwd=place)


def built_by(command):
    """Runs a build, and says where each of its binaries is."""
    say(" ".join(command))
    done = subprocess.run([*command, "--message-format=json-render-diagnostics"], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        raise Failed("it does not build")
    built = {}
    for line in done.stdout.splitlines():
        message = json.loads(line)
        if message.get("reason") == "compiler-artifact" and message.get("executable"):
            built[message["target"]["name"]] = message["executable"]
    return built


def build_waybill(*features):
    """Builds the binary for tests and says where it is."""
    command = ["cargo", "build", "--locked", "-p", "server", "--bin", "waybill"]
    if features:
        command += ["--features", ",".join(features)]
    return built_by(command)["waybill"]


def build_waybill_and_simulator():
    """Builds the server and the simulated provider, and says where they are."""
    wanted = ("waybill", "waybill-simulator")
    # With the feature that the clients' tests build with: the same artifacts serve both.
    command = ["cargo", "build", "--locked", "-p", "server", "-p", "simulator", "--features", "server/demo"]
    built = built_by(command + [part for name in wanted for part in ("--bin", name)])
    return [built[name] for name in wanted]


# === Servers ===


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def answers(url):
    try:
        with urllib.request.urlopen(url, timeout=2) as response:
            return response.status == 200
    except (OSError, urllib.error.URLError):
        return False


# For a server of ours to say that it is ready.
READY_SECONDS = 60


class Server:
    """A server of ours for the length of a `with` block. Its standard error goes to `log`."""

    def __init__(self, name, command, log, environment=None):
        self.name = name
        self.command = command
        self.log = log
        self.environment = environment or {}

    def __enter__(self):
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                self.command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log,
                env={**os.environ, **self.environment}, start_new_session=True,
            )
        return self

    def first_line(self, seconds):
        """The first line on standard output, as a server prints it once it is ready."""
        ready, _, _ = select.select([self.process.stdout], [], [], seconds)
        line = self.process.stdout.readline().decode() if ready else ""
        if not line:
            how = "ended before it printed anything" if ready else f"printed nothing within {seconds} s"
            raise Failed(f"{self.name} {how}:\n{self.last_words()}")
        return line

    def url(self):
        """Where it can be asked, as its first line says."""
        line = self.first_line(READY_SECONDS)
        return next(word for word in line.split() if word.startswith("http://"))

    def wait_for(self, url, seconds):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and self.process.poll() is None:
            if answers(url):
                return
            time.sleep(0.1)
        raise Failed(f"{self.name} did not answer at {url} within {seconds} s:\n{self.last_words()}")

    def last_words(self, lines=30):
        with open(self.log, errors="replace") as log:
            return "".join(log.readlines()[-lines:])

    def stop(self):
        """Asks the server to end and returns its exit status; None if it had to be killed."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            return None

    def __exit__(self, *_):
        self.stop()
        self.process.stdout.close()


class Simulator(Server):
    """The simulated provider. It notes callers that leave as they leave, and needs no orderly end."""

    def __init__(self, binary, place, *options):
        super().__init__("waybill-simulator", [binary, *options], os.path.join(place, "simulator.log"))

    def facts(self):
        """Where it can be asked: `url`, and `base_url` for whoever takes it for a provider."""
        return json.loads(self.first_line(READY_SECONDS))

    def __exit__(self, *problem):
        self.process.kill()
        super().__exit__(*problem)


# === Proofs with real processes ===


def prove(suite, name, proof, place):
    """Runs one proof, `proof(place)`, in a place of its own; says whether it holds. What one that does not has left is kept."""
    own = os.path.join(place, name)
    os.mkdir(own)
    started = time.monotonic()
    try:
        seen = proof(own)
    except Exception as problem:
        reason = problem if isinstance(problem, Failed) else traceback.format_exc()
        kept = os.path.join(TARGET, f"{suite}-{name}")
        shutil.rmtree(kept, ignore_errors=True)
        shutil.copytree(own, kept)
        print(f"FAILED  {proof.__doc__}\n{reason}\nlogs and data are in {kept}", flush=True)
        return False
    print(f"ok      {proof.__doc__}\n        {seen} ({time.monotonic() - started:.0f} s)", flush=True)
    return True


def end_on_signals():
    """Lets SIGTERM and SIGHUP unwind like Ctrl-C, so that every `with` block ends its server."""
    def unwind(number, _frame):
        raise SystemExit(128 + number)

    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, unwind)
