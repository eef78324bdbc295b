"""Receivers: OTLP over gRPC and over HTTP, and anything else over HTTP. They keep everything that came."""

import http.server
import json
import threading
import time
from concurrent import futures

import grpc
from google.protobuf import json_format
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2, metrics_service_pb2_grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc


class Kept:
    """What a receiver was sent."""

    def __init__(self):
        self.changed = threading.Condition()
        self.spans = []
        self.resources = []
        self.metrics = {}
        self.requests = []
        self.headers = []
        # Statuses to answer with, the next one first; then 200.
        self.refusals = []

    def take_traces(self, request, headers):
        with self.changed:
            for resource in request.resource_spans:
                self.resources.append(attributes(resource.resource))
                for scope in resource.scope_spans:
                    self.spans.extend(scope.spans)
            self.headers.append(headers)
            self.changed.notify_all()

    def take_metrics(self, request):
        with self.changed:
            for resource in request.resource_metrics:
                for scope in resource.scope_metrics:
                    self.metrics.update({metric.name: metric for metric in scope.metrics})
            self.changed.notify_all()

    def wait(self, wanted, seconds=15):
        """Waits until `wanted(self)` is true and gives it; an assertion error when it never is."""
        deadline = time.monotonic() + seconds
        with self.changed:
            while not (found := wanted(self)):
                if not self.changed.wait(max(0, deadline - time.monotonic())):
                    raise AssertionError(f"not there in {seconds} s; spans: {[span.name for span in self.spans]}, requests: {self.requests}")
            return found

    def trace(self, trace_id):
        """The spans of a trace by name of the parent: the call first, then its attempts."""
        return [span for span in self.spans if span.trace_id.hex() == trace_id]


class Grpc:
    """A collector that speaks gRPC, on a port of its own for the length of a `with` block."""

    def __init__(self):
        self.kept = Kept()

    def __enter__(self):
        kept = self.kept

        class Traces(trace_service_pb2_grpc.TraceServiceServicer):
            def Export(self, request, context):
                kept.take_traces(request, dict(context.invocation_metadata()))
                return trace_service_pb2.ExportTraceServiceResponse()

        class Metrics(metrics_service_pb2_grpc.MetricsServiceServicer):
            def Export(self, request, context):
                kept.take_metrics(request)
                return metrics_service_pb2.ExportMetricsServiceResponse()

        self.server = grpc.server(futures.ThreadPoolExecutor(max_workers=2))
        trace_service_pb2_grpc.add_TraceServiceServicer_to_server(Traces(), self.server)
        metrics_service_pb2_grpc.add_MetricsServiceServicer_to_server(Metrics(), self.server)
        self.port = self.server.add_insecure_port("127.0.0.1:0")
        self.server.start()
        self.url = f"http://127.0.0.1:{self.port}"
        return self

    def __exit__(self, *_):
        self.server.stop(0).wait()


class Http:
    """A receiver that speaks HTTP: OTLP in protobuf and in JSON is read as such, the rest kept as it is."""

    def __init__(self):
        self.kept = Kept()

    def __enter__(self):
        kept = self.kept

        class Receiver(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def take(self):
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                kind = self.headers.get("content-type", "")
                with kept.changed:
                    status = kept.refusals.pop(0) if kept.refusals else 200
                    kept.requests.append((self.command, self.path, dict(self.headers), body, status))
                    kept.changed.notify_all()
                if status == 200:
                    self.understand(kind, body)
                answer = b"{}" if "json" in kind else b""
                self.send_response(status)
                if status in (301, 302, 307):
                    self.send_header("location", "http://127.0.0.1:1/elsewhere")
                self.send_header("content-type", kind)
                self.send_header("content-length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def understand(self, kind, body):
                headers = {name.lower(): value for name, value in self.headers.items()}
                if self.path.endswith("/v1/metrics"):
                    kept.take_metrics(metrics_service_pb2.ExportMetricsServiceRequest.FromString(body))
                elif kind == "application/x-protobuf":
                    kept.take_traces(trace_service_pb2.ExportTraceServiceRequest.FromString(body), headers)
                elif b"resourceSpans" in body:
                    kept.take_traces(otlp_json(body), headers)

            do_POST = do_PUT = take

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


def otlp_json(body):
    """OTLP's JSON by protobuf's own reader. OTLP spells ids in hexadecimal where protobuf's JSON has base64."""
    document = json.loads(body)
    spans = []
    for resource in document["resourceSpans"]:
        for scope in resource["scopeSpans"]:
            spans.extend(scope["spans"])
    ids = [{name: bytes.fromhex(span.pop(name)) for name in ("traceId", "spanId", "parentSpanId") if name in span} for span in spans]
    request = json_format.ParseDict(document, trace_service_pb2.ExportTraceServiceRequest())
    read = [span for resource in request.resource_spans for scope in resource.scope_spans for span in scope.spans]
    for span, own in zip(read, ids):
        span.trace_id, span.span_id = own["traceId"], own["spanId"]
        span.parent_span_id = own.get("parentSpanId", b"")
    return request


def attributes(of):
    """The attributes of a span or a resource as a dictionary."""
    return {pair.key: value(pair.value) for pair in of.attributes}


def value(any_value):
    kind = any_value.WhichOneof("value")
    if kind == "array_value":
        return [value(one) for one in any_value.array_value.values]
    return getattr(any_value, kind) if kind else None
