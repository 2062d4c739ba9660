package api

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"time"

	"frontdesk"
	"frontdesk/internal/auth"
	"frontdesk/internal/dialogue/knowledge"
)

// Import is an import of knowledge as a job.
type Import struct {
	ID        string              `json:"id"`
	Bot       string              `json:"bot"`
	Name      string              `json:"name" doc:"Of the file"`
	Status    string              `json:"status" enum:"waiting,running,done,failed,undone"`
	DryRun    bool                `json:"dry_run"`
	Total     int64               `json:"total" doc:"Rows; 0 until the file was read"`
	Done      int64               `json:"done"`
	Read      int                 `json:"read" doc:"added + changed + skipped + failed, once it is done"`
	Added     int                 `json:"added"`
	Changed   int                 `json:"changed"`
	Skipped   int                 `json:"skipped" doc:"There already, under this id or with the same content under another"`
	Failed    int                 `json:"failed"`
	Problems  []knowledge.Problem `json:"problems" doc:"By row, the first thousand; not in lists"`
	Error     string              `json:"error,omitempty" doc:"Why the file as a whole could not be imported"`
	Release   int64               `json:"release,omitempty" doc:"That it made"`
	Actor     string              `json:"actor" doc:"kind:id of who asked for it"`
	ActorName string              `json:"actor_name,omitempty"`
	CreatedAt int64               `json:"created_at"`
	DoneAt    int64               `json:"done_at,omitempty"`
	UndoneAt  int64               `json:"undone_at,omitempty"`
}

func (s *server) showImport(ctx context.Context, j knowledge.Job) Import {
	out := Import{ID: j.ID, Bot: j.Bot, Name: j.Name, Status: j.Status, DryRun: j.DryRun, Total: j.Total, Done: j.Done, Read: j.Read, Added: j.Added, Changed: j.Changed,
		Skipped: j.Skipped, Failed: j.Failed, Problems: j.Problems, Error: j.Error, Release: j.Release, Actor: j.Actor, ActorName: s.nameOf(ctx, j.Actor),
		CreatedAt: j.CreatedAt, DoneAt: j.DoneAt, UndoneAt: j.UndoneAt}
	if out.Problems == nil {
		out.Problems = []knowledge.Problem{}
	}
	return out
}

type columnsInput struct {
	Format  string `query:"format" enum:"csv,xlsx,jsonl" doc:"Absent: the bytes tell"`
	RawBody []byte `contentType:"application/octet-stream"`
}

type startImportInput struct {
	OfBot
	Format  string `query:"format" enum:"csv,xlsx,jsonl" doc:"Absent: the name or the bytes tell"`
	Name    string `query:"name" maxLength:"200" doc:"Of the file, to tell imports apart"`
	Zone    string `query:"zone" maxLength:"60" default:"UTC" doc:"IANA zone of dates without one"`
	Mapping string `query:"mapping" maxLength:"6000" doc:"JSON: field to the name of its column, or a list of names; absent: the columns' names tell"`
	DryRun  bool   `query:"dry_run" doc:"Report what would happen and change nothing"`
	RawBody []byte `contentType:"application/octet-stream"`
}

type listImportsInput struct {
	OfBot
	Paging
}

