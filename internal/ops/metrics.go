package ops

import (
	"context"
	"net/http"
	"time"

	"frontdesk/internal/sqldb"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Metrics is what a node tells Prometheus. Packages of the path do not know it: the wiring hands them its instruments as
// plain functions, or reads their counts through Gauge and GaugeBy.
type Metrics struct {
	registry *prometheus.Registry

	Ack      prometheus.Histogram   // a message's arrival to its acknowledgement
	Reply    prometheus.Histogram   // a message's acknowledgement to the commit of its reply
	Messages *prometheus.CounterVec // by author: customer, bot, agent, system
	Turns    *prometheus.CounterVec // by outcome: answer, clarify, flow, handoff, abstain, lost, failed
	Refused  *prometheus.CounterVec // by reason: rate, overload, full, invalid, origin
	Dropped  *prometheus.CounterVec // sockets ended by the server, by reason: slow, drain, revoked
	HTTP     *prometheus.HistogramVec
}

// latency has fine steps where the targets are (1 to 100 ms) and coarse ones outside.
var latency = []float64{.0005, .001, .002, .003, .005, .0075, .01, .015, .025, .05, .1, .25, .5, 1, 2.5, 10}

// NewMetrics makes a registry of its own; nothing is global.
func NewMetrics(version string) *Metrics {
	m := &Metrics{registry: prometheus.NewRegistry()}
	histogram := func(name, help string) prometheus.Histogram {
		h := prometheus.NewHistogram(prometheus.HistogramOpts{Name: name, Help: help, Buckets: latency})
		m.registry.MustRegister(h)
		return h
	}
	counter := func(name, help, label string) *prometheus.CounterVec {
		c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, []string{label})
		m.registry.MustRegister(c)
		return c
	}
	m.Ack = histogram("frontdesk_ack_seconds", "From the arrival of a customer's message to its acknowledgement.")
	m.Reply = histogram("frontdesk_turn_seconds", "From the acknowledgement of a customer's message to the commit of its reply.")
	m.Messages = counter("frontdesk_messages_total", "Messages committed, by author.", "author")
	m.Turns = counter("frontdesk_turns_total", "Turns of the bot, by how they came out.", "outcome")
	m.Refused = counter("frontdesk_refused_total", "Messages and connections refused, by reason.", "reason")
	m.Dropped = counter("frontdesk_sockets_dropped_total", "Sockets the server ended, by reason.", "reason")
	m.HTTP = prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "frontdesk_http_seconds", Help: "HTTP requests, by route and status class.", Buckets: latency}, []string{"route", "status"})
	build := prometheus.NewGauge(prometheus.GaugeOpts{Name: "frontdesk_build_info", Help: "Always 1; the label is the version.", ConstLabels: prometheus.Labels{"version": version}})
	build.Set(1)
	m.registry.MustRegister(m.HTTP, build, collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

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
	m.registry.MustRegister(&gaugeBy{prometheus.NewDesc(name, help, []string{label}, nil), read})
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

type gaugeBy struct {
	desc *prometheus.Desc
	read func(ctx context.Context) (map[string]int64, error)
}

func (g *gaugeBy) Describe(ch chan<- *prometheus.Desc) { ch <- g.desc }

func (g *gaugeBy) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	values, err := g.read(ctx)
	if err != nil {
		return // an invalid metric would fail the whole scrape, and hide the rest when it is needed most
	}
	for label, value := range values {
		ch <- prometheus.MustNewConstMetric(g.desc, prometheus.GaugeValue, float64(value), label)
	}
}
