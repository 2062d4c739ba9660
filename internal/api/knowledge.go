package api

import (
	"bytes"
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"frontdesk"
	"frontdesk/internal/auth"
	"frontdesk/internal/dialogue/knowledge"
)

// EntryInput is what can be set of an entry. Fields that only the server sets are taken and passed over, so that what was
// read can be sent back.
type EntryInput struct {
	_         struct{} `json:"-" additionalProperties:"true"`
	Question  string   `json:"question" minLength:"1" maxLength:"1000"`
	Similar   []string `json:"similar,omitempty" maxItems:"200" doc:"Other ways to ask it"`
	Negative  []string `json:"negative,omitempty" maxItems:"200" doc:"Near questions that it does not answer"`
	Answer    string   `json:"answer" minLength:"1" maxLength:"20000"`
	Lang      string   `json:"lang,omitempty" maxLength:"35" doc:"Primary tag such as zh or en; guessed if absent"`
	Category  string   `json:"category,omitempty" maxLength:"100"`
	ValidFrom string   `json:"valid_from,omitempty" maxLength:"40" doc:"RFC 3339 time or YYYY-MM-DD"`
	ValidTo   string   `json:"valid_to,omitempty" maxLength:"40" doc:"The first moment it is no longer valid"`
}

// Entry is a question the bot can answer.
type Entry struct {
	ID        string   `json:"id"`
	Question  string   `json:"question"`
	Similar   []string `json:"similar"`
	Negative  []string `json:"negative"`
	Answer    string   `json:"answer"`
	Lang      string   `json:"lang"`
	Category  string   `json:"category"`
	ValidFrom string   `json:"valid_from,omitempty"`
	ValidTo   string   `json:"valid_to,omitempty"`
	Hash      string   `json:"hash" doc:"Of the content: pass it as if_hash to be told of a change in between"`
	Release   int64    `json:"release" doc:"That made it what it is"`
	Version   int64    `json:"version" doc:"For If-Match of a change"`
	Hits      int64    `json:"hits" doc:"Questions it answered in 30 days; in lists"`
	ChangedAt int64    `json:"changed_at"`
	ChangedBy string   `json:"changed_by"`
}

func showEntry(e knowledge.Stored) Entry {
	out := Entry{ID: e.ID, Question: e.Question, Similar: e.Similar, Negative: e.Negative, Answer: e.Answer, Lang: e.Lang, Category: e.Category,
		ValidFrom: showTime(e.ValidFrom), ValidTo: showTime(e.ValidTo), Hash: e.Hash, Release: e.Release, Version: e.Release, ChangedAt: e.ChangedAt, ChangedBy: e.ChangedBy}
	if out.Similar == nil {
		out.Similar = []string{}
	}
	if out.Negative == nil {
		out.Negative = []string{}
	}
	return out
}

func showTime(us int64) string {
	if us == 0 {
		return ""
	}
	return frontdesk.FromMicros(us).Format(time.RFC3339)
}

func readTime(field, s string) (int64, error) {
	if s == "" {
		return 0, nil
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(layout, s); err == nil && t.Year() >= 1970 {
			return max(frontdesk.Micros(t), 1), nil
		}
	}
	return 0, frontdesk.InvalidField(field, "A time is written as RFC 3339 or YYYY-MM-DD.")
}

func (in EntryInput) entry(id string) (e knowledge.Entry, err error) {
	e = knowledge.Entry{ID: id, Question: in.Question, Similar: in.Similar, Negative: in.Negative, Answer: in.Answer, Lang: in.Lang, Category: in.Category}
	if e.ValidFrom, err = readTime("valid_from", in.ValidFrom); err != nil {
		return e, err
	}
	e.ValidTo, err = readTime("valid_to", in.ValidTo)
	return e, err
}

// OfBot is embedded where a bot is chosen.
type OfBot struct {
	Bot string `query:"bot" default:"default" pattern:"^[A-Za-z0-9_-]{1,64}$"`
}

type listEntriesInput struct {
	OfBot
	EntryFilter
	Sort string `query:"sort" enum:"-changed,changed,question,-hits,hits,category,valid_to" default:"-changed"`
	Paging
}

