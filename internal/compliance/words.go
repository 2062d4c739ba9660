package compliance

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"frontdesk"
	"frontdesk/internal/sqldb"

	ahocorasick "github.com/BobuSumisu/aho-corasick"
)

// Word is one entry of a tenant's list. It is found in any case and width; a word of letters only between word ends.
type Word struct {
	Text   string `json:"text"`
	Action string `json:"action"` // mask or block
	Reason string `json:"reason"`
}

// The bounds of a tenant's list. The automaton takes 2 KB for each byte of its words, so a full list takes 24 MB.
const (
	maxWords     = 1000
	maxWordBytes = 12_000
)

// DefaultWords is the list of a tenant that has none of its own: promises a service must not make, and insults.
func DefaultWords() []Word {
	var list []Word
	add := func(action, reason string, texts ...string) {
		for _, t := range texts {
			list = append(list, Word{t, action, reason})
		}
	}
	add(ActionBlock, "promises compensation or a result", "保证赔付", "包赔", "保证百分百", "百分百有效", "百分之百有效", "绝对不会坏", "永不损坏", "保证不会坏", "无条件赔偿", "guaranteed compensation", "will never break")
	add(ActionBlock, "promises gain", "稳赚", "稳赚不赔", "包赚", "保本保息", "零风险高回报", "躺着赚钱", "guaranteed profit", "risk-free profit")
	add(ActionBlock, "hints at inside information or favours", "内部消息", "内部渠道价", "走后门", "私下转账", "加我私人微信", "给我个人转账", "insider information", "pay me privately")
	add(ActionMask, "superlative that advertising law forbids", "全网最低价", "全国第一品牌", "世界顶级", "史上最强", "独一无二的品质", "销量全国第一")
	add(ActionBlock, "claims an effect on health", "包治百病", "根治疾病", "药到病除", "cures all diseases")
	add(ActionBlock, "insult", "傻逼", "傻叉", "煞笔", "王八蛋", "你去死", "去死吧", "滚蛋", "给我滚", "神经病吧", "你有病吧", "脑残", "智障", "白痴", "贱人", "他妈的", "你妈的", "操你",
		"fuck you", "fucking", "asshole", "bullshit", "you idiot", "you moron", "shut up")
	return list
}

// Checker holds the word lists of all tenants in memory and checks outgoing content against them. It is safe for
// concurrent use. The newest rules always count: Run follows changes made on other nodes within a second.
type Checker struct {
	db  *sqldb.DB
	log *slog.Logger

	mu     sync.RWMutex
	common *wordList
	own    map[string]*wordList // tenants with a list of their own
	newest int64                // updated_at of the newest list that is loaded
	loaded bool
}

// NewChecker reads the tenants' lists. With a nil db each tenant has the default list.
func NewChecker(ctx context.Context, db *sqldb.DB, log *slog.Logger) (*Checker, error) {
	common, err := compile(DefaultWords())
	if err != nil {
		return nil, err
	}
	k := &Checker{db: db, log: cmp.Or(log, slog.New(slog.DiscardHandler)), common: common, own: map[string]*wordList{}}
	if db == nil {
		k.loaded = true
		return k, nil
	}
	return k, k.Refresh(ctx)
}

// Run keeps the lists fresh until ctx ends.
func (k *Checker) Run(ctx context.Context) error {
	if k.db == nil {
		<-ctx.Done()
		return nil
	}
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			if err := k.Refresh(ctx); err != nil && ctx.Err() == nil {
				k.log.Warn("word lists not refreshed; the last known stay in force", "error", err)
			}
		}
	}
}

