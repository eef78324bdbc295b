"""What deploy/ has for Prometheus and Grafana, with the tools of both."""

import enum
import json
import os
import re
import subprocess
import time
import types
import typing
import urllib.parse

from collector import Http
from grafana_foundation_sdk.cog import plugins
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard as grafana
from house import House, ask, harness

DEPLOY = os.path.join(harness.ROOT, "deploy")
RULES = os.path.join(DEPLOY, "prometheus", "waybill.rules.yaml")
RULES_TEST = os.path.join(DEPLOY, "prometheus", "waybill.rules.test.yaml")
DASHBOARD = os.path.join(DEPLOY, "grafana", "waybill.json")

# What Grafana puts in the place of its variables.
VARIABLES = {"$instance": ".*", "$__rate_interval": "1m"}
# Scrapes until there are rates.
SCRAPES_SECONDS = 30
# Whether it is there or away is what is told of it.
VALKEY = os.environ.get("TEST_VALKEY_URL") or "redis://127.0.0.1:9/0"


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}{done.stderr}"
    return done.stdout


def read_dashboard():
    with open(DASHBOARD, encoding="utf-8") as file:
        return json.load(file)


def expressions(read):
    """What the panels ask, as Prometheus is asked by Grafana."""
    found = [target["expr"] for panel in read["panels"] for target in panel.get("targets", [])]
    for name, value in VARIABLES.items():
        found = [one.replace(name, value) for one in found]
    assert found and not any("$" in one for one in found), found
    return found


# === Rules ===


def rules(_binaries, place):
    """promtool takes the alert rules, and they do what their test says"""
    checked = run("promtool", "check", "rules", RULES)
    tested = run("promtool", "test", "rules", RULES_TEST)
    # Each expression of the dashboard as a rule of its own, since promtool reads rules.
    asked = expressions(read_dashboard())
    recorded = [{"record": f"panel_{number}", "expr": one} for number, one in enumerate(asked)]
    file = os.path.join(place, "panels.yaml")
    with open(file, "w", encoding="utf-8") as out:
        json.dump({"groups": [{"name": "panels", "rules": recorded}]}, out)
    panels = run("promtool", "check", "rules", file)
    assert f"{len(asked)} rules found" in panels, panels
    broken = os.path.join(place, "broken.yaml")
    with open(broken, "w", encoding="utf-8") as out:
        json.dump({"groups": [{"name": "broken", "rules": [{"record": "x", "expr": "sum(waybill_calls_total{)"}]}]}, out)
    refused = subprocess.run(["promtool", "check", "rules", broken], capture_output=True, text=True, check=False)
    assert refused.returncode != 0, "promtool takes anything"
    count = re.search(r"(\d+) rules found", checked)
    assert count and "SUCCESS" in tested, checked + tested
    return f"{count[1]} rules, {len(asked)} expressions of panels"


# === The dashboard's form ===


def form(_binaries, _place):
    """The dashboard is one by Grafana's own types, with nothing in it that they do not know"""
    plugins.register_default_plugins()
    read = read_dashboard()
    mistakes = mistakes_of(read)
    assert not mistakes, mistakes
    # A check that finds nothing in anything would say so as well.
    first = next(index for index, panel in enumerate(read["panels"]) if panel.get("targets"))
    for spoil in (
        lambda one: one.update(nonsense=1),
        lambda one: one.update(title=7),
        lambda one: one["panels"][first]["options"].update(nonsense=1),
        lambda one: one["panels"][first]["gridPos"].update(h="tall"),
        lambda one: one["panels"][first]["targets"][0].update(expresion="up"),
    ):
        spoiled = read_dashboard()
        spoil(spoiled)
        assert mistakes_of(spoiled), "a spoiled dashboard passes"
    kinds = {panel["type"] for panel in read["panels"]}
    return f"{len(read['panels'])} panels of {len(kinds)} types"


def mistakes_of(read):
    """What Grafana's types do not know, or have another type for."""
    known = grafana.Dashboard.from_json(read)
    again = json.loads(json.dumps(known, cls=JSONEncoder))
    return list(lost(read, again, "dashboard")) + list(misfits(known, "dashboard"))


def lost(before, after, path):
    """What did not survive being read into types and written again."""
    if isinstance(before, dict) and isinstance(after, dict):
        for name, value in before.items():
            if name in after:
                yield from lost(value, after[name], f"{path}.{name}")
            else:
                yield f"{path}.{name} is not known"
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for index, (one, other) in enumerate(zip(before, after)):
            yield from lost(one, other, f"{path}[{index}]")
    elif before != after:
        yield f"{path} is {before!r}, and {after!r} afterwards"


def misfits(value, path):
    """Attributes of a typed object that are not of their types."""
    for name, hint in typing.get_type_hints(type(value)).items():
        own = getattr(value, name)
        if not fits(own, hint):
            yield f"{path}.{name} is {own!r}, and not of {hint}"
            continue
        for index, part in enumerate(own if isinstance(own, list) else [own]):
            if type(part).__module__.startswith("grafana_foundation_sdk") and not isinstance(part, enum.Enum):
                yield from misfits(part, f"{path}.{name}[{index}]")


