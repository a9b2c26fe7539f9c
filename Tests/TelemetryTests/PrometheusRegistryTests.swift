import Metrics
import Telemetry
import Testing

@Suite struct PrometheusRegistryTests {
    @Test func writesFamiliesByNameAndSeriesByLabels() {
        let registry = PrometheusRegistry()
        registry.describe(name: "berth_requests_total", help: "Requests answered.")
        Counter(label: "berth_requests_total", dimensions: [("protocol", "http"), ("outcome", "ok")], factory: registry)
            .increment(by: 3)
        Counter(label: "berth_requests_total", dimensions: [("outcome", "error"), ("protocol", "http")], factory: registry)
            .increment()
        FloatingPointCounter(label: "berth_cpu_seconds_total", factory: registry).increment(by: 0.25)
        let open = Meter(label: "berth_databases_open", factory: registry)
        open.increment(by: 5.0)
        open.decrement(by: 2.0)
        Gauge(label: "berth_queue_depth", factory: registry).record(7)

        #expect(registry.renderText() == """
            # TYPE berth_cpu_seconds_total counter
            berth_cpu_seconds_total 0.25
            # TYPE berth_databases_open gauge
            berth_databases_open 3
            # TYPE berth_queue_depth gauge
            berth_queue_depth 7
            # HELP berth_requests_total Requests answered.
            # TYPE berth_requests_total counter
            berth_requests_total{outcome="error",protocol="http"} 1
            berth_requests_total{outcome="ok",protocol="http"} 3

            """)
    }

    @Test func countsTimersInSecondsAndCumulatively() {
        let registry = PrometheusRegistry()
        registry.describe(name: "berth_wait_seconds", help: "a\\b\nc", buckets: HistogramBuckets([1, 0.1, 0.1]))
        let timer = Timer(label: "berth_wait_seconds", dimensions: [("kind", "x")], factory: registry)
        timer.recordMilliseconds(100)
        timer.recordMilliseconds(500)
        timer.recordSeconds(2)
        #expect(registry.renderText() == """
            # HELP berth_wait_seconds a\\\\b\\nc
            # TYPE berth_wait_seconds histogram
            berth_wait_seconds_bucket{kind="x",le="0.1"} 1
            berth_wait_seconds_bucket{kind="x",le="1"} 2
            berth_wait_seconds_bucket{kind="x",le="+Inf"} 3
            berth_wait_seconds_sum{kind="x"} 2.6
            berth_wait_seconds_count{kind="x"} 3

            """)
    }

    @Test func escapesLabelValuesAndFitsNames() {
        let registry = PrometheusRegistry()
        Counter(
            label: "9http.client-requests",
            dimensions: [("a:b", "quote \" slash \\ line\nend"), ("empty", "")], factory: registry
        ).increment()
        #expect(registry.renderText() == """
            # TYPE _9http_client_requests counter
            _9http_client_requests{a_b="quote \\" slash \\\\ line\\nend"} 1

            """)
    }

    @Test func sameNameAndLabelsInAnyOrderAreOneSeries() {
        let registry = PrometheusRegistry()
        for labels in [[("a", "1"), ("b", "2")], [("b", "2"), ("a", "1")], [("a", "0"), ("b", "2"), ("a", "1")]] {
            Counter(label: "berth_x_total", dimensions: labels, factory: registry).increment()
        }
        #expect(registry.renderText().contains("berth_x_total{a=\"1\",b=\"2\"} 3\n"))
    }

    @Test func asksCollectorsAtEveryScrape() {
        let registry = PrometheusRegistry()
        let source = Counter(label: "berth_source_total", factory: registry)
        registry.collect { scrape in
            // A collector may record: it must not run under the registry's lock.
            source.increment()
            Counter(label: "berth_made_while_scraping_total", factory: registry).increment()
            scrape.gauge("berth_leases_held", 4, [("role", "leader")])
            scrape.gauge("berth_ship_lag_seconds", 0.5)
            scrape.counter("berth_statements_total", 12)
        }
        #expect(registry.renderText().contains("berth_leases_held{role=\"leader\"} 4\n"))
        let second = registry.renderText()
        #expect(second.contains("# TYPE berth_statements_total counter\nberth_statements_total 12\n"))
        #expect(second.contains("berth_ship_lag_seconds 0.5\n"))
        #expect(second.contains("berth_made_while_scraping_total 2\n"))
    }

    @Test func mergesCollectedValuesIntoARecordedFamilyUnderOneHeader() {
        let registry = PrometheusRegistry()
        Gauge(label: "berth_depth", dimensions: [("q", "b")], factory: registry).record(2)
        registry.collect { $0.gauge("berth_depth", 1, [("q", "a")]) }
        #expect(registry.renderText() == """
            # TYPE berth_depth gauge
            berth_depth{q="a"} 1
            berth_depth{q="b"} 2

            """)
    }

    @Test func oneNameHasOneTypeAndAConflictIsShown() {
        let registry = PrometheusRegistry()
        Counter(label: "berth_thing", factory: registry).increment()
        Gauge(label: "berth_thing", factory: registry).record(9)
        let text = registry.renderText()
        #expect(text.contains("# TYPE berth_thing counter\nberth_thing 1\n"))
        #expect(!text.contains("berth_thing 9"))
        #expect(text.contains("berth_metric_name_conflicts 1\n"))
    }

    @Test func aDestroyedSeriesIsGone() {
        let registry = PrometheusRegistry()
        let counter = Counter(label: "berth_x_total", dimensions: [("node", "a")], factory: registry)
        counter.increment()
        Counter(label: "berth_x_total", dimensions: [("node", "b")], factory: registry).increment()
        counter.destroy()
        #expect(registry.renderText() == "# TYPE berth_x_total counter\nberth_x_total{node=\"b\"} 1\n")
    }

    @Test func ignoresWhatWouldSpoilASeriesForGood() {
        let registry = PrometheusRegistry()
        let counter = FloatingPointCounter(label: "berth_a_total", factory: registry)
        counter.increment(by: 1.5)
        counter.increment(by: Double.nan)
        counter.increment(by: -1.0)
        let sizes = Recorder(label: "berth_b_bytes", factory: registry)
        sizes.record(Double.nan)
        sizes.record(3)
        let text = registry.renderText()
        #expect(text.contains("berth_a_total 1.5\n"))
        #expect(text.contains("berth_b_bytes_sum 3\n"))
        #expect(text.contains("berth_b_bytes_count 1\n"))
    }

    @Test func losesNoIncrementBetweenThreads() async {
        let registry = PrometheusRegistry()
        let counter = Counter(label: "berth_a_total", factory: registry)
        let fractions = FloatingPointCounter(label: "berth_b_total", factory: registry)
        let timer = Timer(label: "berth_c_seconds", factory: registry)
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    for _ in 0..<1000 {
                        counter.increment()
                        fractions.increment(by: 0.5)
                        timer.recordSeconds(1)
                    }
                }
            }
        }
        let text = registry.renderText()
        #expect(text.contains("berth_a_total 8000\n"))
        #expect(text.contains("berth_b_total 4000\n"))
        #expect(text.contains("berth_c_seconds_sum 8000\n"))
        #expect(text.contains("berth_c_seconds_count 8000\n"))
    }
}