func (s *server) importRoutes() {
	handle(s, Route{Method: http.MethodPost, Path: "/v1/imports/columns", Name: "look-at-columns", Need: auth.KnowledgeWrite, Group: "knowledge", Limit: knowledge.MaxFileBytes, Once: true,
		Doc: "The columns of a file, with a guess what they hold; nothing is kept", DocZH: "预览导入文件的列并猜测对应字段"},
		func(ctx context.Context, in *columnsInput) (*body[knowledge.Columns], error) {
			c, err := knowledge.Look(bytes.NewReader(in.RawBody), knowledge.Format(in.Format))
			return &body[knowledge.Columns]{c}, err
		})
	handle(s, Route{Method: http.MethodPost, Path: "/v1/imports", Name: "start-import", Need: auth.KnowledgeWrite, Group: "knowledge", Limit: knowledge.MaxFileBytes, Status: 202, Once: true,
		Doc: "Import a file of entries as a job, which a restart does not lose", DocZH: "以后台任务导入知识，重启不丢失"}, s.startImport)
	handle(s, Route{Method: http.MethodGet, Path: "/v1/imports", Name: "list-imports", Need: auth.KnowledgeRead, Group: "knowledge",
		Doc: "Imports, the newest first", DocZH: "导入记录"},
		func(ctx context.Context, in *listImportsInput) (*body[Page[Import]], error) {
			if s.Knowledge == nil {
				return nil, absent("knowledge")
			}
			list, err := s.Knowledge.Jobs(ctx, frontdesk.ActorFrom(ctx).Tenant, in.Bot, in.Cursor, in.Limit+1)
			return pageByID(list, in.Limit, func(j knowledge.Job) string { return j.ID }, func(j knowledge.Job) Import { return s.showImport(ctx, j) }), err
		})
	handle(s, Route{Method: http.MethodGet, Path: "/v1/imports/{id}", Name: "get-import", Need: auth.KnowledgeRead, Group: "knowledge",
		Doc: "One import: how far it is, and the reason of each row that failed", DocZH: "导入进度与逐行原因"},
		func(ctx context.Context, in *ByID) (*body[Import], error) {
			if s.Knowledge == nil {
				return nil, absent("knowledge")
			}
			j, err := s.Knowledge.Job(ctx, frontdesk.ActorFrom(ctx).Tenant, in.ID)
			if err != nil {
				return nil, err
			}
			return &body[Import]{s.showImport(ctx, j)}, nil
		})
	handle(s, Route{Method: http.MethodPost, Path: "/v1/imports/{id}/undo", Name: "undo-import", Need: auth.KnowledgeWrite, Group: "knowledge", Once: true,
		Doc: "Make what an import changed what it was before; refused, with their names, if entries were edited since", DocZH: "撤销导入；其后被编辑过的条目会列出并拒绝"},
		func(ctx context.Context, in *ByID) (*body[Import], error) {
			if s.Knowledge == nil {
				return nil, absent("knowledge")
			}
			j, err := s.Knowledge.UndoImport(ctx, frontdesk.ActorFrom(ctx).Tenant, in.ID)
			if err != nil {
				return nil, err
			}
			return &body[Import]{s.showImport(ctx, j)}, nil
		})
}

func (s *server) startImport(ctx context.Context, in *startImportInput) (*body[Import], error) {
	if s.Knowledge == nil {
		return nil, absent("knowledge")
	}
	mapping, err := readMapping(in.Mapping)
	if err != nil {
		return nil, err
	}
	j, err := s.Knowledge.StartImport(ctx, frontdesk.ActorFrom(ctx).Tenant, knowledge.JobOptions{Bot: in.Bot, Name: in.Name, Zone: in.Zone,
		Format: knowledge.Format(in.Format), Mapping: mapping, DryRun: in.DryRun, File: in.RawBody})
	if err != nil {
		return nil, err
	}
	return &body[Import]{s.showImport(ctx, j)}, nil
}

// readMapping takes {"question":"Column","similar":["A","B"]}.
func readMapping(text string) (knowledge.Mapping, error) {
	if text == "" {
		return nil, nil
	}
	var raw map[string]json.RawMessage
	wrong := frontdesk.InvalidField("mapping", `A mapping is JSON such as {"question":"Question","similar":["Also asked","Synonyms"]}.`)
	if json.Unmarshal([]byte(text), &raw) != nil {
		return nil, wrong
	}
	out := knowledge.Mapping{}
	for field, value := range raw {
		var one string
		var many []string
		switch {
		case json.Unmarshal(value, &one) == nil:
			if one != "" {
				many = []string{one}
			}
		case json.Unmarshal(value, &many) != nil:
			return nil, wrong
		}
		if len(many) > 0 {
			out[field] = many
		}
	}
	return out, nil
}

// nameOf is the name of a member of staff, empty for other parties and for those who are gone.
func (s *server) nameOf(ctx context.Context, actor string) string {
	if len(actor) > 6 && actor[:6] == "staff:" {
		if m, err := s.Auth.Staff(ctx, frontdesk.ActorFrom(ctx).Tenant, actor[6:]); err == nil {
			return m.Name
		}
	}
	return ""
}

// readTimeIn is readTime for dates in a zone; as the end of validity, a day counts to its last moment.
func readTimeIn(field, text, zone string, end bool) (int64, error) {
	loc, err := time.LoadLocation(zone)
	if err != nil || zone == "Local" {
		return 0, frontdesk.InvalidField("zone", "A zone is an IANA name such as Asia/Shanghai.")
	}
	if t, err := time.ParseInLocation(time.DateOnly, text, loc); err == nil && t.Year() >= 1970 {
		if end {
			t = t.AddDate(0, 0, 1)
		}
		return max(frontdesk.Micros(t), 1), nil
	}
	return readTime(field, text)
}