// NewEntry is an entry to be made.
type NewEntry struct {
	_  struct{} `json:"-" additionalProperties:"true"`
	ID string   `json:"id,omitempty" maxLength:"100" doc:"Absent: made of the question. Taken already: a Conflict"`
	EntryInput
}

type createEntryInput struct {
	OfBot
	Body NewEntry
}

// EntryPath names an entry.
type EntryPath struct {
	OfBot
	ByID
}

type putEntryInput struct {
	EntryPath
	IfMatch string `header:"If-Match" maxLength:"100" doc:"Replace only this version; else a Conflict that says who was faster, and when"`
	IfHash  string `query:"if_hash" maxLength:"100" doc:"Replace only what still has this hash"`
	Body    EntryInput
}

type importInput struct {
	OfBot
	Format  string `query:"format" enum:"csv,xlsx,jsonl" doc:"Absent: the bytes tell"`
	DryRun  bool   `query:"dry_run" doc:"Report what would happen and change nothing"`
	RawBody []byte `contentType:"application/octet-stream"`
}

type exportInput struct {
	OfBot
	Format  string `query:"format" enum:"csv,xlsx,jsonl" default:"csv"`
	Release int64  `query:"release" minimum:"0" maximum:"1000000000000" doc:"0 or absent: the newest"`
}

type testInput struct {
	OfBot
	Body struct {
		Text string `json:"text" minLength:"1" maxLength:"2000"`
		Lang string `json:"lang,omitempty" maxLength:"35"`
	}
}

// HitTest says what the bot's knowledge makes of a question, by the function that live answers come from.
type HitTest struct {
	Kind       string         `json:"kind" enum:"answer,clarify,abstain"`
	Text       string         `json:"text" doc:"The answer, if it would give one"`
	Confidence float64        `json:"confidence" minimum:"0" maximum:"1"`
	Threshold  float64        `json:"threshold"`
	Release    int64          `json:"release"`
	Candidates []HitCandidate `json:"candidates"`
}

// HitCandidate is an entry that may answer.
type HitCandidate struct {
	ID       string             `json:"id"`
	Question string             `json:"question"`
	Wording  string             `json:"wording" doc:"The nearest of its wordings"`
	Score    float64            `json:"score" doc:"Probability that it answers the question"`
	Features map[string]float64 `json:"features,omitempty"`
	Vetoed   bool               `json:"vetoed,omitempty" doc:"One of its negative wordings is nearer"`
}

type releasesInput struct {
	OfBot
	Before int64 `query:"before" minimum:"0" doc:"Number of the last release you have"`
	Limit  int   `query:"limit" minimum:"1" maximum:"200" default:"50"`
}

type rollbackInput struct {
	OfBot
	Number int64 `path:"number" minimum:"0" maximum:"1000000000000"`
}

type releaseNumber struct {
	Release int64 `json:"release"`
}

