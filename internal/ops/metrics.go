package ops

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"frontdesk/internal/sqldb"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Metrics is what a node tells Prometheus. Packages of the path do not know it: the wiring reads their counts through
// Count and Gauge, and hands them the observers that Histogram makes as plain functions.
type Metrics struct {
	registry *prometheus.Registry
	http     *prometheus.HistogramVec
}

// latency has fine steps where the targets are (1 to 100 ms) and coarse ones outside.
var latency = []float64{.0005, .001, .002, .003, .005, .0075, .01, .015, .025, .05, .1, .25, .5, 1, 2.5, 10}

// NewMetrics makes a registry of its own; nothing is global.
func NewMetrics(version string) *Metrics {
	m := &Metrics{registry: prometheus.NewRegistry()}
	m.http = prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "frontdesk_http_seconds", Help: "HTTP requests but sockets, by route and status class.", Buckets: latency},
		[]string{"route", "status"})
	build := prometheus.NewGauge(prometheus.GaugeOpts{Name: "frontdesk_build_info", Help: "Always 1; the label is the version.", ConstLabels: prometheus.Labels{"version": version}})
	build.Set(1)
	m.registry.MustRegister(m.http, build, collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Histogram makes an observer of durations. It is safe for concurrent use and takes about 50 ns.
func (m *Metrics) Histogram(name, help string) func(time.Duration) {
	h := prometheus.NewHistogram(prometheus.HistogramOpts{Name: name, Help: help, Buckets: latency})
	m.registry.MustRegister(h)
	return func(d time.Duration) { h.Observe(d.Seconds()) }
}

// Timed measures the requests that next serves, by the pattern of the route that took them, never by the address: a
// stranger must not be able to make new series. Sockets and long polls, whose time says nothing, are left out.
func (m *Metrics) Timed(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") != "" || r.URL.Query().Has("wait") {
			next.ServeHTTP(w, r)
			return
		}
		start := time.Now()
		answer := &statusWriter{ResponseWriter: w, status: http.StatusOK}
		next.ServeHTTP(answer, r)
		route := r.Pattern
		if route == "" {
			route = "other"
		}
		m.http.WithLabelValues(route, strconv.Itoa(answer.status/100)+"xx").Observe(time.Since(start).Seconds())
	})
}

// statusWriter remembers the status.
type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap lets http.ResponseController reach the connection.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// Gauge shows what read returns at the moment of a scrape. read must be quick: it is called under every scrape.
func (m *Metrics) Gauge(name, help string, read func() float64) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, read))
}

// Count shows a total that a package keeps itself and never takes back.
func (m *Metrics) Count(name, help string, read func() int64) {
	m.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help}, func() float64 { return float64(read()) }))
}

// GaugeBy shows a value for each label that read returns. read gets 1 s; when it fails, the scrape goes on without it.
func (m *Metrics) GaugeBy(name, help, label string, read func(ctx context.Context) (map[string]int64, error)) {
	m.registry.MustRegister(&labelled{prometheus.NewDesc(name, help, []string{label}, nil), prometheus.GaugeValue, read})
}

// CountBy shows totals that a package keeps itself, one for each label, and never takes back. read must be quick.
func (m *Metrics) CountBy(name, help, label string, read func() map[string]int64) {
	m.registry.MustRegister(&labelled{prometheus.NewDesc(name, help, []string{label}, nil), prometheus.CounterValue,
		func(context.Context) (map[string]int64, error) { return read(), nil }})
}

// Database shows the writer's groups and how far consumers are behind.
func (m *Metrics) Database(db *sqldb.DB) {
	m.Count("frontdesk_commit_groups_total", "Group commits on SQLite.", func() int64 { return db.Stats().Groups })
	m.Count("frontdesk_commit_writes_total", "Writes in those groups; divided by the groups it is their mean size.", func() int64 { return db.Stats().Closures })
	m.Count("frontdesk_commit_failed_total", "Groups that were lost as a whole.", func() int64 { return db.Stats().Failed })
	m.Gauge("frontdesk_commit_group_max", "Largest group since the start.", func() float64 { return float64(db.Stats().MaxGroup) })
	m.Gauge("frontdesk_commit_waiting", "Writes that wait for a group now.", func() float64 { return float64(db.Stats().Waiting) })
	m.GaugeBy("frontdesk_event_lag", "Events a consumer has before it.", "consumer", db.Lag)
}

// Handler is /metrics.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{Registry: m.registry, Timeout: 5 * time.Second})
}

type labelled struct {
	desc *prometheus.Desc
	kind prometheus.ValueType
	read func(ctx context.Context) (map[string]int64, error)
}

func (g *labelled) Describe(ch chan<- *prometheus.Desc) { ch <- g.desc }

func (g *labelled) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	values, err := g.read(ctx)
	if err != nil {
		return // an invalid metric would fail the whole scrape, and hide the rest when it is needed most
	}
	for label, value := range values {
		ch <- prometheus.MustNewConstMetric(g.desc, g.kind, float64(value), label)
	}
}
