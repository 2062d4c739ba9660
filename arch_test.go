package frontdesk_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// The rules of docs/architecture.md that a compiler does not know. A failure here is a question about the design: change
// the code, or the rule together with an ADR.

// file is a Go file of the product, tests left out.
type file struct {
	name string // path from the root
	pkg  string // folder from the root, "." for the root package
	ast  *ast.File
	set  *token.FileSet
}

func (f file) at(n ast.Node) string {
	return f.name + ":" + strconv.Itoa(f.set.Position(n.Pos()).Line)
}

func (f file) imports() (out []string) {
	for _, i := range f.ast.Imports {
		out = append(out, strings.Trim(i.Path.Value, `"`))
	}
	return out
}

// calls yields each call of a function or method by its last name, with the function it stands in.
func (f file) calls(yield func(in string, call *ast.CallExpr, receiver, name string)) {
	f.functions(func(in string, body ast.Node) {
		ast.Inspect(body, func(n ast.Node) bool {
			if call, ok := n.(*ast.CallExpr); ok {
				if sel, ok := call.Fun.(*ast.SelectorExpr); ok {
					receiver := ""
					if x, ok := sel.X.(*ast.Ident); ok {
						receiver = x.Name
					}
					yield(in, call, receiver, sel.Sel.Name)
				}
			}
			return true
		})
	})
}

func (f file) functions(yield func(name string, body ast.Node)) {
	for _, d := range f.ast.Decls {
		if fn, ok := d.(*ast.FuncDecl); ok {
			yield(fn.Name.Name, fn)
		} else {
			yield("", d)
		}
	}
}

// sql is the strings of the file, with the function each stands in.
func (f file) strings(yield func(in, text string, at ast.Node)) {
	f.functions(func(in string, body ast.Node) {
		ast.Inspect(body, func(n ast.Node) bool {
			if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
				if text, err := strconv.Unquote(lit.Value); err == nil {
					yield(in, text, lit)
				}
			}
			return true
		})
	})
}

// product is all Go files of this module but its tests.
var product = sync.OnceValues(func() (files []file, err error) {
	set := token.NewFileSet()
	err = filepath.WalkDir(".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if base := d.Name(); name != "." && (strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_") || base == "node_modules" || base == "testdata" || base == "bin") {
				return fs.SkipDir
			}
			if _, err := os.Stat(filepath.Join(name, "go.mod")); err == nil && name != "." {
				return fs.SkipDir // a module of its own
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		parsed, err := parser.ParseFile(set, name, nil, parser.ParseComments)
		if err != nil {
			return err
		}
		files = append(files, file{filepath.ToSlash(name), path.Dir(filepath.ToSlash(name)), parsed, set})
		return nil
	})
	return files, err
})

func files(t *testing.T) []file {
	t.Helper()
	all, err := product()
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 100 {
		t.Fatalf("only %d files found: the rules would hold for nothing", len(all))
	}
	return all
}

// layers are the packages from the bottom up. A package imports only what stands in a lower layer; what it needs of a
// neighbour it declares as an interface, and app connects the two.
var layers = [][]string{
	{"."},
	{"internal/sqldb", "internal/bus", "internal/config", "internal/netguard", "internal/static", "internal/dialogue/semantic"},
	{"internal/auth", "internal/channel", "internal/compliance", "internal/dialogue/knowledge", "internal/outbox", "internal/sqldb/sqldbtest"},
	{"internal/blob", "internal/dialogue", "internal/insight", "internal/search", "internal/webhook", "internal/load", "demo", "widget", "console", "demo/storefront", "tools/calibrate", "tools/dict", "docs"},
	{"internal/conversation", "internal/dialogue/dialoguetest"},
	{"internal/delivery", "internal/api", "internal/ops"},
	{"internal/gateway"},
	{"internal/app"},
	{"cmd/frontdesk"},
}

