package delivery

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"
)

// Change is something that happened to a conversation, as the event log tells it.
type Change struct {
	Pos          int64
	Tenant       string
	Conversation string
	At           int64
	Actor        string // kind:id
	Asked        bool   // the customer wrote
	From, To     string // owners, where the ownership changed
}

// Row is a conversation as lists show it. JSON is its wire form; nobody changes it.
type Row struct {
	ID, Site, Owner, Agent string
	UpdatedAt, QueuedAt    int64
	JSON                   []byte
}

// Open is how many open conversations a member of staff, or nobody, has on a site.
type Open struct {
	Owner, Agent, Site string
	Count              int
}

// Desk is what the feed reads.
type Desk interface {
	// Rows returns conversations as they are now; what is not there is left out.
	Rows(ctx context.Context, tenant string, ids []string) ([]Row, error)
	// Open counts a tenant's open conversations.
	Open(ctx context.Context, tenant string) ([]Open, error)
	// Since lists what changed after a position of the log, up to the one returned; enough is false when it is too much to list.
	Since(ctx context.Context, tenant string, pos int64) (ids []string, to int64, enough bool, err error)
	// Join has the feed told of changes from a position on, until Leave.
	Join(ctx context.Context) (pos int64, err error)
	Leave()
}

const (
	feedEvery  = 100 * time.Millisecond // changes are gathered for so long
	feedMax    = 5000                   // conversations of a tenant that may wait to be read before screens are told to load anew
	feedRead   = 200                    // conversations read at once
	feedPause  = 500 * time.Millisecond // after the database has failed
	feedTime   = 10 * time.Second
	frameRows  = 50   // rows of conversations that a screen does not show yet, in one frame
	recentMax  = 2000 // rows remembered of a tenant
	countLeast = 250 * time.Millisecond
	countShare = 20 // counting may take this part of the time
)

// Feed keeps the lists of all staff at this node up to date. What changed is read from the database and put into its wire
// form once, however many look at it. Changes come from the event log, so that none is missed; Run must be running.
type Feed struct {
	desk Desk
	log  *slog.Logger
	wake chan struct{}

	mu      sync.Mutex
	pos     int64 // changes up to here were handed out
	told    int64 // changes up to here have been told of
	tenants map[string]*floor
	waiting map[string]*gathered
	load    int64 // counts readings of the database: which of two rows is the newer
}

// gathered is what changed in a tenant and was not handed out yet.
type gathered struct {
	changes map[string][]Change // by conversation; more than one only where it makes a notice
	lost    bool                // too many
}

// NewFeed makes a feed.
func NewFeed(d Desk, log *slog.Logger) *Feed {
	return &Feed{desk: d, log: log, wake: make(chan struct{}, 1), tenants: map[string]*floor{}, waiting: map[string]*gathered{}}
}

// Changed tells of changes, in order, and the position they reach. It does not block.
func (f *Feed) Changed(changes []Change, pos int64) {
	f.mu.Lock()
	for _, c := range changes {
		if f.tenants[c.Tenant] == nil {
			continue // nobody of this company is here
		}
		g := f.waiting[c.Tenant]
		if g == nil {
			g = &gathered{changes: map[string][]Change{}}
			f.waiting[c.Tenant] = g
		}
		if len(g.changes) >= feedMax {
			g.lost = true
			clear(g.changes)
		}
		if !g.lost {
			g.add(c)
		}
	}
	f.told = max(f.told, pos)
	f.mu.Unlock()
	f.nudge()
}

// add keeps the changes that make notices, and of the others one.
func (g *gathered) add(c Change) {
	list := g.changes[c.Conversation]
	notable := c.Asked || c.To != ""
	for _, old := range list {
		if !notable || old.Asked && c.Asked && c.To == "" {
			return
		}
	}
	if notable && len(list) == 1 && !list[0].Asked && list[0].To == "" {
		list = list[:0]
	}
	g.changes[c.Conversation] = append(list, c)
}

func (f *Feed) nudge() {
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

// Run hands out what changed, until ctx ends. The first change after a quiet time goes out at once, what follows in bundles.
func (f *Feed) Run(ctx context.Context) error {
	timer := time.NewTimer(time.Hour) // for what has to be done without a change: counting later
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-f.wake:
		case <-timer.C:
		}
		pause := feedEvery
		if err := f.round(ctx); err != nil {
			if ctx.Err() != nil {
				return nil
			}
			f.log.Warn("reading what changed for staff failed", "error", err)
			pause = feedPause
			f.nudge()
		}
		if due, ok := f.count(ctx); ok {
			timer.Reset(time.Until(due))
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pause):
		}
	}
}

