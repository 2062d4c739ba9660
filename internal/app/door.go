package app

import (
	"net/http"
	"sync"
	"sync/atomic"

	"frontdesk/internal/ops"
)

// door answers health checks from the first moment, and everything else while the node is open.
type door struct {
	health *ops.Health
	inside atomic.Pointer[http.Handler]
	busy   sync.RWMutex // held for reading by each request that is inside
}

func (d *door) open(h http.Handler) { d.inside.Store(&h) }

// shut lets nobody in any more and returns when the last one is out.
func (d *door) shut() {
	d.inside.Store(nil)
	d.busy.Lock()
	defer d.busy.Unlock()
}

func (d *door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	d.busy.RLock()
	defer d.busy.RUnlock()
	if h := d.inside.Load(); h != nil {
		(*h).ServeHTTP(w, r)
		return
	}
	if r.URL.Path == "/healthz" {
		d.health.Live(w, r)
		return
	}
	w.Header().Set("Retry-After", "1")
	http.Error(w, "not open", http.StatusServiceUnavailable)
}