func (s *server) knowledgeRoutes() {
	handle(s, Route{Method: http.MethodGet, Path: "/v1/knowledge", Name: "list-knowledge", Need: auth.KnowledgeRead, Group: "knowledge",
		Doc: "What the bot knows, with how often each entry answered", DocZH: "知识列表，含近 30 天命中数"}, s.listEntries)
	handle(s, Route{Method: http.MethodPost, Path: "/v1/knowledge", Name: "create-entry", Need: auth.KnowledgeWrite, Group: "knowledge", Status: 201, Once: true,
		Doc: "Add an entry; the bot answers by it within a second", DocZH: "新增知识，一秒内生效"},
		func(ctx context.Context, in *createEntryInput) (*body[Entry], error) {
			if s.Knowledge == nil {
				return nil, absent("knowledge")
			}
			e, err := in.Body.entry(in.Body.ID)
			if err != nil {
				return nil, err
			}
			stored, err := s.Knowledge.Add(ctx, frontdesk.ActorFrom(ctx).Tenant, in.Bot, e)
			return &body[Entry]{showEntry(stored)}, err
		})
	handle(s, Route{Method: http.MethodGet, Path: "/v1/knowledge/{id}", Name: "get-entry", Need: auth.KnowledgeRead, Group: "knowledge",
		Doc: "One entry", DocZH: "知识详情"},
		func(ctx context.Context, in *EntryPath) (*body[Entry], error) {
			if s.Knowledge == nil {
				return nil, absent("knowledge")
			}
			e, err := s.Knowledge.Get(ctx, frontdesk.ActorFrom(ctx).Tenant, in.Bot, in.ID)
			return &body[Entry]{showEntry(e)}, err
		})
	handle(s, Route{Method: http.MethodPut, Path: "/v1/knowledge/{id}", Name: "put-entry", Need: auth.KnowledgeWrite, Group: "knowledge",
		Doc: "Replace an entry", DocZH: "更新知识"},
		func(ctx context.Context, in *putEntryInput) (*body[Entry], error) {
			if s.Knowledge == nil {
				return nil, absent("knowledge")
			}
			// An id that is not there is an address that is not there; making entries is POST's.
			now, err := s.Knowledge.Get(ctx, frontdesk.ActorFrom(ctx).Tenant, in.Bot, in.ID)
			if err != nil {
				return nil, err
			}
			hash, err := s.base(ctx, in, now)
			if err != nil {
				return nil, err
			}
			return s.putEntry(ctx, in.Bot, in.ID, in.Body, hash)
		})
	handle(s, Route{Method: http.MethodDelete, Path: "/v1/knowledge/{id}", Name: "delete-entry", Need: auth.KnowledgeWrite, Group: "knowledge", Status: 204,
		Doc: "Take an entry away; older releases keep it", DocZH: "删除知识"},
		func(ctx context.Context, in *EntryPath) (*none, error) {
			if s.Knowledge == nil {
				return nil, absent("knowledge")
			}
			return nil, s.Knowledge.Delete(ctx, frontdesk.ActorFrom(ctx).Tenant, in.Bot, in.ID)
		})
	handle(s, Route{Method: http.MethodPost, Path: "/v1/knowledge/import", Name: "import-knowledge", Need: auth.KnowledgeWrite, Group: "knowledge", Limit: knowledge.MaxFileBytes, Once: true,
		Doc: "Import a file of entries (CSV, XLSX or JSON lines) with a reason for each row that fails", DocZH: "导入知识文件，逐行报告问题"},
		func(ctx context.Context, in *importInput) (*body[knowledge.Report], error) {
			if s.Knowledge == nil {
				return nil, absent("knowledge")
			}
			report, err := s.Knowledge.Import(ctx, knowledge.ImportOptions{Tenant: frontdesk.ActorFrom(ctx).Tenant, Bot: in.Bot,
				Format: knowledge.Format(in.Format), Reader: bytes.NewReader(in.RawBody), DryRun: in.DryRun})
			return &body[knowledge.Report]{report}, err
		})
	handle(s, Route{Method: http.MethodGet, Path: "/v1/knowledge/export", Name: "export-knowledge", Need: auth.KnowledgeRead, Group: "knowledge",
		Doc: "All entries as a file that import reads back", DocZH: "导出知识"}, s.exportKnowledge)
	handle(s, Route{Method: http.MethodPost, Path: "/v1/knowledge/test", Name: "test-knowledge", Need: auth.KnowledgeRead, Group: "knowledge",
		Doc: "Hit test: what the bot's knowledge makes of a question", DocZH: "命中测试"}, s.testKnowledge)
	handle(s, Route{Method: http.MethodGet, Path: "/v1/knowledge/releases", Name: "list-releases", Need: auth.KnowledgeRead, Group: "knowledge",
		Doc: "What was changed when and by whom, the newest first", DocZH: "知识版本历史"},
		func(ctx context.Context, in *releasesInput) (*body[Page[knowledge.Published]], error) {
			if s.Knowledge == nil {
				return nil, absent("knowledge")
			}
			list, err := s.Knowledge.Releases(ctx, frontdesk.ActorFrom(ctx).Tenant, in.Bot, in.Before, in.Limit)
			return page(list, ""), err
		})
	handle(s, Route{Method: http.MethodPost, Path: "/v1/knowledge/releases/{number}/rollback", Name: "roll-back", Need: auth.KnowledgeWrite, Group: "knowledge", Once: true,
		Doc: "Publish the content of an older release again", DocZH: "回滚到历史版本"},
		func(ctx context.Context, in *rollbackInput) (*body[releaseNumber], error) {
			if s.Knowledge == nil {
				return nil, absent("knowledge")
			}
			n, err := s.Knowledge.Rollback(ctx, frontdesk.ActorFrom(ctx).Tenant, in.Bot, in.Number)
			return &body[releaseNumber]{releaseNumber{n}}, err
		})
}