// round hands out what has been gathered. After an error it is gathered still.
func (f *Feed) round(ctx context.Context) error {
	f.mu.Lock()
	work, told := f.waiting, f.told
	f.waiting = map[string]*gathered{}
	f.mu.Unlock()
	var failed error
	for tenant, g := range work {
		if err := f.handOut(ctx, tenant, g, told); err != nil {
			failed = err
			f.keep(tenant, g)
		}
	}
	if failed == nil {
		f.mu.Lock()
		f.pos = max(f.pos, told)
		f.mu.Unlock()
	}
	return failed
}

// keep puts back what could not be handed out.
func (f *Feed) keep(tenant string, g *gathered) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.tenants[tenant] == nil {
		return
	}
	now := f.waiting[tenant]
	if now != nil {
		g.lost = g.lost || now.lost || len(g.changes)+len(now.changes) > feedMax
		for _, list := range now.changes {
			for _, c := range list {
				g.add(c)
			}
		}
	}
	if g.lost {
		clear(g.changes)
	}
	f.waiting[tenant] = g
}

func (f *Feed) handOut(ctx context.Context, tenant string, g *gathered, pos int64) error {
	ids := slices.Collect(maps.Keys(g.changes))
	recount := g.lost || g.owned()
	if g.lost {
		f.mu.Lock()
		if fl := f.tenants[tenant]; fl != nil {
			fl.reset(pos)
			ids = slices.Collect(maps.Keys(fl.opened)) // which are on a screen whatever its list shows
		}
		f.mu.Unlock()
	}
	for left := len(ids); left > 0; {
		ids := ids[len(ids)-left:][:min(left, feedRead)]
		left -= len(ids)
		rows, stamp, err := f.rows(ctx, tenant, ids)
		if err != nil {
			return err
		}
		f.mu.Lock()
		if fl := f.tenants[tenant]; fl != nil {
			fl.notices(rows, g.changes)
			reached := f.pos
			if left == 0 { // a screen that goes now comes back for what it has not been told
				reached = pos
			}
			fl.changed(fl.remember(rows, stamp), reached)
			fl.recount = fl.recount || recount
		}
		f.mu.Unlock()
		for _, id := range ids { // an error further on does not tell these again
			delete(g.changes, id)
		}
	}
	return nil
}

// owned reports whether the counts are of another time.
func (g *gathered) owned() bool {
	for _, list := range g.changes {
		for _, c := range list {
			if c.To != "" {
				return true
			}
		}
	}
	return false
}

// rows reads conversations. Of two rows of one conversation the one with the higher stamp is the newer: whoever reads after a
// change was told of, reads with a higher stamp than who read before it.
func (f *Feed) rows(ctx context.Context, tenant string, ids []string) ([]Row, int64, error) {
	f.mu.Lock()
	f.load++
	stamp := f.load
	f.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, feedTime)
	defer cancel()
	rows, err := f.desk.Rows(ctx, tenant, ids)
	return rows, stamp, err
}

// count counts the open conversations of tenants where they may have changed. It is told when to come back, if it has to.
func (f *Feed) count(ctx context.Context) (due time.Time, again bool) {
	var now []string
	f.mu.Lock()
	for name, fl := range f.tenants {
		if !fl.recount {
			continue
		}
		if time.Now().Before(fl.countAt) {
			if !again || fl.countAt.Before(due) {
				due, again = fl.countAt, true
			}
			continue
		}
		fl.recount = false
		now = append(now, name)
	}
	f.mu.Unlock()
	for _, name := range now {
		began := time.Now()
		inTime, cancel := context.WithTimeout(ctx, feedTime)
		open, err := f.desk.Open(inTime, name)
		cancel()
		took := time.Since(began)
		f.mu.Lock()
		if fl := f.tenants[name]; fl != nil {
			fl.countAt = time.Now().Add(max(countLeast, countShare*took))
			if err != nil {
				fl.recount = true
				if !again || fl.countAt.Before(due) {
					due, again = fl.countAt, true
				}
			} else {
				fl.open, fl.counted = open, true
				fl.tellCounts(f.pos)
			}
		}
		f.mu.Unlock()
		if err != nil && ctx.Err() == nil {
			f.log.Warn("counting open conversations failed", "error", err)
		}
	}
	return due, again
}
