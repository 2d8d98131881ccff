//! Counts for Prometheus. No label has a name of a device, a token or a tenant.

use core::fmt::Write as _;
use core::time::Duration;
use std::sync::Mutex;

use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use crate::jobs::JobCounts;

/// What a request was, and what came of it.
#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
pub(crate) struct RequestLabels {
    pub(crate) method: String,
    /// With `{…}` for parts.
    pub(crate) route: String,
    pub(crate) status: u16,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct RouteLabel {
    route: String,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct KindLabel {
    kind: &'static str,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct ResultLabel {
    result: &'static str,
}

/// All counts of a process.
pub(crate) struct Metrics {
    registry: Mutex<Registry>,
    requests: Family<RequestLabels, Counter>,
    seconds: Family<RouteLabel, Histogram>,
    refused: Counter,
    sent: Family<KindLabel, Counter>,
    reports: Family<ResultLabel, Counter>,
    queued: Gauge,
    running: Gauge,
    held: Gauge,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("flashdelta");
        let metrics = Self {
            registry: Mutex::default(),
            requests: Family::default(),
            seconds: Family::new_with_constructor(|| {
                Histogram::new([0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0])
            }),
            refused: Counter::default(),
            sent: Family::default(),
            reports: Family::default(),
            queued: Gauge::default(),
            running: Gauge::default(),
            held: Gauge::default(),
        };
        registry.register("requests", "Requests that were answered", metrics.requests.clone());
        registry.register("request_seconds", "Seconds until an answer", metrics.seconds.clone());
        registry.register("refused", "Requests refused by a limit", metrics.refused.clone());
        registry.register("sent_bytes", "Bytes of contents sent to devices", metrics.sent.clone());
        registry.register("reports", "Results that devices reported", metrics.reports.clone());
        registry.register("jobs_queued", "Patches that wait to be made", metrics.queued.clone());
        registry.register("jobs_running", "Patches being made", metrics.running.clone());
        let held = "Patches that could not be made: what they need does not answer";
        registry.register("jobs_held", held, metrics.held.clone());
        Self { registry: registry.into(), ..metrics }
    }
}

impl Metrics {
    pub(crate) fn answered(&self, labels: RequestLabels, time: Duration) {
        let route = RouteLabel { route: labels.route.clone() };
        self.seconds.get_or_create(&route).observe(time.as_secs_f64());
        self.requests.get_or_create(&labels).inc();
    }

    pub(crate) fn refused(&self) {
        self.refused.inc();
    }

    pub(crate) fn sent(&self, kind: &'static str, bytes: u64) {
        self.sent.get_or_create(&KindLabel { kind }).inc_by(bytes);
    }

    pub(crate) fn reported(&self, result: &'static str) {
        self.reports.get_or_create(&ResultLabel { result }).inc();
    }

    /// The text for Prometheus. Jobs are those of all processes on the database.
    pub(crate) fn text(&self, jobs: JobCounts) -> String {
        self.queued.set(jobs.queued);
        self.running.set(jobs.running);
        self.held.set(jobs.held);
        let registry = self.registry.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let mut text = String::new();
        if encode(&mut text, &registry).is_err() {
            let _ = writeln!(text, "# not all could be written");
        }
        text
    }
}