func (s *server) putEntry(ctx context.Context, bot, id string, in EntryInput, ifHash string) (*body[Entry], error) {
	if s.Knowledge == nil {
		return nil, absent("knowledge")
	}
	e, err := in.entry(id)
	if err != nil {
		return nil, err
	}
	stored, err := s.Knowledge.Put(ctx, frontdesk.ActorFrom(ctx).Tenant, bot, e, ifHash)
	return &body[Entry]{showEntry(stored)}, err
}

var exportTypes = map[knowledge.Format]string{
	knowledge.CSV:   "text/csv; charset=utf-8",
	knowledge.XLSX:  "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
	knowledge.JSONL: "application/jsonl",
}

func (s *server) exportKnowledge(ctx context.Context, in *exportInput) (*rawAnswer, error) {
	if s.Knowledge == nil {
		return nil, absent("knowledge")
	}
	tenant, format := frontdesk.ActorFrom(ctx).Tenant, knowledge.Format(in.Format)
	if in.Release > 0 { // looked for first: once bytes are out, it is too late to say that there is none
		found, err := s.Knowledge.Releases(ctx, tenant, in.Bot, in.Release+1, 1)
		if err != nil {
			return nil, err
		}
		if len(found) == 0 || found[0].Number != in.Release {
			return nil, frontdesk.Errorf(frontdesk.NotFound, "There is no such release.")
		}
	}
	return &rawAnswer{func(hc huma.Context) {
		hc.SetHeader("Content-Type", exportTypes[format])
		hc.SetHeader("Content-Disposition", `attachment; filename="knowledge.`+in.Format+`"`)
		hc.SetStatus(http.StatusOK)
		if _, err := s.Knowledge.Export(ctx, tenant, in.Bot, in.Release, format, hc.BodyWriter()); err != nil && ctx.Err() == nil {
			s.Log.ErrorContext(ctx, "export broke off", "request_id", requestID(ctx), "error", err)
			panic(http.ErrAbortHandler) // a file that is not whole must not look whole
		}
	}}, nil
}

func (s *server) testKnowledge(ctx context.Context, in *testInput) (*body[HitTest], error) {
	if s.Knowledge == nil {
		return nil, absent("knowledge")
	}
	if strings.TrimSpace(in.Body.Text) == "" {
		return nil, frontdesk.InvalidField("text", "A question says something.")
	}
	release, err := s.Knowledge.Latest(ctx, frontdesk.ActorFrom(ctx).Tenant, in.Bot)
	if err != nil {
		return nil, err
	}
	out := HitTest{Kind: string(knowledge.Abstain), Release: release.Number, Candidates: []HitCandidate{}}
	if release.Index == nil {
		return &body[HitTest]{out}, nil
	}
	r := release.Index.Search(knowledge.Query{Text: in.Body.Text, Lang: in.Body.Lang, Now: frontdesk.Micros(s.DB.Now()), K: 10})
	out.Kind, out.Confidence, out.Threshold = string(r.Decision), r.Answerable, r.Threshold
	for _, c := range r.Candidates {
		out.Candidates = append(out.Candidates, HitCandidate{c.Entry.ID, c.Entry.Question, c.Wording, c.Score, c.Features.Named(), c.Vetoed})
	}
	if r.Decision == knowledge.Answer && len(r.Candidates) > 0 {
		out.Text = r.Candidates[0].Entry.Answer
	}
	return &body[HitTest]{out}, nil
}
