package app

import (
	"context"
	"fmt"
	"slices"
	"time"

	"frontdesk"
	"frontdesk/internal/api"
	"frontdesk/internal/channel"
	"frontdesk/internal/dialogue/knowledge"
	"frontdesk/internal/insight"
)

// opened opens what the home page counts.
type opened struct{ insight *insight.Insight }

func (o opened) Hits(ctx context.Context, tenant string, ids []string) (map[string]int64, error) {
	return o.insight.Hits(ctx, tenant, ids)
}

func (o opened) Opened(ctx context.Context, tenant string, f api.FigureFilter, cursor string, limit int) ([]string, string, error) {
	zone, err := f.Location()
	if err != nil {
		return nil, "", err
	}
	return o.insight.Conversations(ctx, tenant, insight.Opened{Figure: insight.Figure(f.Figure), From: f.From, To: f.To, Site: f.OfSite,
		Weekday: f.Weekday, Hour: f.Hour, Zone: zone, Cursor: cursor, Limit: limit})
}

// states says how the installation is.
type states struct{ app *App }

// What is still in order: side streams lag a little while they catch up after a burst.
const (
	lagFine  = 500             // events
	stateMax = 3 * time.Second // it is asked for when something is wrong, so it must not wait for what is
	longWait = 10 * time.Minute
)

type level int

const (
	fine level = iota
	degraded
	down
)

func (l level) String() string { return [...]string{"ok", "degraded", "down"}[l] }

// stateTitles name the parts.
var stateTitles = map[string]frontdesk.Localized{
	"database":  {"zh": "数据库", "en": "Database"},
	"knowledge": {"zh": "机器人应答", "en": "The bot's answers"},
	"staff":     {"zh": "人工接待", "en": "People"},
	"figures":   {"zh": "数据统计", "en": "Figures"},
	"search":    {"zh": "全局搜索", "en": "Search"},
	"webhooks":  {"zh": "Webhook 投递", "en": "Webhooks"},
	"imports":   {"zh": "知识导入", "en": "Imports"},
}

func (s states) State(ctx context.Context, tenant string) (api.State, error) {
	ctx, cancel := context.WithTimeout(ctx, stateMax)
	defer cancel()
	a := s.app
	out := api.State{AsOf: a.db.Now().UnixMicro()}
	worst := fine
	add := func(part string, l level, since int64, zh, en string) {
		worst = max(worst, l)
		out.Parts = append(out.Parts, api.StatePart{Part: part, Level: l.String(), Since: since, Title: stateTitles[part], Text: frontdesk.Localized{"zh": zh, "en": en}})
	}
	lag, err := a.db.Lag(ctx)
	if err != nil {
		add("database", down, 0, "数据库没有响应：新消息暂时收不进来，已收到的不会丢。请检查数据库。", "The database does not answer: new messages cannot be taken at the moment, those taken are safe. Look at the database.")
		out.Level = worst.String()
		return out, nil
	}
	add("database", fine, 0, "读写正常。", "Reads and writes work.")
	if err := s.bot(ctx, tenant, add); err != nil {
		return out, err
	}
	if err := s.people(ctx, tenant, add); err != nil {
		return out, err
	}
	for _, stream := range []struct{ part, consumer, zh, en string }{
		{"figures", "insight", "首页和报表的数字稍后补齐，接待不受影响。", "The figures will catch up; conversations are not concerned."},
		{"search", "search", "最近的消息暂时搜不到，稍后补齐。", "The newest messages cannot be found yet; they will be."},
		{"webhooks", "webhook", "事件会晚一些送到其他系统，不会丢失。", "Other systems get their events later; none is lost."},
	} {
		switch n, started := lag[stream.consumer]; {
		case started && n > lagFine:
			add(stream.part, degraded, 0, fmt.Sprintf("还有 %d 条事件待处理。%s", n, stream.zh), fmt.Sprintf("%d events are waiting. %s", n, stream.en))
		default:
			add(stream.part, fine, 0, "已跟上。", "Up to date.")
		}
	}
	slices.SortStableFunc(out.Parts, func(x, y api.StatePart) int { return rank(y.Level) - rank(x.Level) })
	out.Level = worst.String()
	return out, nil
}

func rank(level string) int { return slices.Index([]string{"ok", "degraded", "down"}, level) }

type addPart func(part string, l level, since int64, zh, en string)

// bot says whether the bots of the company's sites can answer.
func (s states) bot(ctx context.Context, tenant string, add addPart) error {
	sites, err := s.app.sites.List(ctx, tenant, "", 200)
	if err != nil {
		return err
	}
	bots := map[string]bool{}
	for _, site := range sites {
		bots[site.Bot] = true
	}
	if len(bots) == 0 {
		bots[knowledge.DefaultBot] = true
	}
	for bot := range bots {
		release, err := s.app.store.Latest(ctx, tenant, bot)
		switch {
		case err != nil:
			add("knowledge", down, 0, "知识加载失败，客户会直接转到人工。日志里有原因。", "The knowledge cannot be loaded; customers go straight to people. The log says why.")
			return nil
		case release.Index.Len() == 0:
			add("knowledge", degraded, 0, "还没有知识，机器人什么都答不上来。先导入或新增几条。", "There is no knowledge yet, so the bot can answer nothing. Import or add some.")
			return nil
		}
	}
	if err := s.app.conv.Overloaded(); err != nil {
		add("knowledge", degraded, 0, "消息太多，新消息被要求稍后再发。", "There are so many messages that new ones are asked to come again shortly.")
		return nil
	}
	add("knowledge", fine, 0, "正常应答。", "Answering.")
	return nil
}

// people says whether somebody is there for those who wait.
func (s states) people(ctx context.Context, tenant string, add addPart) error {
	now, err := s.app.conv.Now(ctx, tenant)
	if err != nil {
		return err
	}
	waited := s.app.db.Now().Sub(frontdesk.FromMicros(now.OldestQueued))
	switch {
	case now.Queue == 0:
		add("staff", fine, 0, "没有客户在排队。", "Nobody waits.")
	case !s.app.conv.StaffOnline(tenant) && s.open(ctx, tenant):
		add("staff", degraded, now.OldestQueued, fmt.Sprintf("%d 位客户在等人工，但现在没有人在线。", now.Queue), fmt.Sprintf("Waiting for a person: %d, and nobody is here.", now.Queue))
	case waited > longWait && s.open(ctx, tenant):
		add("staff", degraded, now.OldestQueued, fmt.Sprintf("%d 位客户在排队，最久的等了 %d 分钟。", now.Queue, int(waited.Minutes())), fmt.Sprintf("Waiting: %d, the longest for %d minutes.", now.Queue, int(waited.Minutes())))
	default:
		add("staff", fine, 0, fmt.Sprintf("%d 位客户在排队。", now.Queue), fmt.Sprintf("Waiting: %d.", now.Queue))
	}
	return nil
}

// open reports whether any site of the company is within its hours.
func (s states) open(ctx context.Context, tenant string) bool {
	sites, err := s.app.sites.List(ctx, tenant, "", 200)
	return err == nil && slices.ContainsFunc(sites, func(v channel.Site) bool { return v.Open(s.app.db.Now()) })
}