def fits(value, hint):
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return any(fits(value, one) for one in arguments)
    if origin is typing.Literal:
        return value in arguments
    if origin is list:
        return isinstance(value, list) and all(fits(one, arguments[0]) for one in value)
    if origin is dict:
        return isinstance(value, dict) and all(fits(one, arguments[1]) for one in value.values())
    if hint in (typing.Any, object):
        return True
    if hint is None or hint is type(None):
        return value is None
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return value in [one.value for one in hint] or isinstance(value, hint)
    if hint is float:
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return not isinstance(hint, type) or isinstance(value, hint)


# === A real Prometheus ===


def scraped(binaries, place):
    """A Prometheus that scrapes a Waybill runs the rules and answers every panel, of metrics that are there"""
    with Http() as collector, House(binaries, place, everything(collector.url)) as house:
        calls(house)
        known = metrics(house.metrics())
        asked = expressions(read_dashboard())
        with open(RULES, encoding="utf-8") as file:
            alerts = re.findall(r"^ +expr: (.*)$", file.read(), re.MULTILINE)
        named = set().union(*(names(one) for one in asked + alerts))
        assert len(named) > 20 and not named - known, f"not on /metrics: {sorted(named - known)}"
        with Prometheus(place, house.url) as prometheus:
            until = time.monotonic() + SCRAPES_SECONDS
            while prometheus.has_no_rates():
                assert time.monotonic() < until, "Prometheus has scraped nothing"
                calls(house)
                time.sleep(0.5)
            answers = [prometheus.query(one) for one in asked]
            without = [one for one, answer in zip(asked, answers) if not answer]
            rules = prometheus.get("/rules")["groups"]
            rules = [rule for group in rules for rule in group["rules"]]
            sick = [rule for rule in rules if rule["health"] != "ok"]
            assert len(rules) == len(alerts) and not sick, sick
            firing = [rule["name"] for rule in rules if rule["state"] == "firing"]
            assert not firing, f"a healthy house sets off {firing}"
    # What has never happened in this house has no series.
    assert len(without) <= 4, without
    return f"{len(named)} metrics, {len(asked) - len(without)} of {len(asked)} panels' expressions with data, {len(rules)} rules"


def everything(collector):
    """What makes a Waybill tell of all that it can."""
    return f'[telemetry]\nendpoint = "{collector}"\nprotocol = "http/protobuf"\n[cluster]\nvalkey = "{VALKEY}"\n'


def calls(house):
    for more in ({}, {"stream": True}):
        assert house.chat(**more).status == 200
    house.next("first-model", "status=503")
    assert house.chat().status == 200
    assert house.chat("status=400").status == 400


def metrics(text):
    """The names on a page of metrics, with those of the parts of histograms."""
    found = set()
    for name, kind in re.findall(r"^# TYPE (\S+) (\S+)$", text, re.MULTILINE):
        found.add(name)
        if kind == "histogram":
            found.update(f"{name}_{part}" for part in ("bucket", "sum", "count"))
    return found


def names(expression):
    """The metrics that an expression is about."""
    without = re.sub(r'\{[^}]*\}|\[[^\]]*\]|"[^"]*"', " ", expression)
    without = re.sub(r"\b(by|without|on|ignoring|group_left|group_right) *\([^)]*\)", " ", without)
    return set(re.findall(r"\b(?:waybill|gen_ai|process)_\w+", without))


class Prometheus(harness.Server):
    """A Prometheus with our rules for the length of a `with` block."""

    def __init__(self, place, target):
        self.base = f"http://127.0.0.1:{harness.free_port()}"
        host = urllib.parse.urlsplit(target).netloc
        own = {
            "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
            "rule_files": [RULES],
            "scrape_configs": [{"job_name": "waybill", "static_configs": [{"targets": [host]}]}],
        }
        config = os.path.join(place, "prometheus.yaml")
        with open(config, "w", encoding="utf-8") as file:
            json.dump(own, file)
        run("promtool", "check", "config", config)
        command = ["prometheus", f"--config.file={config}", f"--storage.tsdb.path={place}/tsdb",
                   f"--web.listen-address={self.base.removeprefix('http://')}", "--log.level=warn"]
        super().__init__("prometheus", command, os.path.join(place, "prometheus.log"))

    def __enter__(self):
        super().__enter__()
        self.wait_for(f"{self.base}/-/ready", harness.READY_SECONDS)
        return self

    def get(self, path):
        answer = ask(self.base, "GET", f"/api/v1{path}")
        read = answer.json()
        assert answer.status == 200 and read["status"] == "success", answer.body
        return read["data"]

    def query(self, expression):
        return self.get("/query?" + urllib.parse.urlencode({"query": expression}))["result"]

    def has_no_rates(self):
        return not self.query("sum(rate(waybill_calls_total[1m])) > 0") or not self.get("/rules")["groups"] or any(
            rule["health"] == "unknown" for group in self.get("/rules")["groups"] for rule in group["rules"])
