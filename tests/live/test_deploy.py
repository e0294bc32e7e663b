"""What lies in deploy/: nginx before two processes on PostgreSQL and Redis, as real ones; the other files as far as
they can be held to the code without containers."""

import json
import os
import re
import shutil
import ssl
import subprocess
import threading
from contextlib import ExitStack
from http.client import HTTPSConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count

import psycopg2
import pytest
import requests
import yaml

from display import push
from tests.conftest import fresh_database
from tests.live.conftest import HALL, ROOT, Server, free_port, until
from tests.live.people import People
from tests.live.test_stop import Guest, under_way
from ticketing.errors import REFUSALS
from ticketing.models import Hall

pytestmark = pytest.mark.live

DEPLOY = ROOT / "deploy"
DATABASE = os.environ.get("TEST_DATABASE_URL", "")
REDIS = os.environ.get("TEST_REDIS_URL", "")


# -- nginx and two processes ---------------------------------------------------------------------------------------


def nginx_program():
    """Where nginx is; installed where that is ours to do."""
    if shutil.which("nginx") is None and os.geteuid() == 0 and shutil.which("apt-get"):
        subprocess.run([ROOT / "tools/apt-install", "nginx"], check=False, timeout=100)
    return shutil.which("nginx") or pytest.skip("nginx is not installed")


def rewritten(text, **places):
    """The file with these words replaced, each of which must be there."""
    for old, new in places.items():
        assert old in text, f"{old} is not in the file any more"
        text = text.replace(old, new)
    return text


