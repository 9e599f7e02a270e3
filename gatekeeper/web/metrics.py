"""What the service does, for Prometheus. Numbers are taken where they are counted already, only when somebody asks."""

import os
from collections.abc import Iterable, Iterator, Mapping

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

from gatekeeper.core.decisions import Reason
from gatekeeper.store.contract import COMMIT_BOUNDS, Measures

from .health import find_problems, purge_age
from .http import NO_STORE, OWN, Request, Response
from .service import Service


def show(service: Service, request: Request) -> Response:
    """Answer with the metrics, in Prometheus's text format. They hold nobody."""
    registry = CollectorRegistry(auto_describe=False)
    ProcessCollector(registry=registry)
    registry.register(_Told(_metrics(service)))
    headers = (("Content-Type", CONTENT_TYPE_LATEST), NO_STORE, *OWN)
    return Response(200, headers, generate_latest(registry))


class _Told(Collector):
    """What has been measured already."""

    def __init__(self, metrics: Iterable[Metric]) -> None:
        self._metrics = list(metrics)

    def collect(self) -> Iterable[Metric]:
        return self._metrics


def _metrics(service: Service) -> Iterator[Metric]:
    measured = service.store.measures()
    # Each process counts for itself, and where there are several, any of them answers: then it says which it is.
    alone = service.config.database_url.startswith("sqlite")
    told = _Metrics({} if alone else {"pid": str(os.getpid())})
    yield from _writing(told, measured)
    yield from _deciding(told, measured)
    shared = _Metrics({})
    yield shared.gauge("store_healthy", "Whether the database takes writes.", float(not measured.trouble))
    yield shared.gauge("healthy", "Whether /healthz answers 200.", float(not find_problems(service)))
    yield shared.gauge("fresh_events", "Events that are kept but not settled yet.", measured.fresh)
    age = purge_age(service)
    if age is not None:
        yield shared.gauge("purge_age_seconds", "How long ago the last purge was finished.", age)


class _Metrics:
    """Makes metrics that carry the same labels."""

    def __init__(self, labels: Mapping[str, str]) -> None:
        self._names = list(labels)
        self._values = list(labels.values())

    def gauge(self, name: str, text: str, value: float) -> Metric:
        metric = GaugeMetricFamily(f"gatekeeper_{name}", text, labels=self._names)
        metric.add_metric(self._values, value)
        return metric

    def counter(self, name: str, text: str, n: int) -> Metric:
        metric = CounterMetricFamily(f"gatekeeper_{name}", text, labels=self._names)
        metric.add_metric(self._values, n)
        return metric

    def seconds(self, name: str, text: str, seconds: float) -> Metric:
        metric = CounterMetricFamily(f"gatekeeper_{name}_seconds", text, labels=self._names)
        metric.add_metric(self._values, seconds)
        return metric

    def by_reason(self, name: str, text: str, counts: Mapping[str, int]) -> Metric:
        metric = CounterMetricFamily(f"gatekeeper_{name}", text, labels=["reason", *self._names])
        for reason, n in counts.items():
            metric.add_metric([reason, *self._values], n)
        return metric

    def commits(self, measured: Measures) -> Metric:
        metric = HistogramMetricFamily("gatekeeper_commit_seconds", "How long transactions took.", labels=self._names)
        bounds = [*(repr(bound) for bound in COMMIT_BOUNDS), "+Inf"]
        buckets = list(zip(bounds, map(float, measured.commits), strict=True))
        metric.add_metric(self._values, buckets, measured.commit_seconds)
        return metric


def _writing(told: _Metrics, measured: Measures) -> Iterator[Metric]:
    yield told.gauge("queue_length", "Writes that wait for the writer.", measured.waiting)
    yield told.commits(measured)
    yield told.counter("events", "Events that were kept.", measured.events)
    yield told.by_reason("events_dropped", "Events that the writing transaction refused.", measured.dropped)
    yield told.counter("events_settled", "Events that were counted, and put with their subject's.", measured.settled)
    yield told.seconds("settling_cpu", "Processor time that settling took.", measured.settling_seconds)
    yield told.counter("late", "Clicks that did not wait for their commit.", measured.late)


def _deciding(told: _Metrics, measured: Measures) -> Iterator[Metric]:
    decisions = {**measured.denied, Reason.GRANTED.value: measured.events}
    yield told.by_reason("decisions", "Decisions about hits and events, by their reason.", decisions)
