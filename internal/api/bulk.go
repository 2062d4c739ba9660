package api

import (
	"context"
	"encoding/base64"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"frontdesk"
	"frontdesk/internal/auth"
	"frontdesk/internal/dialogue/knowledge"
)

// EntryFilter says which entries.
type EntryFilter struct {
	Q        string `query:"q" json:"q,omitempty" maxLength:"200" doc:"In the question, another wording, the answer or the id"`
	Category string `query:"category" json:"category,omitempty" maxLength:"100"`
	Lang     string `query:"lang" json:"lang,omitempty" maxLength:"35"`
	Validity string `query:"validity" json:"validity,omitempty" enum:"now,later,over,dated" doc:"How they stand to their dates; dated: have any"`
	Archived bool   `query:"archived" json:"archived,omitempty" doc:"Those that were taken away, as they were last"`
	Unused   bool   `query:"unused" json:"unused,omitempty" doc:"Those that answered nobody in 30 days"`
}

func (f EntryFilter) filter() knowledge.Filter {
	return knowledge.Filter{Text: f.Q, Category: f.Category, Lang: f.Lang, Validity: knowledge.Validity(f.Validity), Archived: f.Archived}
}

type bulkInput struct {
	OfBot
	Body struct {
		IDs       []string     `json:"ids,omitempty" maxItems:"20000" doc:"Which; absent: those of filter"`
		Filter    *EntryFilter `json:"filter,omitempty"`
		Action    string       `json:"action" enum:"archive,restore,category,validity"`
		Category  string       `json:"category,omitempty" maxLength:"100"`
		ValidFrom string       `json:"valid_from,omitempty" maxLength:"40" doc:"RFC 3339 time or YYYY-MM-DD"`
		ValidTo   string       `json:"valid_to,omitempty" maxLength:"40" doc:"The first moment no longer valid; a day counts to its end"`
		Zone      string       `json:"zone,omitempty" maxLength:"60" doc:"IANA zone of days; absent: UTC"`
		DryRun    bool         `json:"dry_run,omitempty"`
	}
}

// CategoryCount is a category with its entries.
type CategoryCount struct {
	Category string `json:"category"`
	Entries  int    `json:"entries"`
}

func (s *server) bulkRoutes() {
	handle(s, Route{Method: http.MethodPost, Path: "/v1/knowledge/bulk", Name: "bulk-entries", Need: auth.KnowledgeWrite, Group: "knowledge", Once: true, Limit: 4 << 20,
		Doc: "Archive, restore or change many entries as one release", DocZH: "批量归档、恢复、改分类或有效期"}, s.bulk)
	handle(s, Route{Method: http.MethodGet, Path: "/v1/knowledge/categories", Name: "list-categories", Need: auth.KnowledgeRead, Group: "knowledge",
		Doc: "The categories with how many entries each has", DocZH: "分类及条目数"},
		func(ctx context.Context, in *OfBot) (*body[Page[CategoryCount]], error) {
			if s.Knowledge == nil {
				return nil, absent("knowledge")
			}
			counts, err := s.Knowledge.Categories(ctx, frontdesk.ActorFrom(ctx).Tenant, in.Bot)
			items := make([]CategoryCount, 0, len(counts))
			for c, n := range counts {
				items = append(items, CategoryCount{c, n})
			}
			slices.SortFunc(items, func(a, b CategoryCount) int { return strings.Compare(a.Category, b.Category) })
			return page(items, ""), err
		})
}

func (s *server) bulk(ctx context.Context, in *bulkInput) (*body[knowledge.BulkReport], error) {
	if s.Knowledge == nil {
		return nil, absent("knowledge")
	}
	b := knowledge.Bulk{IDs: in.Body.IDs, Action: knowledge.BulkAction(in.Body.Action), Category: in.Body.Category, DryRun: in.Body.DryRun}
	tenant := frontdesk.ActorFrom(ctx).Tenant
	var err error
	zone := in.Body.Zone
	if zone == "" {
		zone = "UTC"
	}
	if in.Body.ValidFrom != "" {
		if b.ValidFrom, err = readTimeIn("valid_from", in.Body.ValidFrom, zone, false); err != nil {
			return nil, err
		}
	}
	if in.Body.ValidTo != "" {
		if b.ValidTo, err = readTimeIn("valid_to", in.Body.ValidTo, zone, true); err != nil {
			return nil, err
		}
	}
	switch {
	case b.IDs == nil && in.Body.Filter == nil:
		return nil, frontdesk.InvalidField("ids", "Say which entries, by ids or by a filter.") // not all of them by a slip
	case b.IDs != nil && in.Body.Filter != nil:
		return nil, frontdesk.InvalidField("filter", "Say which entries by ids or by a filter, not both.")
	case b.IDs == nil:
		b.Filter = in.Body.Filter.filter()
		if in.Body.Filter.Unused {
			b.Filter.Archived = b.Action == knowledge.BulkRestore
			if b.IDs, _, err = s.byHits(ctx, tenant, in.Bot, b.Filter, true, "hits"); err != nil {
				return nil, err
			}
		}
	}
	report, err := s.Knowledge.Bulk(ctx, tenant, in.Bot, b)
	return &body[knowledge.BulkReport]{report}, err
}