class Front:
    """nginx with deploy/nginx.conf, on loopback ports and with a certificate of its own."""

    def __init__(self, folder, servers):
        self.folder, self.servers = folder, servers
        self.port, self.plain = free_port(), free_port()
        self.url = f"https://127.0.0.1:{self.port}"
        self.certificate = folder / "fullchain.pem"
        self.log = folder / "yichuang.log"
        self.write()
        command = [nginx_program(), "-p", folder, "-c", folder / "nginx.conf"]
        subprocess.run([*command, "-t"], check=True, capture_output=True)
        self.process = subprocess.Popen(command, stderr=(folder / "stderr.log").open("wb"))
        self.kept = {}

    def start(self):
        until(self.answers, "nginx to answer", lambda: (self.folder / "stderr.log").read_text())

    def write(self):
        subject = ("-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1")
        files = ("-keyout", self.folder / "privkey.pem", "-out", self.certificate)
        make = ("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
        subprocess.run([*make, *subject, *files], check=True, capture_output=True)
        ports = {f"127.0.0.1:{8001 + i}": f"127.0.0.1:{server.port}" for i, server in enumerate(self.servers)}
        ports["fail_timeout=5s"] = "fail_timeout=1s"  # how long one that did not answer is left alone
        (self.folder / "servers.conf").write_text(rewritten((DEPLOY / "servers.conf").read_text(), **ports))
        places = {
            "/etc/nginx/yichuang-servers.conf;": f"{self.folder}/servers.conf;",
            "listen 80 default_server;": f"listen 127.0.0.1:{self.plain} default_server;",
            "listen 443 ssl default_server;": f"listen 127.0.0.1:{self.port} ssl default_server;",
            "/etc/ssl/yichuang": str(self.folder),
            "/var/log/nginx": str(self.folder),
        }
        (self.folder / "site.conf").write_text(rewritten((DEPLOY / "nginx.conf").read_text(), **places))
        temporary = "".join(
            f"{kind}_temp_path {self.folder}/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        (self.folder / "nginx.conf").write_text(
            ("user root;\n" if os.geteuid() == 0 else "")
            + f"daemon off;\nworker_processes 2;\npid {self.folder}/nginx.pid;\nerror_log {self.folder}/error.log;\n"
            + f"events {{}}\nhttp {{\n{temporary}include {self.folder}/site.conf;\n}}\n"
        )

    def answers(self):
        if self.process.poll() is not None:
            raise RuntimeError("nginx ended")
        try:
            return self.session().get(f"{self.url}/healthz", timeout=5).ok
        except requests.exceptions.SSLError:
            raise
        except requests.ConnectionError:
            return False

    def session(self, server=None, token=None):
        """A client; one whom nginx keeps at `server`, when one is named."""
        session = requests.Session()
        session.trust_env = False  # REQUESTS_CA_BUNDLE would win over the next line
        session.verify = str(self.certificate)
        if server:
            session.cookies.set("yichuang_at", self.cookie_of(server))
        if token:
            session.headers["Authorization"] = f"Bearer {token}"
        return session

    def cookie_of(self, server):
        """A cookie that leads to this server. nginx spreads them; its log tells who was asked."""
        for cookie in (f"{number:032x}" for number in count()):
            if server.port in self.kept:
                return self.kept[server.port]
            answer = self.session().get(f"{self.url}/healthz", cookies={"yichuang_at": cookie}, timeout=5)
            self.kept.setdefault(int(self.line_of(answer)["server"].rpartition(":")[2]), cookie)
        raise AssertionError("count never ends")

    def leads_to(self, server):
        answer = self.session(server).get(f"{self.url}/healthz", timeout=5)
        return self.line_of(answer)["server"] == f"127.0.0.1:{server.port}"

    def line_of(self, answer):
        """What nginx logged of this answer; it writes the line after the answer has gone."""
        asked = answer.headers["X-Request-ID"]
        lines = until(lambda: [line for line in self.log.read_text().splitlines() if asked in line], "the line")
        return json.loads(lines[0])

    def stop(self):
        self.process.terminate()
        self.process.wait(10)


@pytest.fixture(scope="module")
def installation(tmp_path_factory, live_database_url):
    if not (DATABASE and REDIS):
        pytest.skip("several processes need PostgreSQL (TEST_DATABASE_URL) and Redis (TEST_REDIS_URL)")
    nginx_program()
    url = fresh_database(live_database_url)
    settings = {"TRUSTED_PROXIES": "1", "LOG_FORMAT": "json"}
    with ExitStack() as stack:
        servers = [Server(tmp_path_factory.mktemp("server"), url, **settings) for _ in range(2)]
        for server in servers:
            stack.callback(server.stop)
        front = Front(tmp_path_factory.mktemp("nginx"), servers)
        stack.callback(front.stop)
        front.start()
        front.tokens = People(servers[0]).tokens
        yield front


@pytest.fixture
def front(installation):
    """nginx with both processes up."""
    for server in installation.servers:
        if server.process.poll() is not None:
            server.start()
            until(lambda server=server: installation.leads_to(server), "nginx to ask it again")
    return installation


@pytest.fixture
def guests(front):
    inside = []

    def let_in(namespace, server, transport, **auth):
        http = front.session(server)
        inside.append(Guest(front.url, namespace, (transport,), http=http, hall=HALL, **auth))
        return inside[-1]

    yield let_in
    for guest in inside:
        guest.leave()


def place(front, path):
    return f"{front.url}/api/v1/halls/{HALL}/{path}"


def newest(front):
    events = front.session(token=front.tokens["board"]).get(place(front, "events"), params={"after": 0}).json()
    return events["seq"]


def test_pages_and_api_come_through_tls_with_their_headers(front):
    session = front.session()
    answer = session.get(f"{front.url}/kiosk/{HALL}")
    assert answer.status_code == 200
    assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"
    assert answer.headers["Content-Security-Policy"]
    assert "Server" not in answer.headers or "/" not in answer.headers["Server"]
    assert re.fullmatch(r"[0-9a-f]{32}", session.cookies["yichuang_at"])
    assert "Set-Cookie" not in session.get(f"{front.url}/api/v1/halls").headers
    style = re.search(r'"(/static/css/[^"]+)"', answer.text)[1]
    style = session.get(front.url + style)
    assert style.headers["Content-Encoding"] == "gzip"
    assert "immutable" in style.headers["Cache-Control"]


def test_what_comes_in_the_clear_is_sent_to_tls(front):
    answer = requests.post(f"http://127.0.0.1:{front.plain}/api/v1/halls?x=1", allow_redirects=False, timeout=5)
    assert answer.status_code == 308
    assert answer.headers["Location"] == "https://127.0.0.1/api/v1/halls?x=1"


def test_figures_and_hidden_files_stay_inside(front):
    for path in ("/metrics", "/.env", "/.git/config"):
        answer = front.session().get(front.url + path)
        assert (path, answer.status_code) == (path, 404)
        assert "yichuang_" not in answer.text


def test_a_body_over_20_mb_is_refused_before_it_is_sent(front):
    line = HTTPSConnection(
        "127.0.0.1", front.port, timeout=5, context=ssl.create_default_context(cafile=front.certificate)
    )
    line.putrequest("POST", f"/api/v1/halls/{HALL}/tickets")
    line.putheader("Content-Length", str(21 * 1024 * 1024))
    line.endheaders()
    assert line.getresponse().status == 413
    line.close()


def test_a_request_has_one_id_in_both_logs_and_no_secret_in_either(front):
    server = front.servers[0]
    kiosk = front.session(server, front.tokens["kiosk"])
    ticket = kiosk.post(place(front, "tickets"), json={"queue": "general", "phone": "13800138000"}).json()["id"]
    answer = kiosk.get(f"{front.url}/api/v1/tickets/{ticket}")
    page = kiosk.get(f"{front.url}/t/{ticket}?token=planted")
    assert front.line_of(answer)["path"] == "/api/v1/tickets/***"
    assert front.line_of(page)["path"] == "/t/***"
    asked = answer.headers["X-Request-ID"]
    ours = until(lambda: [line for line in server.log.read_text().splitlines() if asked in line], "our line")[0]
    assert json.loads(ours)["endpoint"] == "tickets.show_ticket"
    for log in (front.log, server.log):
        text = log.read_text()
        assert [secret for secret in (ticket, "13800138000", "planted", front.tokens["kiosk"]) if secret in text] == []


def test_a_client_stays_at_its_process(front):
    for server in front.servers:
        session = front.session(server)
        asked = {front.line_of(session.get(f"{front.url}/api/v1/halls"))["server"] for _ in range(5)}
        assert asked == {f"127.0.0.1:{server.port}"}


def test_who_hears_by_a_killed_process_moves_over_and_misses_nothing(front, guests):
    dying, other = front.servers
    token = front.tokens["board"]
    began = newest(front)
    there = {
        server: [guests("/board", server, transport, token=token) for transport in ("websocket", "polling")]
        for server in front.servers
    }
    everybody = there[dying] + there[other]
    until(lambda: all(guest.last == began for guest in everybody), "everybody's snapshot")
    assert [sockets(server) for server in front.servers] == [2, 2]
    assert [guest.client.transport() for guest in everybody] == ["websocket", "polling"] * 2

    kiosk = front.session(dying, front.tokens["kiosk"])
    assert issue(front, kiosk) == 201
    until(lambda: all(guest.last == began + 1 for guest in everybody), "everybody to hear of it")
    dying.kill()
    assert [issue(front, kiosk) for _ in range(5)] == [201] * 5
    until(lambda: all(guest.last == began + 6 for guest in everybody), "everybody to hear of all")
    assert [guest.seqs for guest in everybody] == [list(range(began + 1, began + 7))] * 4
    assert [guest.arrivals for guest in everybody] == [2, 2, 1, 1]
    assert sockets(other) == 4


def sockets(server):
    lines = requests.get(f"{server.url}/metrics", timeout=5).text.splitlines()
    (figure,) = [line for line in lines if line.startswith('yichuang_sockets{namespace="/board"}')]
    return float(figure.split()[1])


def issue(front, kiosk, **headers):
    return kiosk.post(place(front, "tickets"), json={"queue": "general"}, headers=headers).status_code


def test_what_a_killed_process_had_begun_is_done_once_by_the_other(front):
    """The proxy may ask again where a key makes that safe; elsewhere the client hears that it does not know."""
    dying, other = front.servers
    keyed, bare = front.session(dying, front.tokens["kiosk"]), front.session(dying, front.tokens["kiosk"])
    began = newest(front)
    told = {}

    def ask(name, session, **headers):
        told[name] = issue(front, session, **headers)

    asks = [
        threading.Thread(target=ask, args=("keyed", keyed), kwargs={"Idempotency-Key": "once"}),
        threading.Thread(target=ask, args=("bare", bare)),
    ]
    connection = psycopg2.connect(dying.environ["DATABASE_URL"])
    with connection, connection.cursor() as cursor:
        # Nobody can write in this hall: both requests are under way, and stay so.
        cursor.execute(f'SELECT 1 FROM "{Hall._meta.table_name}" WHERE code = %s FOR UPDATE', (HALL,))
        for asking in asks:
            asking.start()
        until(lambda: under_way(dying) == 3, "both to be under way")
        dying.kill()
        until(lambda: under_way(other) == 2, "one to be asked again")
    connection.close()
    for asking in asks:
        asking.join(20)
    assert told == {"keyed": 201, "bare": 502}
    assert newest(front) == began + 1


# -- nginx alone ---------------------------------------------------------------------------------------------------


class Echo(BaseHTTPRequestHandler):
    """Answers with the headers that it was given."""

    protocol_version = "HTTP/1.1"

    def answer(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = json.dumps({name.lower(): value for name, value in self.headers.items()}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Request-ID", self.headers["X-Request-ID"])
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = answer

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def echo(tmp_path_factory):
    """nginx before two servers that only say what they were asked."""
    nginx_program()
    with ExitStack() as stack:
        servers = [stack.enter_context(ThreadingHTTPServer(("127.0.0.1", 0), Echo)) for _ in range(2)]
        for server in servers:
            server.port = server.server_port
            threading.Thread(target=server.serve_forever, daemon=True).start()
            stack.callback(server.shutdown)
        front = Front(tmp_path_factory.mktemp("echo"), servers)
        stack.callback(front.stop)
        front.start()
        yield front


@pytest.mark.parametrize("path", ["/api/v1/halls", "/socket.io/?EIO=4&transport=polling", "/static/js/feed.js"])
def test_what_a_client_says_of_itself_is_not_passed_on(echo, path):
    """Rates are counted by address: with a made-up one there were none."""
    said = {"X-Forwarded-For": "8.8.8.8", "X-Forwarded-Proto": "http", "X-Forwarded-Host": "evil.example"}
    said |= {"Forwarded": "for=8.8.8.8", "X-Request-ID": "mine"}
    heard = echo.session().get(echo.url + path, headers=said, timeout=5).json()
    assert heard["x-forwarded-for"] == "127.0.0.1"
    assert heard["x-forwarded-proto"] == "https"
    assert heard["host"] == f"127.0.0.1:{echo.port}"
    assert re.fullmatch(r"[0-9a-f]{32}", heard["x-request-id"])
    assert not {"x-forwarded-host", "forwarded"} & set(heard)


def test_a_change_under_a_key_comes_with_its_body_and_key(echo):
    headers = {"Idempotency-Key": "once", "Authorization": "Bearer x"}
    heard = echo.session().post(f"{echo.url}/api/v1/halls", json={"a": 1}, headers=headers, timeout=5).json()
    assert (heard["idempotency-key"], heard["authorization"], heard["content-length"]) == ("once", "Bearer x", "8")


def test_passwords_are_tried_so_often_and_no_more(echo):
    session = echo.session()
    told = [session.post(f"{echo.url}/api/v1/session", json={}, timeout=5).status_code for _ in range(60)]
    assert told[:30] == [200] * 30
    assert 429 in told


# -- the other files -----------------------------------------------------------------------------------------------


def read_yaml(name):
    return list(yaml.safe_load_all((DEPLOY / name).read_text(encoding="utf-8")))


def settings_read():
    """The names that config.py reads from the environment."""
    return set(re.findall(r'environ(?:\.get\(|, )"([A-Z_]+)"', (ROOT / "config.py").read_text()))


def settings_given():
    """(file, name) of every setting that a file of deploy/ gives to a server."""
    for name in ("yichuang.service", "yichuang@.service"):
        for line in re.findall(r"^Environment=(.*)", (DEPLOY / name).read_text(), re.MULTILINE):
            yield from ((name, pair.split("=")[0]) for pair in line.split())
    for setting in re.findall(r"^#? ?([A-Z_]+)=", (DEPLOY / "yichuang.env").read_text(), re.MULTILINE):
        yield "yichuang.env", setting
    (compose,) = read_yaml("compose.yaml")
    yield from (("compose.yaml", setting) for setting in compose["services"]["server1"]["environment"])
    yield from (("kubernetes.yaml", one["name"]) for one in container()["env"])
    for line in re.findall(r"^ENV (.*)", (DEPLOY / "Dockerfile").read_text(), re.MULTILINE):
        yield from (("Dockerfile", pair.split("=")[0]) for pair in line.split())


def container():
    deployment = next(one for one in read_yaml("kubernetes.yaml") if one["kind"] == "Deployment")
    (server,) = deployment["spec"]["template"]["spec"]["containers"]
    return server


def test_every_setting_given_is_one_that_is_read():
    known = settings_read() | {"PYTHONDONTWRITEBYTECODE"}
    assert len(known) > 10
    assert [(file, name) for file, name in settings_given() if name not in known] == []


def test_every_setting_read_is_told_in_the_documentation():
    told = re.findall(r"^\| (`[A-Z_`, ]+`) \|", (ROOT / "docs/operations.md").read_text(), re.MULTILINE)
    assert settings_read() - {name for row in told for name in re.findall(r"`([A-Z_]+)`", row)} == set()


def test_several_processes_share_one_database_and_one_key():
    for given in (dict(yaml_environment()), {one["name"] for one in container()["env"]}):
        assert {"DATABASE_URL", "REDIS_URL", "SECRET_KEY", "TRUSTED_PROXIES", "PUBLIC_URL"} <= set(given)


def yaml_environment():
    return read_yaml("compose.yaml")[0]["services"]["server1"]["environment"].items()


def test_images_are_named_plainly():
    (compose,) = read_yaml("compose.yaml")
    images = [service["image"] for service in compose["services"].values()] + [container()["image"]]
    images += re.findall(r"^FROM (\S+)", (DEPLOY / "Dockerfile").read_text(), re.MULTILINE)
    assert [image for image in images if not re.fullmatch(r"[a-z]+(:[\w.-]+)?", image)] == []


def test_probes_ask_addresses_that_there_are(app):
    server = container()
    ports = {port["name"]: port["containerPort"] for port in server["ports"]}
    environ = {one["name"]: one.get("value") for one in server["env"]}
    assert str(ports["http"]) == environ["PORT"]
    rules = {rule.rule for rule in app.url_map.iter_rules()}
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        asked = server[probe]["httpGet"]
        assert asked["port"] in ports
        assert asked["path"] in rules
    for file in ("Dockerfile", "compose.yaml"):
        for path in re.findall(r"(/(?:health|ready)\w*)", (DEPLOY / file).read_text()):
            assert path in rules


def test_kubernetes_parts_fit_together():
    parts = {one["kind"]: one for one in read_yaml("kubernetes.yaml")}
    deployment, service, ingress = parts["Deployment"], parts["Service"], parts["Ingress"]
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    assert deployment["spec"]["selector"]["matchLabels"] == labels
    assert parts["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"] == labels
    assert service["spec"]["selector"] == labels
    assert service["spec"]["ports"][0]["targetPort"] in {port["name"] for port in container()["ports"]}
    (path,) = ingress["spec"]["rules"][0]["http"]["paths"]
    assert path["backend"]["service"]["name"] == service["metadata"]["name"]
    assert path["backend"]["service"]["port"]["name"] == service["spec"]["ports"][0]["name"]
    kept = {mount["name"] for mount in container()["volumeMounts"]}
    assert kept == {volume["name"] for volume in deployment["spec"]["template"]["spec"]["volumes"]}


def test_compose_leads_nginx_to_its_servers():
    (compose,) = read_yaml("compose.yaml")
    led_to = re.findall(r"server (\w+):(\d+)", compose["configs"]["servers"]["content"])
    assert {name for name, _ in led_to} == {name for name in compose["services"] if name.startswith("server")}
    assert {port for _, port in led_to} == {dict(yaml_environment())["PORT"]}
    url = dict(yaml_environment())["DATABASE_URL"]
    assert re.search(r"@(\w+):", url)[1] in compose["services"]
    mounted = [volume.split(":")[0] for volume in compose["services"]["nginx"]["volumes"]]
    assert [name for name in mounted if name != "./tls" and not (DEPLOY / name).exists()] == []
    for service in compose["services"].values():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            assert source.startswith("./") or source in compose["volumes"]


def test_units_and_nginx_name_the_same_ports():
    unit = (DEPLOY / "yichuang@.service").read_text()
    enabled = set(re.findall(r"yichuang@(\d+)", unit))
    assert enabled == set(re.findall(r"server 127\.0\.0\.1:(\d+)", (DEPLOY / "servers.conf").read_text()))
    assert "--port %i" in unit


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
def test_systemd_takes_the_units(tmp_path):
    interpreter = tmp_path / "python"
    interpreter.symlink_to(shutil.which("true"))
    for name in ("yichuang.service", "yichuang@.service"):
        text = (DEPLOY / name).read_text()
        (tmp_path / name).write_text(rewritten(text, **{"/opt/yichuang/.venv/bin/python": str(interpreter)}))
    units = [tmp_path / "yichuang.service", tmp_path / "yichuang@8001.service"]
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", *units], capture_output=True, text=True, timeout=30)
    complaints = [line for line in done.stderr.splitlines() if "yichuang" in line]
    assert (done.returncode, complaints) == (0, [])


@pytest.mark.skipif(shutil.which("logrotate") is None, reason="logrotate is not installed")
def test_logrotate_takes_its_rules(tmp_path):
    (tmp_path / "server.log").write_text("a line\n")
    places = {"/var/log/yichuang": str(tmp_path), "su yichuang yichuang": f"su {whoami()}"}
    rules = tmp_path / "rules"
    rules.write_text(rewritten((DEPLOY / "logrotate.conf").read_text(), **places))
    rules.chmod(0o644)
    tmp_path.chmod(0o755)
    command = ["logrotate", "--force", "--state", tmp_path / "state", rules]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "server.log").read_text() == ""
    assert len(list(tmp_path.glob("server.log-*"))) == 1


def whoami():
    import grp
    import pwd

    return f"{pwd.getpwuid(os.geteuid()).pw_name} {grp.getgrgid(os.getegid()).gr_name}"


# -- figures asked for ---------------------------------------------------------------------------------------------

LABELS_OF_PROMETHEUS = {"job", "instance", "le"}
SELECTOR = re.compile(r"\b((?:yichuang|process|python)_\w+|up)\b(?:\{([^}]*)\})?")
GROUPING = re.compile(r"\bby \(([^)]*)\)")
MATCHER = re.compile(r'(\w+)(=~|!=|=|!~)"([^"]*)"')


def expressions():
    for group in read_yaml("alerts.yaml")[0]["groups"]:
        yield from ((f"alert {rule['alert']}", rule["expr"]) for rule in group["rules"])
    dashboard = json.loads((DEPLOY / "dashboard.json").read_text(encoding="utf-8"))
    for panel in dashboard["panels"]:
        yield from ((f"panel {panel['title']}", target["expr"]) for target in panel["targets"])
    for variable in dashboard["templating"]["list"]:
        if variable["type"] == "query":
            name, label = re.fullmatch(r"label_values\((\w+), (\w+)\)", variable["definition"]).groups()
            yield f"variable {variable['name']}", f"sum by ({label}) ({name})"


class Known:
    """The figures that a server gives, with their labels, and the values that some labels may have."""

    def __init__(self, app, text):
        self.labels = {"up": set()}
        for kind, name, labels in re.findall(r"^(# TYPE )?([a-z_]+)(?:\{(.*)\} | )", text, re.MULTILINE):
            if not kind:
                self.labels.setdefault(name, set()).update(re.findall(r'(\w+)="', labels))
        endpoints = {rule.endpoint for rule in app.url_map.iter_rules()}
        self.values = {
            "verb": {name.rpartition(".")[2] for name in endpoints} | {"sweep"},
            "endpoint": endpoints,
            "result": {"ok", "repeated", "error", *REFUSALS},
            "namespace": {*push.FEEDS, push.TICKET},
            "job": {"yichuang"},
            "status": {"429", "500"},
        }

    def wrong_in(self, expression):
        asked = set()
        for name, matchers in SELECTOR.findall(expression):
            if name not in self.labels:
                yield f"{name} is no figure"
                continue
            mine = self.labels[name] | LABELS_OF_PROMETHEUS
            asked |= mine
            for label, how, value in MATCHER.findall(matchers):
                if label not in mine:
                    yield f"{name} has no label {label}"
                elif label in self.values and not value.startswith("$"):
                    values = value.split("|") if "~" in how else [value]
                    yield from (f"no {label} is {one}" for one in values if one not in self.values[label])
        for labels in GROUPING.findall(expression):
            yield from (f"nothing has a label {one}" for one in labels.split(", ") if one not in asked)


@pytest.fixture
def known(app, cast):
    """After a verb and a request, so that each figure has its labels."""
    app.extensions["push"].tail.follow(cast.hall.id, 0)
    cast.issue()
    client = app.test_client()
    client.get("/healthz")
    return Known(app, client.get("/metrics").get_data(as_text=True))


def test_alerts_and_dashboard_ask_for_figures_that_there_are(known):
    asked = list(expressions())
    assert len(asked) > 30
    assert [(where, fault) for where, expression in asked for fault in known.wrong_in(expression)] == []


def test_every_figure_is_on_the_dashboard_or_watched(known):
    """What nobody ever looks at need not be counted."""
    asked = " ".join(expression for _, expression in expressions())
    ours = {re.sub(r"_(bucket|sum|count)$", "", name) for name in known.labels if name.startswith("yichuang_")}
    assert [name for name in sorted(ours) if name not in asked] == []


@pytest.mark.parametrize(
    "planted",
    [
        "sum(yichuang_verb_total)",
        'yichuang_waiting{counter="1"}',
        'yichuang_verbs_total{verb="fly"}',
        'yichuang_verbs_total{result=~"busy|bored"}',
        "sum by (hall) (yichuang_sockets)",
    ],
)
def test_a_planted_fault_is_found(known, planted):
    assert list(known.wrong_in(planted))


def test_panels_and_rules_have_names_of_their_own():
    names = [where for where, _ in expressions() if where.startswith("alert")]
    assert len(names) == len(set(names))
    panels = json.loads((DEPLOY / "dashboard.json").read_text())["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    for rule in read_yaml("alerts.yaml")[0]["groups"][0]["rules"]:
        assert rule["labels"]["severity"] in ("critical", "warning")
        assert rule["annotations"].keys() == {"summary", "action"}
