package delivery

import (
	"context"
	"slices"
	"strconv"
	"time"
)

// Screen is one member of staff's socket at the feed. Send must not block; it gets whole frames, which nobody changes.
type Screen struct {
	Tenant, Staff string
	Handle        bool // may take conversations over: hears of those who wait. Guarded by the feed after Enter; see Allow
	Send          func(frame []byte)

	list   *list
	view   View
	ids    []string
	resume int64 // what changed after this position is told with the first list; 0 is nothing
	counts string
	opened map[string]struct{}
}

// View is which conversations a list shows.
type View struct{ Name, Site string }

// views are the names a View may have. Any other shows nothing.
var views = []string{"mine", "queue", "bot", "agent", "closed", "all"}

// Enter adds a screen, until Exit, and sends it the frame that says where the feed stands: a list loaded from then on misses
// nothing. With after, a position from an earlier frame, what has changed since is told once the screen says which list it
// shows.
func (f *Feed) Enter(ctx context.Context, s *Screen, after int64) error {
	joined, err := f.desk.Join(ctx)
	if err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.tenants) == 0 {
		f.pos, f.told = joined, joined
	}
	fl := f.tenants[s.Tenant]
	if fl == nil {
		fl = &floor{screens: map[*Screen]struct{}{}, lists: map[listKey]*list{}, opened: map[string]map[*Screen]struct{}{}, recent: map[string]*remembered{}}
		f.tenants[s.Tenant] = fl
	}
	s.resume, s.opened = after, map[string]struct{}{}
	fl.screens[s] = struct{}{}
	s.Send(cursor([]byte(`{"type":"ready","resumed":`+strconv.FormatBool(after > 0)), f.pos))
	if fl.counted {
		fl.tellCount(s, f.pos)
	} else {
		fl.recount = true
		f.nudge()
	}
	return nil
}

// Exit takes a screen away.
func (f *Feed) Exit(s *Screen) {
	f.mu.Lock()
	defer f.mu.Unlock()
	fl := f.floorOf(s)
	if fl == nil {
		return
	}
	fl.leave(s)
	for id := range s.opened {
		fl.shut(s, id)
	}
	delete(fl.screens, s)
	if len(fl.screens) == 0 {
		delete(f.tenants, s.Tenant)
		delete(f.waiting, s.Tenant)
	}
	f.desk.Leave()
}

// Allow says whether a screen's member of staff may take conversations over.
func (f *Feed) Allow(s *Screen, handle bool) {
	f.mu.Lock()
	s.Handle = handle
	f.mu.Unlock()
}

// Pos is where the feed stands.
func (f *Feed) Pos() int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.pos
}

// Watch says which list a screen shows, and which rows of it. What changed lately in these rows is told: they may have been
// loaded before the list was watched.
func (f *Feed) Watch(ctx context.Context, s *Screen, v View, ids []string) error {
	f.mu.Lock()
	fl := f.floorOf(s)
	if fl == nil {
		f.mu.Unlock()
		return nil
	}
	former := s.ids
	if s.view != v {
		former = nil
	}
	fl.leave(s)
	fl.show(s, v, ids)
	fl.tellCount(s, f.pos)
	resume := s.resume
	s.resume = 0
	if resume == 0 && s.list != nil {
		var rows []*remembered
		since := time.Now().Add(-recently)
		for _, id := range ids {
			if r := fl.recent[id]; r != nil && r.at.After(since) && !slices.Contains(former, id) {
				rows = append(rows, r)
			}
		}
		s.list.tell(s, rows, f.pos)
	}
	f.mu.Unlock()
	if resume == 0 {
		return nil
	}
	return f.again(ctx, s, resume)
}

// floorOf is where a screen is, nil before Enter and after Exit: a frame of its socket may come late. The lock is held.
func (f *Feed) floorOf(s *Screen) *floor {
	fl := f.tenants[s.Tenant]
	if fl == nil {
		return nil
	}
	if _, here := fl.screens[s]; !here {
		return nil
	}
	return fl
}

// recently is how long ago a list may have been loaded that is only now watched with its rows.
const recently = 30 * time.Second

// again tells a screen that has come back what changed since a position.
func (f *Feed) again(ctx context.Context, s *Screen, after int64) error {
	ids, to, enough, err := f.desk.Since(ctx, s.Tenant, after)
	var rows []Row
	var stamp int64
	if err == nil && enough {
		rows, stamp, err = f.rows(ctx, s.Tenant, ids)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	fl := f.floorOf(s)
	if fl == nil || err != nil {
		return err
	}
	if !enough {
		s.Send(resetFrame(f.pos))
		return nil
	}
	known := fl.remember(rows, stamp)
	if s.list != nil {
		s.list.tell(s, known, max(to, f.pos))
	}
	return nil
}

// Open follows a conversation's summary: it is told now and at each change, until Shut. There is false if the tenant has no
// such conversation.
func (f *Feed) Open(ctx context.Context, s *Screen, id string) (there bool, err error) {
	f.mu.Lock()
	fl := f.floorOf(s)
	if fl != nil {
		if fl.opened[id] == nil {
			fl.opened[id] = map[*Screen]struct{}{}
		}
		fl.opened[id][s] = struct{}{} // before the reading: what changes from now on is told
		s.opened[id] = struct{}{}
	}
	f.mu.Unlock()
	rows, stamp, err := f.rows(ctx, s.Tenant, []string{id})
	f.mu.Lock()
	defer f.mu.Unlock()
	if fl = f.floorOf(s); fl == nil || err != nil || len(rows) == 0 {
		if fl != nil {
			fl.shut(s, id)
		}
		return false, err
	}
	s.Send(stateFrame(&fl.remember(rows, stamp)[0].Row))
	return true, nil
}

// Shut ends Open.
func (f *Feed) Shut(s *Screen, id string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if fl := f.floorOf(s); fl != nil {
		fl.shut(s, id)
	}
}

// Has reports whether an opened conversation is the screen's own to answer, as far as is known.
func (f *Feed) Has(s *Screen, id string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	fl := f.floorOf(s)
	if fl == nil {
		return false
	}
	r := fl.recent[id]
	_, open := s.opened[id]
	return open && r != nil && r.Owner == "agent" && r.Agent == s.Staff
}