// byHits returns the ids of a filter's entries in the order of how often they answered, and how often.
func (s *server) byHits(ctx context.Context, tenant, bot string, f knowledge.Filter, unused bool, sort string) (ids []string, hits map[string]int64, err error) {
	if ids, err = s.Knowledge.IDs(ctx, tenant, bot, f); err != nil {
		return nil, nil, err
	}
	if s.Figures == nil {
		return nil, nil, absent("figures")
	}
	if hits, err = s.Figures.Hits(ctx, tenant, nil); err != nil {
		return nil, nil, err
	}
	if unused {
		ids = slices.DeleteFunc(ids, func(id string) bool { return hits[id] > 0 })
	}
	slices.SortStableFunc(ids, func(a, b string) int { return int(hits[a] - hits[b]) }) // those of one number by id
	if sort == "-hits" {
		slices.Reverse(ids)
	}
	return ids, hits, nil
}

// listEntries is the list of knowledge with how often each entry answered.
func (s *server) listEntries(ctx context.Context, in *listEntriesInput) (*body[Page[Entry]], error) {
	if s.Knowledge == nil {
		return nil, absent("knowledge")
	}
	tenant := frontdesk.ActorFrom(ctx).Tenant
	f := in.filter()
	f.Sort, f.Cursor, f.Limit = in.Sort, in.Cursor, in.Limit
	var list []knowledge.Stored
	var next string
	var err error
	hits := map[string]int64{}
	if in.Unused || in.Sort == "hits" || in.Sort == "-hits" {
		var ids []string
		if ids, hits, err = s.byHits(ctx, tenant, in.Bot, f, in.Unused, in.Sort); err != nil {
			return nil, err
		}
		from := 0
		if in.Cursor != "" {
			b, err := base64.RawURLEncoding.DecodeString(in.Cursor)
			if from, err = after(ids, string(b), err); err != nil {
				return nil, err
			}
		}
		ids = ids[from:]
		if len(ids) > in.Limit {
			ids = ids[:in.Limit]
			next = base64.RawURLEncoding.EncodeToString([]byte(strconv.Itoa(from+in.Limit) + " " + ids[in.Limit-1]))
		}
		list, err = s.Knowledge.Some(ctx, tenant, in.Bot, ids, in.Archived)
	} else {
		list, next, err = s.Knowledge.List(ctx, tenant, in.Bot, f)
		if err == nil && s.Figures != nil && len(list) > 0 {
			ids := make([]string, len(list))
			for i, e := range list {
				ids[i] = e.ID
			}
			hits, err = s.Figures.Hits(ctx, tenant, ids)
		}
	}
	items := make([]Entry, 0, len(list))
	for _, e := range list {
		show := showEntry(e)
		show.Hits = hits[e.ID]
		items = append(items, show)
	}
	return page(items, next), err
}

// after finds where a list goes on: after the entry that was last, wherever it stands now, else at the place it had.
func after(ids []string, cursor string, err error) (int, error) {
	place, id, ok := strings.Cut(cursor, " ")
	n, e := strconv.Atoi(place)
	if err != nil || !ok || e != nil || n < 0 {
		return 0, frontdesk.InvalidField("cursor", "This is not a cursor of this list.")
	}
	if i := slices.Index(ids, id); i >= 0 {
		return i + 1, nil
	}
	return min(n, len(ids)), nil
}

// base is what a change of an entry stands on: the version of If-Match, else the hash. An entry that is another by now is
// a Conflict that says who made it so, and when.
func (s *server) base(ctx context.Context, in *putEntryInput, now knowledge.Stored) (hash string, err error) {
	if in.IfMatch == "" || in.IfMatch == "*" {
		return in.IfHash, nil
	}
	version, err := strconv.ParseInt(strings.Trim(strings.TrimPrefix(in.IfMatch, "W/"), `"`), 10, 64)
	if err != nil {
		return "", frontdesk.InvalidField("If-Match", "A version is the number that the entry was shown with.")
	}
	if now.Release != version {
		return "", &knowledge.ChangedError{Entries: []knowledge.Change{{ID: now.ID, Question: now.Question, By: now.ChangedBy, At: now.ChangedAt, Version: now.Release}}}
	}
	return now.Hash, nil // between here and the change, the hash holds it
}
