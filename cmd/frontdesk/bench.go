package main

import (
	"context"
	"os"
	"strings"

	"frontdesk"
	"frontdesk/demo"
	"frontdesk/internal/dialogue/knowledge"
	"frontdesk/internal/load"
	"frontdesk/internal/search"
	"frontdesk/internal/sqldb"
)

// BenchCmd measures. Each bench starts what it measures as processes of its own on fresh folders, and leaves nothing
// behind.
type BenchCmd struct {
	Path     BenchPathCmd     `cmd:"" help:"Latency, processor time and saturation of the path of a message."`
	Sockets  BenchSocketsCmd  `cmd:"" help:"Memory of idle customers, and their return after a restart."`
	Desk     BenchDeskCmd     `cmd:"" help:"Consoles of many agents on many open conversations: lists, news, idleness."`
	Crash    BenchCrashCmd    `cmd:"" help:"Kill the server again and again and look for what is lost."`
	Retrieve BenchRetrieveCmd `cmd:"" help:"Speed of finding answers in memory."`
	Search   BenchSearchCmd   `cmd:"" help:"Speed and size of the search among messages."`

	NLU    LaterCmd `cmd:"" name:"nlu" help:"Understanding (not part of this version)."`
	Screen LaterCmd `cmd:"" help:"Screening (not part of this version)."`

	Fleet  BenchFleetCmd  `cmd:"" hidden:"" help:"The loader's process, driven over its standard input."`
	Agents BenchAgentsCmd `cmd:"" hidden:"" help:"The consoles' process, driven over its standard input."`
	Floor  BenchFloorCmd  `cmd:"" hidden:"" help:"The bare writer's process, driven over its standard input."`
}

// BenchPlace are the flags of the benches that run a server.
type BenchPlace struct {
	Postgres string `placeholder:"URL" help:"Measure on PostgreSQL: an address whose user may create databases."`
	Dir      string `placeholder:"DIR" help:"Where the fresh folders are made (default: the system's temporary folder)."`
}

func (b BenchPlace) common(out *Output, wordings []string) load.Common {
	return load.Common{Dir: b.Dir, URL: b.Postgres, Wordings: wordings, Log: out.Stderr(),
		Fleet: []string{"bench", "fleet"}, Floor: []string{"bench", "floor"}}
}

// BenchPathCmd is bench path.
type BenchPathCmd struct {
	BenchPlace
	Rate       float64 `default:"500" help:"Messages a second."`
	Seconds    float64 `default:"10" help:"How long to send at that rate; the bare writer takes as long again, by turns."`
	Entries    int     `default:"20000" help:"Made-up knowledge entries beside the demo's."`
	Changed    bool    `help:"Customers put the entries' wordings as people do, with politeness and typing errors, instead of word for word: each needs a search."`
	Saturation bool    `default:"true" negatable:"" help:"Also look for the highest rate that is held."`
	Overload   float64 `placeholder:"TIMES" help:"Also send this multiple of the saturation."`
	Minutes    float64 `default:"5" help:"How long to overload."`
	Profile    string  `placeholder:"FILE" help:"Write a processor profile of the server during the measured time."`
}

// Run measures the path. It fails when something was lost, doubled or out of order, with the figures printed.
func (c *BenchPathCmd) Run(ctx context.Context, out *Output) error {
	switch {
	case c.Rate < 1 || c.Rate > 12000:
		return frontdesk.InvalidField("--rate", "must be 1 to 12000")
	case c.Seconds < 1 || c.Seconds > 3600:
		return frontdesk.InvalidField("--seconds", "must be 1 to 3600")
	case c.Entries < 1 || c.Entries > 200_000:
		return frontdesk.InvalidField("--entries", "must be 1 to 200000")
	case c.Overload < 0 || c.Overload > 10:
		return frontdesk.InvalidField("--overload", "must be 0 to 10")
	case c.Minutes <= 0 || c.Minutes > 120:
		return frontdesk.InvalidField("--minutes", "must be above 0 and at most 120")
	}
	report, err := load.Path(ctx, load.PathOptions{Common: c.common(out, c.wordings()), Rate: c.Rate, Seconds: c.Seconds, Entries: c.Entries,
		Profile: c.Profile, Saturation: c.Saturation, Overload: c.Overload, Minutes: c.Minutes})
	if err != nil {
		return err
	}
	return safe(out, report, report.Lost+report.Duplicated+report.Reordered)
}

// wordings are what customers ask: every wording of the entries that the server makes up too. Changed ones end in a
// question mark, for a distorted one may look like the first half of a message, and the time the server then waits for
// the other half would be measured instead of its speed.
func (c *BenchPathCmd) wordings() []string {
	entries := knowledge.Synthetic(c.Entries, demo.Seed)
	if c.Changed {
		changed, _ := knowledge.Questions(entries, 40_000, demo.Seed+1)
		for i, text := range changed {
			changed[i] = strings.TrimRight(text, "?？") + "？"
		}
		return changed
	}
	var out []string
	for _, e := range entries {
		out = append(append(out, e.Question), e.Similar...)
	}
	return out
}

