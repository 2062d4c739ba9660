// Package demo is Spruce Appliances (云杉电器), the made-up shop that Frontdesk can be tried with: what its bot knows, its
// products, customers and orders, its staff, and the customers who come to ask. Everything in it is fiction, and everything
// is a pure function of the embedded files, a seed and a point in time: nothing here reads a clock, a disk or a network by
// itself. It is also the example that a new user copies: replace the knowledge files by your own.
package demo

import (
	"bufio"
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"sync"
	"time"
	_ "time/tzdata" // the shop's zone must load on machines without a zone database

	"frontdesk"
	"frontdesk/internal/dialogue/knowledge"
)

// Where the demo company lives: its tenant, its one site and the bot that answers there.
const (
	Tenant   = "demo"
	SiteID   = "demo"
	SiteKey  = "demo"
	ZoneName = "Asia/Shanghai"
	Opens    = 9 * 60  // minutes after midnight in the zone: people answer from then
	Closes   = 21 * 60 // until then, every day of the week
)

// Languages of the site, the first is the default.
var Languages = []string{"zh", "en"}

// Name is the company's name.
var Name = frontdesk.Localized{"zh": "云杉电器", "en": "Spruce Appliances"}

// Notice and Welcome are what the site shows around a conversation.
var (
	Notice  = frontdesk.Localized{"zh": "演示店铺：商品、价格和人物都是虚构的。", "en": "A demo shop: its goods, prices and people are made up."}
	Welcome = frontdesk.Localized{
		"zh": "您好，这里是云杉电器。送货、安装、退换、维修，都可以直接问我；发来 YS 开头的订单号，我帮您查进度。",
		"en": "Hello, this is Spruce Appliances. Ask me about delivery, installation, returns or repairs, or send an order number that starts with YS and I will look it up.",
	}
)

// Suggested are the ids of the entries that a visitor is offered before asking anything, by language.
var Suggested = map[string][]string{
	"zh": {"delivery-time", "return-how", "install-appoint", "invoice-electronic"},
	"en": {"delivery-time-en", "return-how-en", "install-appoint-en", "invoice-electronic-en"},
}

// Person is one of the shop's staff. The passwords are printed at the start of a demo and guard nothing real.
type Person struct {
	Email, Password, Role string
	Name                  frontdesk.Localized
}

// Staff can sign in to the demo. The first is the owner.
var Staff = []Person{
	{"owner@example.test", "demo-owner-2468", "owner", frontdesk.Localized{"zh": "云若杉", "en": "Rowan Spruce"}},
	{"supervisor@example.test", "demo-supervisor-2468", "supervisor", frontdesk.Localized{"zh": "竹听雨", "en": "Hazel Reed"}},
	{"agent@example.test", "demo-agent-2468", "agent", frontdesk.Localized{"zh": "溪小满", "en": "Brook May"}},
	{"agent2@example.test", "demo-agent2-2468", "agent", frontdesk.Localized{"zh": "木青柠", "en": "Linden Lime"}},
}

// Who of Staff talks to customers in the scripts.
const (
	hazel = 1
	brook = 2
)

// Zone is the shop's time zone.
var Zone = sync.OnceValue(func() *time.Location {
	zone, err := time.LoadLocation(ZoneName)
	if err != nil {
		panic(fmt.Sprintf("demo: load zone: %v", err)) // tzdata is linked in: cannot happen
	}
	return zone
})

//go:embed knowledge.zh.jsonl knowledge.en.jsonl wordings.jsonl outside.jsonl
var files embed.FS

// Entries returns what the shop's bot knows, Chinese first, clean as the importer would store it. Callers must not change it.
var Entries = sync.OnceValue(func() []knowledge.Entry {
	var out []knowledge.Entry
	for _, name := range []string{"knowledge.zh.jsonl", "knowledge.en.jsonl"} {
		for i, e := range read[knowledge.Entry](name) {
			e, err := e.Clean()
			if err != nil {
				panic(fmt.Sprintf("demo: %s row %d: %v", name, i+1, err))
			}
			out = append(out, e)
		}
	}
	return out
})

var entryIndex = sync.OnceValue(func() map[string]int {
	m := map[string]int{}
	for i, e := range Entries() {
		m[e.ID] = i
	}
	return m
})

// entry finds an entry by its topic, which is its id without the language; Chinese stands in for a missing language.
func entry(topic, lang string) (knowledge.Entry, bool) {
	if lang == "en" {
		if i, ok := entryIndex()[topic+"-en"]; ok {
			return Entries()[i], true
		}
	}
	i, ok := entryIndex()[topic]
	if !ok {
		return knowledge.Entry{}, false
	}
	return Entries()[i], true
}

// Wordings are ways customers put an entry's question that the entry itself does not hold: for measuring, never for import.
// Usual ones use the words most people use. Hard ones go around them, so that little more than the meaning is shared.
type Wordings struct {
	ID    string   `json:"id"`
	Lang  string   `json:"lang"`
	Usual []string `json:"usual"`
	Hard  []string `json:"hard"`
}

// HeldOut returns the wordings kept apart from the knowledge. Callers must not change them.
var HeldOut = sync.OnceValue(func() []Wordings { return read[Wordings]("wordings.jsonl") })

var heldOut = sync.OnceValue(func() map[string]Wordings {
	m := map[string]Wordings{}
	for _, w := range HeldOut() {
		m[w.ID] = w
	}
	return m
})

// Question is one that the bot must not answer. Kind is general (the world at large), other (some other company's business),
// near (close to the shop's topics), noise, or gap: a fair question about the shop that nobody has written an answer for
// yet; Topic says which questions of that kind belong together.
type Question struct {
	Text  string `json:"text"`
	Lang  string `json:"lang"`
	Kind  string `json:"kind"`
	Topic string `json:"topic,omitempty"`
}

// Outside returns the questions the bot must not answer. Callers must not change them.
var Outside = sync.OnceValue(func() []Question { return read[Question]("outside.jsonl") })

// read decodes an embedded file of JSON lines. The files are part of the program, so a broken one is a defect: the tests of
// this package read them all.
func read[T any](name string) []T {
	b, err := files.ReadFile(name)
	if err != nil {
		panic(fmt.Sprintf("demo: %v", err))
	}
	var out []T
	sc := bufio.NewScanner(bytes.NewReader(b))
	sc.Buffer(nil, 1<<20)
	for sc.Scan() {
		var row T
		d := json.NewDecoder(bytes.NewReader(sc.Bytes()))
		d.DisallowUnknownFields()
		if err := d.Decode(&row); err != nil {
			panic(fmt.Sprintf("demo: %s row %d: %v", name, len(out)+1, err))
		}
		out = append(out, row)
	}
	if err := sc.Err(); err != nil {
		panic(fmt.Sprintf("demo: %s: %v", name, err))
	}
	return out
}
