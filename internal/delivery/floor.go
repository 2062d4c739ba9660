package delivery

import (
	"encoding/json"
	"slices"
	"strconv"
	"time"
)

// list is the screens that look at the same one.
type list struct {
	view    View
	staff   string // of a list of somebody's own
	screens map[*Screen]struct{}
	shown   map[string]int // rows that are on a screen, on how many
}

func (l *list) has(r *Row) bool {
	if l.view.Site != "" && r.Site != l.view.Site {
		return false
	}
	switch l.view.Name {
	case "all":
		return true
	case "mine":
		return r.Owner == "agent" && r.Agent == l.staff
	}
	return r.Owner == l.view.Name
}

// remembered is a row as it was read last.
type remembered struct {
	Row
	stamp int64
	at    time.Time
	told  *Row // as the lists were told last: what leaves a list was in it
}

// aged is a place in the order in which rows were read.
type aged struct {
	id    string
	stamp int64
}

type listKey struct {
	view  View
	staff string
}

// floor is a tenant's screens at this node. The feed's lock guards it.
type floor struct {
	screens map[*Screen]struct{}
	lists   map[listKey]*list
	opened  map[string]map[*Screen]struct{}
	recent  map[string]*remembered
	order   []aged // of recent, oldest first; a row that was read again stands in it again

	open    []Open
	counted bool
	recount bool
	countAt time.Time // not before
}

// remember keeps rows, unless a newer reading is known, and returns them as they are known then.
func (fl *floor) remember(rows []Row, stamp int64) []*remembered {
	out := make([]*remembered, 0, len(rows))
	now := time.Now()
	for i := range rows {
		r := fl.recent[rows[i].ID]
		if r == nil {
			r = &remembered{}
			fl.recent[rows[i].ID] = r
		}
		if r.stamp < stamp {
			r.Row, r.stamp, r.at = rows[i], stamp, now
			fl.order = append(fl.order, aged{r.ID, stamp})
		}
		out = append(out, r)
	}
	for len(fl.recent) > recentMax || len(fl.order) > 4*recentMax {
		oldest := fl.order[0]
		fl.order = fl.order[1:]
		if r := fl.recent[oldest.id]; r != nil && r.stamp == oldest.stamp {
			delete(fl.recent, oldest.id)
		}
	}
	return out
}

// changed tells every screen what of its list changed, and of what it has open.
func (fl *floor) changed(rows []*remembered, pos int64) {
	for _, l := range fl.lists {
		l.changed(rows, pos)
	}
	for _, r := range rows {
		fl.state(r)
		told := r.Row
		r.told = &told
	}
}

func (fl *floor) state(r *remembered) {
	if screens := fl.opened[r.ID]; len(screens) > 0 {
		frame := stateFrame(&r.Row)
		for s := range screens {
			s.Send(frame)
		}
	}
}

func stateFrame(r *Row) []byte {
	out := append([]byte(`{"type":"conversation","id":`), strconv.Quote(r.ID)...)
	out = append(append(out, `,"state":`...), r.JSON...)
	return append(out, '}')
}

// changed makes one frame for all screens of the list. Only where more changed than a frame takes, a screen gets one of its own
// with the rest of what it shows.
func (l *list) changed(rows []*remembered, pos int64) {
	var in []*Row
	var gone []string
	for _, r := range rows {
		switch {
		case l.has(&r.Row):
			in = append(in, &r.Row)
		case l.shown[r.ID] > 0 || r.told != nil && l.has(r.told):
			gone = append(gone, r.ID)
		}
	}
	if len(in) == 0 && len(gone) == 0 {
		return
	}
	l.sort(in)
	first := in[:min(len(in), frameRows)]
	shared := rowsFrame(first, gone, len(in) > len(first), pos)
	if len(in) == len(first) {
		for s := range l.screens {
			s.Send(shared)
		}
		return
	}
	rest := make(map[string]*Row, len(in)-len(first))
	for _, r := range in[len(first):] {
		rest[r.ID] = r
	}
	for s := range l.screens {
		own := first
		for _, id := range s.ids {
			if r := rest[id]; r != nil {
				own = append(own[:len(own):len(own)], r)
			}
		}
		if len(own) == len(first) {
			s.Send(shared)
		} else {
			s.Send(rowsFrame(own, gone, true, pos))
		}
	}
}

// sort puts first what stands first in the list.
func (l *list) sort(rows []*Row) {
	slices.SortFunc(rows, func(a, b *Row) int {
		if l.view.Name == "queue" {
			return int(min(max(a.QueuedAt-b.QueuedAt, -1), 1))
		}
		return int(min(max(b.UpdatedAt-a.UpdatedAt, -1), 1))
	})
}

func rowsFrame(rows []*Row, gone []string, more bool, pos int64) []byte {
	size := 128 + 40*len(gone)
	for _, r := range rows {
		size += len(r.JSON) + 1
	}
	out := append(make([]byte, 0, size), `{"type":"conversations","items":[`...)
	for i, r := range rows {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(out, r.JSON...)
	}
	out = append(out, `],"gone":[`...)
	for i, id := range gone {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(out, strconv.Quote(id)...)
	}
	out = append(out, ']')
	if more {
		out = append(out, `,"more":true`...)
	}
	return cursor(out, pos)
}