func TestImportsGoDown(t *testing.T) {
	layer := map[string]int{}
	for i, pkgs := range layers {
		for _, p := range pkgs {
			layer[p] = i
		}
	}
	known := map[string]bool{}
	for _, f := range files(t) {
		at, ok := layer[f.pkg]
		if !ok && !strings.HasPrefix(f.pkg, "tools/") {
			if !known[f.pkg] {
				t.Errorf("package %s stands in no layer: say where it belongs", f.pkg)
			}
			known[f.pkg] = true
			continue
		}
		for _, i := range f.imports() {
			ours, ok := local(i)
			if !ok || strings.HasPrefix(f.pkg, "tools/") {
				continue
			}
			if below, ok := layer[ours]; !ok || below >= at {
				t.Errorf("%s imports %s, which is not below it", f.name, ours)
			}
		}
	}
}

// local is the folder of an import of this module.
func local(path string) (string, bool) {
	if path == "frontdesk" {
		return ".", true
	}
	return strings.CutPrefix(path, "frontdesk/")
}

// never are imports that the layers would allow and the design does not.
var never = []struct{ who, what, why string }{
	{`\.`, `.*\..*/.*|frontdesk/.*`, "the words everybody shares stand on the standard library alone"},
	{`internal/(auth|channel|compliance|blob|dialogue.*|conversation|delivery|gateway)`, `frontdesk/internal/(insight|search|webhook|outbox|api|ops|load|app)`, "the path knows nothing of side streams and edges"},
	{`internal/(insight|search|webhook|outbox)`, `frontdesk/internal/(conversation|delivery|gateway|dialogue|dialogue/knowledge|api|ops)`, "side streams read the event log, not the path"},
	{`internal/api`, `frontdesk/internal/(conversation|delivery|gateway|dialogue|insight|search|webhook|outbox|blob|compliance|bus)`, "staff's API knows the path by interfaces that app connects"},
	{`internal/delivery`, `frontdesk|frontdesk/internal/(dialogue.*|compliance|sqldb)`, "delivery brings what was stored and can compose nothing"},
	{`internal/dialogue(/semantic|/dialoguetest)?`, `frontdesk/internal/(sqldb|bus|config|channel|compliance)|net/http|os`, "a step of the dialogue is pure"},
	{`internal/load`, `frontdesk/internal/(app|gateway|conversation|delivery|dialogue.*)`, "the loader speaks to a server as a stranger does"},
	{`internal/(app|gateway|delivery|api|dialogue|dialogue/semantic|webhook|config|bus|netguard)|cmd/.*|demo|widget|console`, `database/sql`, "packages without tables ask those that have them"},
	{`internal/[^s].*|cmd/.*|demo.*|\.`, `modernc\.org/sqlite.*|github\.com/jackc/pgx.*|github\.com/pressly/goose.*`, "sqldb alone knows which database there is"},
	{`(internal/(auth|channel|compliance|blob|conversation|delivery|dialogue|app|api|insight|search|webhook|outbox|ops).*|cmd/.*|\.)`, `github\.com/gorilla/websocket`, "sockets are the gateway's"},
	{`internal/(auth|channel|compliance|blob|conversation|delivery|dialogue|app|gateway|insight|search|webhook|outbox|ops|sqldb).*|cmd/.*|\.`, `github\.com/nats-io/.*`, "hints go by bus"},
	{`.*`, `math/rand`, "math/rand/v2 for jitter, crypto/rand for secrets"},
}

func TestImportsThatNeverAre(t *testing.T) {
	for _, rule := range never {
		who, what := regexp.MustCompile("^("+rule.who+")$"), regexp.MustCompile("^("+rule.what+")$")
		found := false
		for _, f := range files(t) {
			if !who.MatchString(f.pkg) {
				continue
			}
			found = true
			for _, i := range f.imports() {
				if what.MatchString(i) {
					t.Errorf("%s imports %s: %s", f.name, i, rule.why)
				}
			}
		}
		if !found {
			t.Errorf("no package is %s: the rule is about nothing", rule.who)
		}
	}
}

// Test helpers are for tests.
func TestNoTestHelpersInTheProduct(t *testing.T) {
	for _, f := range files(t) {
		for _, i := range f.imports() {
			if (i == "testing" || strings.HasSuffix(i, "/sqldbtest") || strings.HasSuffix(i, "/dialoguetest") || strings.HasPrefix(i, "pgregory.net/") || strings.HasPrefix(i, "go.uber.org/goleak")) &&
				!strings.HasSuffix(f.pkg, "test") {
				t.Errorf("%s imports %s", f.name, i)
			}
		}
	}
}

