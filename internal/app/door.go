package app

import (
	"net/http"
	"sync/atomic"

	"frontdesk/internal/ops"
)

// door answers health checks from the first moment, and everything else once the node is open.
type door struct {
	health *ops.Health
	inside atomic.Pointer[http.Handler]
}

func (d *door) open(h http.Handler) { d.inside.Store(&h) }

func (d *door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if h := d.inside.Load(); h != nil {
		(*h).ServeHTTP(w, r)
		return
	}
	if r.URL.Path == "/healthz" {
		d.health.Live(w, r)
		return
	}
	w.Header().Set("Retry-After", "1")
	http.Error(w, "starting", http.StatusServiceUnavailable)
}