// cursor ends a frame with the position it reaches.
func cursor(out []byte, pos int64) []byte {
	out = strconv.AppendInt(append(out, `,"cursor":`...), pos, 10)
	return append(out, '}')
}

// reset has every screen load its list anew.
func (fl *floor) reset(pos int64) {
	clear(fl.recent)
	fl.order = nil
	fl.recount = true
	frame := resetFrame(pos)
	for s := range fl.screens {
		s.Send(frame)
	}
}

func resetFrame(pos int64) []byte { return cursor([]byte(`{"type":"reset"`), pos) }

// notices tells of what concerns somebody now. What was only true for a moment is not told.
func (fl *floor) notices(rows []Row, changes map[string][]Change) {
	queued := 0
	for i := range rows {
		r := &rows[i]
		former := fl.recent[r.ID]
		for _, c := range changes[r.ID] {
			switch {
			case c.To == "queue" && r.Owner == "queue":
				if queued++; queued <= queuedMax { // the counts tell of the others
					fl.notice("queued", r, c.At, func(s *Screen) bool { return s.Handle })
				}
			case c.To == "agent" && r.Owner == "agent":
				fl.notice("assigned", r, c.At, func(s *Screen) bool { return s.Staff == r.Agent && c.Actor != "staff:"+s.Staff })
				if former != nil && former.told != nil && former.told.Owner == "agent" && former.told.Agent != r.Agent {
					had := former.told.Agent
					fl.notice("taken", r, c.At, func(s *Screen) bool { return s.Staff == had && c.Actor != "staff:"+s.Staff })
				}
			case c.Asked && r.Owner == "agent":
				fl.notice("message", r, c.At, func(s *Screen) bool { return s.Staff == r.Agent })
			}
		}
	}
}

// queuedMax is how many of those who begin to wait at the same time everybody hears of.
const queuedMax = 3

func (fl *floor) notice(kind string, r *Row, at int64, to func(s *Screen) bool) {
	var frame []byte
	for s := range fl.screens {
		if !to(s) {
			continue
		}
		if frame == nil {
			frame = append([]byte(`{"type":"notice","kind":"`+kind+`","at":`+strconv.FormatInt(at, 10)+`,"conversation":`), r.JSON...)
			frame = append(frame, '}')
		}
		s.Send(frame)
	}
}

// Counts are open conversations.
type Counts struct {
	Mine  int `json:"mine"`
	Queue int `json:"queue"`
	Bot   int `json:"bot"`
	All   int `json:"all"`
}

func (fl *floor) countsFor(s *Screen) (n Counts) {
	for _, o := range fl.open {
		if s.view.Site != "" && o.Site != s.view.Site {
			continue
		}
		n.All += o.Count
		switch o.Owner {
		case "queue":
			n.Queue += o.Count
		case "bot":
			n.Bot += o.Count
		case "agent":
			if o.Agent == s.Staff {
				n.Mine += o.Count
			}
		}
	}
	return n
}

// tellCounts tells those for whom a count has changed.
func (fl *floor) tellCounts(pos int64) {
	for s := range fl.screens {
		fl.tellCount(s, pos)
	}
}

func (fl *floor) tellCount(s *Screen, pos int64) {
	body, err := json.Marshal(fl.countsFor(s))
	if err != nil || string(body) == s.counts {
		return
	}
	s.counts = string(body)
	s.Send(cursor(append([]byte(`{"type":"conversations","counts":`), body...), pos))
}

// tell gives one screen what changed of its list.
func (l *list) tell(s *Screen, rows []*remembered, pos int64) {
	var in []*Row
	var gone []string
	for _, r := range rows {
		if l.has(&r.Row) {
			in = append(in, &r.Row)
		} else {
			gone = append(gone, r.ID)
		}
	}
	if len(in)+len(gone) > 0 {
		l.sort(in)
		s.Send(rowsFrame(in, gone, false, pos))
	}
}

func (fl *floor) show(s *Screen, v View, ids []string) {
	s.view, s.ids = v, ids
	if !slices.Contains(views, v.Name) {
		return
	}
	key := listKey{view: v}
	if v.Name == "mine" {
		key.staff = s.Staff
	}
	l := fl.lists[key]
	if l == nil {
		l = &list{view: v, staff: key.staff, screens: map[*Screen]struct{}{}, shown: map[string]int{}}
		fl.lists[key] = l
	}
	s.list = l
	l.screens[s] = struct{}{}
	for _, id := range ids {
		l.shown[id]++
	}
}

func (fl *floor) leave(s *Screen) {
	l := s.list
	if l == nil {
		return
	}
	delete(l.screens, s)
	for _, id := range s.ids {
		if l.shown[id]--; l.shown[id] == 0 {
			delete(l.shown, id)
		}
	}
	if len(l.screens) == 0 {
		delete(fl.lists, listKey{l.view, l.staff})
	}
	s.list, s.ids = nil, nil
}

func (fl *floor) shut(s *Screen, id string) {
	delete(s.opened, id)
	if delete(fl.opened[id], s); len(fl.opened[id]) == 0 {
		delete(fl.opened, id)
	}
}