func TestPackagesSayWhatTheyAreFor(t *testing.T) {
	doc := map[string]string{}
	for _, f := range files(t) {
		if _, ok := doc[f.pkg]; !ok {
			doc[f.pkg] = ""
		}
		if f.ast.Doc != nil {
			doc[f.pkg] = f.ast.Doc.Text()
		}
	}
	for pkg, text := range doc {
		first, _, _ := strings.Cut(text, " ")
		if len(text) < 40 || first != "Package" && first != "Command" {
			t.Errorf("package %s has no contract: %q", pkg, text)
		}
	}
}

// Each table is written by the package that owns it and read by nobody else; others ask that package.
func TestTablesHaveOneOwner(t *testing.T) {
	owner := map[string]string{}
	for table, pkg := range map[string]string{
		"event event_sequence consumer timer":                                             "internal/sqldb",
		"contact visitor conversation episode message revision trace effect node erasure": "internal/conversation",
		"sealed vault_master vault_person_key vault_tenant_key word_list":                 "internal/compliance",
		"staff session api_key tenant setup sign_in":                                      "internal/auth",
		"site site_version": "internal/channel",
		"bot bot_entry bot_release knowledge_import knowledge_import_piece": "internal/dialogue/knowledge",
		"attachment":            "internal/blob",
		"webhook":               "internal/webhook",
		"outbox outbox_attempt": "internal/outbox",
		"insight_hour insight_seen insight_figure insight_entry unanswered": "internal/insight",
		"search_space search_thread search_row search_text":                 "internal/search",
		"idempotency": "internal/api",
	} {
		for name := range strings.FieldsSeq(table) {
			owner[name] = pkg
		}
	}
	created := regexp.MustCompile(`CREATE TABLE (\w+)`)
	migrations, err := filepath.Glob("internal/sqldb/migrations/*.sql")
	if err != nil || len(migrations) == 0 {
		t.Fatalf("no migrations: %v", err)
	}
	for _, name := range migrations {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range created.FindAllStringSubmatch(string(text), -1) {
			if owner[m[1]] == "" {
				t.Errorf("%s creates table %s, which has no owner", name, m[1])
			}
		}
	}
	allowed := map[string]bool{
		"internal/ops timer": true, // readiness proves that the database can be written
		"internal/ops event": true, // a backup and the doctor count it
	}
	used := regexp.MustCompile(`\b(?:INSERT INTO|UPDATE|DELETE FROM|FROM|JOIN)\s+(\w+)\b`)
	for _, f := range files(t) {
		f.strings(func(_, text string, at ast.Node) {
			for _, m := range used.FindAllStringSubmatch(text, -1) {
				if pkg := owner[m[1]]; pkg != "" && pkg != f.pkg && !allowed[f.pkg+" "+m[1]] {
					t.Errorf("%s uses table %s, which is %s's", f.at(at), m[1], pkg)
				}
			}
		})
	}
}