// safe prints a result, and fails when faults were counted in it.
func safe(out *Output, report any, faults int) error {
	if err := out.JSON(report); err != nil {
		return err
	}
	if faults > 0 {
		return errReported
	}
	return nil
}

// BenchSocketsCmd is bench sockets.
type BenchSocketsCmd struct {
	BenchPlace
	Count int `default:"15000" help:"Customers to connect."`
}

// Run weighs idle customers.
func (c *BenchSocketsCmd) Run(ctx context.Context, out *Output) error {
	if c.Count < 1 || c.Count > 18_000 {
		return frontdesk.InvalidField("--count", "must be 1 to 18000: a process may open 20,000 files")
	}
	report, err := load.Sockets(ctx, load.SocketsOptions{Common: c.common(out, demoWordings()), Count: c.Count})
	if err != nil {
		return err
	}
	return out.JSON(report)
}

// BenchCrashCmd is bench crash.
type BenchCrashCmd struct {
	BenchPlace
	Kills    int    `default:"30" help:"How often to kill."`
	Seed     uint64 `default:"1" help:"Decides the moments of the kills and what customers say."`
	PowerCut bool   `help:"After each kill also lose what was written and not synced, as a power cut may (SQLite; needs strace)."`
}

// Run kills. It fails when something acknowledged was lost, doubled or out of order, with the figures printed.
func (c *BenchCrashCmd) Run(ctx context.Context, out *Output) error {
	if c.Kills < 1 || c.Kills > 10_000 {
		return frontdesk.InvalidField("--kills", "must be 1 to 10000")
	}
	report, err := load.Crash(ctx, load.CrashOptions{Common: c.common(out, demoWordings()), Kills: c.Kills, Seed: c.Seed, PowerCut: c.PowerCut})
	if err != nil {
		return err
	}
	return safe(out, report, report.Lost+report.Duplicated+report.Reordered)
}

// demoWordings are questions to a server that has only the demo company's knowledge.
func demoWordings() []string {
	return []string{"怎么退货", "退款多久到账", "运费谁出", "发票怎么开", "什么时候发货", "怎么修改收货地址", "洗衣机怎么安装", "空调不制冷怎么办",
		"保修期多久", "怎么申请换货", "会员有什么权益", "可以分期付款吗", "怎么取消订单", "量子纠缠是什么",
		"how do I return an item", "when will I get my refund", "how long is the warranty", "can I change my delivery address"}
}

// BenchRetrieveCmd is bench retrieve.
type BenchRetrieveCmd struct {
	Entries int   `default:"20000" help:"Made-up entries to search."`
	Queries int   `default:"5000" help:"Questions to ask."`
	Seed    int64 `default:"1" help:"Decides the entries and the questions."`
}

// Run measures searching on one goroutine.
func (c *BenchRetrieveCmd) Run(ctx context.Context, out *Output) error {
	if c.Entries < 1 || c.Entries > 1_000_000 {
		return frontdesk.InvalidField("--entries", "must be 1 to 1000000")
	}
	if c.Queries < 1 {
		return frontdesk.InvalidField("--queries", "must be at least 1")
	}
	report, err := knowledge.BenchRetrieve(ctx, c.Entries, c.Queries, c.Seed)
	if err != nil {
		return err
	}
	return out.JSON(report)
}

// BenchFleetCmd is the loader's process.
type BenchFleetCmd struct{}

// Run serves until standard input ends.
func (c *BenchFleetCmd) Run() error { return load.ServeFleet(os.Stdin, os.Stdout) }

// BenchFloorCmd is the bare writer's process.
type BenchFloorCmd struct{}

// Run serves until standard input ends.
func (c *BenchFloorCmd) Run() error { return load.ServeFloor(os.Stdin, os.Stdout) }

// BenchSearchCmd is bench search.
type BenchSearchCmd struct {
	Postgres string `placeholder:"URL" help:"Measure on PostgreSQL: the address of an empty database."`
	Dir      string `placeholder:"DIR" help:"Where the fresh folder is made (default: the system's temporary folder)."`
	Messages int    `default:"1000000" help:"Messages in the index."`
	Rounds   int    `default:"60" help:"Searches of each kind."`
}

// Run fills an index and searches in it.
func (c *BenchSearchCmd) Run(ctx context.Context, out *Output) error {
	switch {
	case c.Messages < 1 || c.Messages > 20_000_000:
		return frontdesk.InvalidField("--messages", "must be 1 to 20000000")
	case c.Rounds < 1 || c.Rounds > 10_000:
		return frontdesk.InvalidField("--rounds", "must be 1 to 10000")
	}
	dir, err := os.MkdirTemp(c.Dir, "frontdesk-bench-search")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	db, err := sqldb.Open(ctx, sqldb.Options{Dir: dir, URL: c.Postgres})
	if err != nil {
		return err
	}
	defer db.Close()
	wordings := (&BenchPathCmd{Entries: 20_000}).wordings()
	report, err := search.Bench(ctx, db, append(wordings, demoWordings()...), c.Messages, c.Rounds, func(done int) {
		out.Progress("%d of %d messages\n", done, c.Messages)
	})
	if err != nil {
		return err
	}
	return out.JSON(report)
}
