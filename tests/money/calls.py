"""The callers: raw sockets that keep every byte, so that what reached the client is known to the byte."""

import asyncio
import dataclasses
import decimal
import http.client
import json

CALL_SECONDS = 60
LAST = b"data: [DONE]"


@dataclasses.dataclass
class View:
    """What one caller saw of its call."""

    number: int
    life: tuple = None  # which node, and in which of its lives
    is_taken: bool = False  # a connection was opened
    status: int = None
    id: str = None
    usage: dict = None
    error: dict = None
    is_done: bool = False  # the last byte came

    @property
    def is_refused(self):
        return self.status == 402

    @property
    def has_run_out(self):
        """Ended by the server, in order, because no more money could be had."""
        return self.status == 200 and bool(self.error) and self.error.get("code") == 402

    @property
    def is_whole(self):
        return self.is_done and not self.error

    @property
    def is_cut(self):
        return self.status in (None, 200) and not self.is_done and not self.error


def from_json(text):
    """Money stays exact: no float is made of it."""
    return json.loads(text, parse_float=decimal.Decimal)


class Wire(asyncio.Protocol):
    """Sends a request, and keeps what comes until the other side is gone, however it goes."""

    def __init__(self, request):
        self.request = request
        self.received = bytearray()
        self.ended = asyncio.get_running_loop().create_future()

    def connection_made(self, transport):
        transport.write(self.request)

    def data_received(self, data):
        self.received += data

    def connection_lost(self, _reason):
        if not self.ended.done():
            self.ended.set_result(None)


class Caller:
    """Makes numbered calls with one key; no number is used twice, so that a call is known everywhere by it."""

    def __init__(self, key, model, tokens=None, admission=None):
        self.key = key
        self.model = model
        self.tokens = tokens
        self.admission = admission
        self.views = []

    def request(self, number):
        asked = {"model": self.model, "stream": True, "messages": [{"role": "user", "content": prompt(number)}]}
        if self.tokens:
            asked["max_tokens"] = self.tokens
        body = json.dumps(asked).encode()
        admission = f"X-Waybill-Admission: {self.admission}\r\n" if self.admission else ""
        head = (
            "POST /api/v1/chat/completions HTTP/1.1\r\nHost: waybill\r\nConnection: close\r\n"
            f"Authorization: Bearer {self.key}\r\n{admission}"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body

    async def call(self, choose, tries=200):
        """One call to a node of `choose()`; tried again only while nobody is there to take it."""
        view = View(len(self.views))
        self.views.append(view)
        loop = asyncio.get_running_loop()
        for _ in range(tries):
            node = choose()
            if node is None or node.address is None:
                await asyncio.sleep(0.05)
                continue
            view.life = node.this_life
            try:
                transport, wire = await loop.create_connection(lambda: Wire(self.request(view.number)), *node.address)
            except OSError:
                await asyncio.sleep(0.05)
                continue
            view.is_taken = True
            try:
                await asyncio.wait_for(wire.ended, CALL_SECONDS)
            except asyncio.TimeoutError:
                view.error = {"message": f"nothing more for {CALL_SECONDS} s"}
            finally:
                transport.abort()
            read(bytes(wire.received), view)
            break
        return view


def prompt(number):
    """Always as long, so that every call costs the same."""
    return f"call {number:07}"


def read(received, view):
    """Reads an answer as far as it came."""
    head, separator, rest = received.partition(b"\r\n\r\n")
    if not separator:
        return
    lines = head.decode("latin-1").split("\r\n")
    view.status = int(lines[0].split()[1])
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
    view.id = headers.get("x-generation-id")
    body = unchunked(rest) if headers.get("transfer-encoding") == "chunked" else rest
    if view.status != 200:
        view.error = {"message": body.decode(errors="replace")}
        return
    # What stands after the last empty line is an event that was cut.
    *events, _ = body.split(b"\n\n")
    for event in events:
        if event == LAST:
            view.is_done = True
        elif event.startswith(b"data: "):
            chunk = from_json(event[6:])
            view.usage = chunk.get("usage") or view.usage
            view.error = chunk.get("error") or view.error


def unchunked(rest):
    """The body of a chunked answer that may be cut anywhere."""
    body = bytearray()
    while True:
        size, separator, rest = rest.partition(b"\r\n")
        if not separator or not (length := int(size, 16)):
            return bytes(body)
        body += rest[:length]
        rest = rest[length + 2:]


class Desk:
    """Plain requests on one kept connection; no proxy of the machine is asked."""

    def __init__(self, address, key=None):
        self.connection = http.client.HTTPConnection(*address, timeout=CALL_SECONDS)
        self.headers = {"Authorization": f"Bearer {key}"} if key else {}

    def get(self, path):
        try:
            return self._get(path)
        except http.client.RemoteDisconnected:
            # A server may close a connection that idles just when it is asked again; asking changes nothing.
            return self._get(path)

    def _get(self, path):
        self.connection.request("GET", path, headers=self.headers)
        with self.connection.getresponse() as response:
            return response.status, from_json(response.read())

    def post(self, path, body):
        self.connection.request("POST", path, json.dumps(body), {**self.headers, "Content-Type": "application/json"})
        with self.connection.getresponse() as response:
            answer = response.read()
            if response.status != 200:
                raise ValueError(f"{path}: {response.status}: {answer!r}")

    def get_text(self, path):
        self.connection.request("GET", path, headers=self.headers)
        with self.connection.getresponse() as response:
            return response.read().decode()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.connection.close()