// What a customer can see is stored in table message. These functions put it there, and each has proof that it may:
// storeArrival stores the customer's own words, insertReply and say store what Check has passed, changeIn what its callers have
// checked or redacted.
func TestNothingReachesACustomerAroundCheck(t *testing.T) {
	writes := map[string][]string{}
	into := regexp.MustCompile(`INSERT INTO message\b|UPDATE message SET [^"]*content`)
	for _, f := range files(t) {
		f.strings(func(in, text string, at ast.Node) {
			if into.MatchString(text) {
				if f.pkg != "internal/conversation" {
					t.Errorf("%s writes messages", f.at(at))
				}
				writes[in] = append(writes[in], f.at(at))
			}
		})
	}
	want := []string{"changeIn", "insertReply", "say", "storeArrival"}
	got := make([]string, 0, len(writes))
	for name := range writes {
		got = append(got, name)
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("messages are written by %v, known are %v: a new way needs its proof of a check", got, want)
	}

	// Who leads to them.
	callers := map[string][]string{"changeIn": {"changeOwn", "redactAcross", "emptyConversation"}, "insertReply": {"storeTurn"}, "say": {"Take", "write", "closeIn"}}
	mustCheck := map[string]bool{"say": true, "changeOwn": true, "check": true}
	checks := map[string]bool{}
	for _, f := range files(t) {
		if f.pkg != "internal/conversation" {
			continue
		}
		f.functions(func(in string, body ast.Node) {
			ast.Inspect(body, func(n ast.Node) bool {
				call, ok := n.(*ast.CallExpr)
				if !ok {
					return true
				}
				name := ""
				switch fun := call.Fun.(type) {
				case *ast.Ident:
					name = fun.Name
				case *ast.SelectorExpr:
					name = fun.Sel.Name
					if x, ok := fun.X.(*ast.SelectorExpr); ok && x.Sel.Name == "Checker" && name == "Check" {
						checks[in] = true
					}
				}
				if known, ok := callers[name]; ok && !slices.Contains(known, in) {
					t.Errorf("%s: %s calls %s, known are %v", f.at(call), in, name, known)
				}
				return true
			})
		})
	}
	for name := range mustCheck {
		if !checks[name] {
			t.Errorf("%s does not pass Checker.Check", name)
		}
	}
	// insertReply cannot take anything but what was checked.
	for _, f := range files(t) {
		for _, d := range f.ast.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && f.pkg == "internal/conversation" && fn.Name.Name == "insertReply" {
				if !slices.ContainsFunc(fn.Type.Params.List, func(p *ast.Field) bool { id, ok := p.Type.(*ast.Ident); return ok && id.Name == "checked" }) {
					t.Errorf("%s takes no checked reply", f.at(fn))
				}
			}
		}
	}
}

// A Checked is made by Check and by nothing else.
func TestCheckedIsMadeByCheck(t *testing.T) {
	for _, f := range files(t) {
		if f.pkg != "internal/compliance" {
			continue
		}
		f.functions(func(in string, body ast.Node) {
			ast.Inspect(body, func(n ast.Node) bool {
				lit, ok := n.(*ast.CompositeLit)
				if !ok || len(lit.Elts) == 0 {
					return true
				}
				if id, ok := lit.Type.(*ast.Ident); ok && id.Name == "Checked" && in != "Check" {
					t.Errorf("%s: %s makes a Checked", f.at(lit), in)
				}
				return true
			})
		})
	}
}

// The edges hand on what was stored. Words of their own would reach customers unchecked.
func TestEdgesComposeNothing(t *testing.T) {
	allowed := map[string]string{ // who may, and what for
		"internal/gateway accept": "the customer's own words",
	}
	for _, f := range files(t) {
		if f.pkg != "internal/gateway" && f.pkg != "internal/delivery" {
			continue
		}
		f.calls(func(in string, call *ast.CallExpr, receiver, name string) {
			if receiver == "frontdesk" && name == "TextContent" && allowed[f.pkg+" "+in] == "" {
				t.Errorf("%s: %s composes a message", f.at(call), in)
			}
		})
		ast.Inspect(f.ast, func(n ast.Node) bool {
			if lit, ok := n.(*ast.CompositeLit); ok && len(lit.Elts) > 0 {
				if sel, ok := lit.Type.(*ast.SelectorExpr); ok && sel.Sel.Name == "Message" {
					if x, ok := sel.X.(*ast.Ident); ok && x.Name == "conversation" {
						t.Errorf("%s makes a message", f.at(lit))
					}
				}
			}
			return true
		})
	}
}

// A clock that a simulation cannot move, or a goroutine's panic, would break what the path promises in a way no test of
// behaviour sees: the dialogue reads no clock, and nothing prints beside the log.
func TestDialogueReadsNoClock(t *testing.T) {
	for _, f := range files(t) {
		if f.pkg != "internal/dialogue" {
			continue
		}
		f.calls(func(in string, call *ast.CallExpr, receiver, name string) {
			if receiver == "time" && (name == "Now" || name == "Since" || name == "Sleep" || name == "After") {
				t.Errorf("%s: %s reads the clock, it is an input", f.at(call), in)
			}
		})
	}
}