// Refresh loads the lists that changed since the last call.
func (k *Checker) Refresh(ctx context.Context) error {
	k.mu.RLock()
	newest := k.newest
	k.mu.RUnlock()
	// Clocks of nodes differ and commits are seen late: look back a little.
	rows, err := k.db.Query(ctx, "SELECT tenant, words, updated_at FROM word_list WHERE updated_at > $1", newest-(10*time.Second).Microseconds())
	if err != nil {
		return fmt.Errorf("read word lists: %w", err)
	}
	defer rows.Close()
	fresh := map[string]*wordList{}
	for rows.Next() {
		var tenant, words string
		var at int64
		if err := rows.Scan(&tenant, &words, &at); err != nil {
			return fmt.Errorf("read word lists: %w", err)
		}
		newest = max(newest, at)
		k.mu.RLock()
		old := k.own[tenant]
		k.mu.RUnlock()
		if old != nil && old.source == words {
			continue
		}
		var list []Word
		if err := json.Unmarshal([]byte(words), &list); err != nil {
			return fmt.Errorf("word list of tenant %s: %w", tenant, err)
		}
		compiled, err := compile(list)
		if err != nil {
			return fmt.Errorf("word list of tenant %s: %w", tenant, err)
		}
		compiled.source = words
		fresh[tenant] = compiled
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("read word lists: %w", err)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	for tenant, list := range fresh {
		k.own[tenant] = list
	}
	k.newest, k.loaded = max(k.newest, newest), true
	return nil
}

// Words returns a tenant's list as it is stored, the default one if it has none.
func (k *Checker) Words(ctx context.Context, tenant string) ([]Word, error) {
	if k.db == nil {
		return DefaultWords(), nil
	}
	var words string
	err := k.db.QueryRow(ctx, "SELECT words FROM word_list WHERE tenant = $1", tenant).Scan(&words)
	if errors.Is(err, sql.ErrNoRows) {
		return DefaultWords(), nil
	}
	if err != nil {
		return nil, fmt.Errorf("read word list: %w", err)
	}
	var list []Word
	if err := json.Unmarshal([]byte(words), &list); err != nil {
		return nil, fmt.Errorf("word list of tenant %s: %w", tenant, err)
	}
	return list, nil
}

// SetWords replaces a tenant's list; it counts on this node when SetWords returns. An empty list means no words at all.
func (k *Checker) SetWords(ctx context.Context, tenant string, list []Word) error {
	if _, err := compile(list); err != nil {
		return err
	}
	if list == nil {
		list = []Word{}
	}
	words, err := json.Marshal(list)
	if err != nil {
		return err
	}
	err = k.db.Write(ctx, func(tx *sqldb.Tx) error {
		_, err := tx.Exec(`INSERT INTO word_list (tenant, words, updated_at) VALUES ($1, $2, $3)
			ON CONFLICT (tenant) DO UPDATE SET words = excluded.words, updated_at = excluded.updated_at`, tenant, string(words), tx.Now())
		if err == nil {
			tx.Append(frontdesk.Event{Tenant: tenant, Type: frontdesk.EvConfigChanged, Subject: "words"})
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("store word list: %w", err)
	}
	return k.Refresh(ctx)
}

// words returns the compiled list that counts for a tenant.
func (k *Checker) words(tenant string) (*wordList, error) {
	k.mu.RLock()
	defer k.mu.RUnlock()
	if !k.loaded {
		return nil, frontdesk.Errorf(frontdesk.Unavailable, "word lists are not loaded")
	}
	if list := k.own[tenant]; list != nil {
		return list, nil
	}
	return k.common, nil
}

// wordList is a list with its automaton; immutable.
type wordList struct {
	list   []Word
	trie   *ahocorasick.Trie
	source string
}

// compile checks a list and builds its automaton.
func compile(list []Word) (*wordList, error) {
	if len(list) > maxWords {
		return nil, frontdesk.InvalidField("words", "has %d words, at most %d are allowed", len(list), maxWords)
	}
	b := ahocorasick.NewTrieBuilder()
	seen, total := map[string]int{}, 0
	for i, w := range list {
		field := fmt.Sprintf("words[%d]", i)
		if n := utf8.RuneCountInString(w.Text); !utf8.ValidString(w.Text) || n < 2 || n > 64 || strings.TrimSpace(w.Text) != w.Text {
			return nil, frontdesk.InvalidField(field, "must have 2 to 64 characters and no space around it")
		}
		if w.Action != ActionMask && w.Action != ActionBlock {
			return nil, frontdesk.InvalidField(field, "action must be %s or %s", ActionMask, ActionBlock)
		}
		folded, _ := fold(w.Text)
		if j, ok := seen[string(folded)]; ok {
			return nil, frontdesk.InvalidField(field, "is the same as words[%d]", j)
		}
		if total += len(folded); total > maxWordBytes {
			return nil, frontdesk.InvalidField(field, "the words have more than %d bytes together", maxWordBytes)
		}
		seen[string(folded)] = i
		b.AddPattern(folded)
	}
	return &wordList{list: list, trie: b.Build()}, nil
}

// match is a word at text[start:end].
type match struct{ start, end, word int }

// match finds the words in text, of overlapping ones the leftmost and then the longest.
func (l *wordList) match(text string) []match {
	if len(l.list) == 0 || text == "" {
		return nil
	}
	folded, origin := fold(text)
	var all []match
	l.trie.Walk(folded, func(end, n, pattern int64) bool {
		start := int(end - n + 1)
		m := match{start, int(end) + 1, int(pattern)}
		if l.bounded(folded, m) {
			all = append(all, m)
		}
		return true
	})
	slices.SortFunc(all, func(a, b match) int { return cmp.Or(a.start-b.start, b.end-a.end) })
	kept, after := all[:0], 0
	for _, m := range all {
		if m.start < after {
			continue
		}
		after = m.end
		if origin != nil {
			m.start, m.end = int(origin[m.start]), int(origin[m.end])
		}
		kept = append(kept, m)
	}
	return kept
}

// bounded reports whether a word that begins or ends with a letter does so at the end of a word of the text: "ass" is not in "glass".
func (l *wordList) bounded(folded []byte, m match) bool {
	if isLetter(folded[m.start]) && m.start > 0 && isLetter(folded[m.start-1]) {
		return false
	}
	return !(isLetter(folded[m.end-1]) && m.end < len(folded) && isLetter(folded[m.end]))
}

// fold lowers ASCII letters and turns full width into half. origin[i] is the offset in text of folded[i], with one entry
// more for the end; nil if offsets are the same.
func fold(text string) (folded []byte, origin []int32) {
	wide := strings.Contains(text, "\xEF\xBC") || strings.Contains(text, "\xEF\xBD")
	folded = make([]byte, 0, len(text))
	if wide {
		origin = make([]int32, 0, len(text)+1)
	}
	for i := 0; i < len(text); i++ {
		c, from := text[i], i
		if wide && c == 0xEF && i+2 < len(text) {
			if r, _ := utf8.DecodeRuneInString(text[i:]); r >= 0xFF01 && r <= 0xFF5E {
				c, i = byte(r-0xFF01+'!'), i+2
			}
		}
		if c >= 'A' && c <= 'Z' {
			c |= 0x20
		}
		folded = append(folded, c)
		if wide {
			origin = append(origin, int32(from))
		}
	}
	if wide {
		origin = append(origin, int32(len(text)))
	}
	return folded, origin
}
