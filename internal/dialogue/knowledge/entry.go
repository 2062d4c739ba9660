package knowledge

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"frontdesk/internal/dialogue/semantic"
)

// Entry is one question the company can answer, with the other ways customers put it. Entries are values: once handed to
// an Index or a Release nobody changes one or its slices.
type Entry struct {
	ID        string   `json:"id"`
	Question  string   `json:"question"`
	Similar   []string `json:"similar"`  // other wordings of Question
	Negative  []string `json:"negative"` // near questions this entry does not answer
	Answer    string   `json:"answer"`
	Lang      string   `json:"lang"` // "zh", "en" or another BCP 47 primary tag
	Category  string   `json:"category"`
	ValidFrom int64    `json:"valid_from"` // microseconds UTC; 0 = since ever
	ValidTo   int64    `json:"valid_to"`   // microseconds UTC, exclusive; 0 = for ever
	Hash      string   `json:"hash"`       // of the content, without ID; Clean fills it
}

// Valid reports whether the entry may be used at the given time in microseconds.
func (e *Entry) Valid(now int64) bool {
	return now >= e.ValidFrom && (e.ValidTo == 0 || now < e.ValidTo)
}

// What one entry may hold, in characters. They keep a single row from filling memory or a screen.
const (
	MaxID       = 100
	MaxQuestion = 4_000
	MaxAnswer   = 30_000
	MaxCategory = 100
	MaxWordings = 200                     // of Similar, and of Negative
	maxWordText = 30_000                  // of all Similar together, and of Negative: they share a spreadsheet cell, which ends at 32,767
	maxTime     = 253_402_300_799_999_999 // the last microsecond of 9999
)

// FieldError says which field of an entry is wrong and why, in words for the person who wrote it.
type FieldError struct{ Field, Reason string }

func (e *FieldError) Error() string { return e.Field + ": " + e.Reason }

func fieldErrorf(field, format string, args ...any) *FieldError {
	return &FieldError{field, fmt.Sprintf(format, args...)}
}

// Clean returns the entry as it is stored: Unicode NFC, line ends as \n, no invisible controls, outer space trimmed, repeated
// and empty wordings dropped, a missing language guessed, a missing id derived from the question (so that the same file
// imported twice meets its own rows), Hash filled. Cleaning a clean entry changes nothing. The error is a *FieldError.
func (e Entry) Clean() (Entry, error) {
	var err error
	line := func(field, s string, limit int) string {
		s, problem := cleanText(s, limit, false)
		if problem != "" && err == nil {
			err = &FieldError{field, problem}
		}
		return s
	}
	e.ID = line("id", e.ID, MaxID)
	e.Question = line("question", e.Question, MaxQuestion)
	e.Category = line("category", e.Category, MaxCategory)
	e.Lang = cleanLang(line("lang", e.Lang, 35))
	answer, problem := cleanText(e.Answer, MaxAnswer, true)
	if problem != "" && err == nil {
		err = &FieldError{"answer", problem}
	}
	e.Answer = answer
	wordings := func(field string, in []string) []string {
		var out []string
		chars := 0
		for _, s := range in {
			if s = line(field, s, MaxQuestion); s != "" && s != e.Question && !slices.Contains(out, s) {
				out = append(out, s)
				chars += utf8.RuneCountInString(s)
			}
			if len(out) > MaxWordings {
				break // also keeps Contains from becoming slow
			}
		}
		if len(out) > MaxWordings && err == nil {
			err = fieldErrorf(field, "has more than %d wordings", MaxWordings)
		}
		if chars > maxWordText && err == nil {
			err = fieldErrorf(field, "has %d characters in all wordings together, at most %d are allowed", chars, maxWordText)
		}
		return out
	}
	e.Similar = wordings("similar", e.Similar)
	e.Negative = wordings("negative", e.Negative)
	switch {
	case err != nil:
	case e.Question == "":
		err = &FieldError{"question", "is empty"}
	case e.Answer == "":
		err = &FieldError{"answer", "is empty"}
	case e.Lang != "" && !validLang(e.Lang):
		err = fieldErrorf("lang", "%q is not a language tag such as zh or en", e.Lang)
	case e.ValidFrom < 0:
		err = &FieldError{"valid_from", "is before 1970"}
	case e.ValidFrom > maxTime:
		err = &FieldError{"valid_from", "is after the year 9999"}
	case e.ValidTo < 0:
		err = &FieldError{"valid_to", "is before 1970"}
	case e.ValidTo > maxTime:
		err = &FieldError{"valid_to", "is after the year 9999"}
	case e.ValidTo != 0 && e.ValidTo <= e.ValidFrom:
		err = &FieldError{"valid_to", "is not after valid_from"}
	}
	if err != nil {
		return e, err
	}
	if e.Lang == "" {
		if e.Lang = semantic.Language(e.Question + " " + e.Answer); e.Lang == "" {
			e.Lang = "zh" // no letters at all: the product's first language
		}
	}
	if e.ID == "" {
		sum := sha256.Sum256([]byte(e.Lang + "\x00" + e.Question))
		e.ID = "q-" + hex.EncodeToString(sum[:8])
	}
	e.Hash = e.contentHash()
	return e, nil
}

// contentHash covers everything a customer or a search can notice, each field with its length so that none can run into the next.
func (e *Entry) contentHash() string {
	var buf [1024]byte
	b := buf[:0]
	text := func(s string) {
		b = binary.AppendUvarint(b, uint64(len(s)))
		b = append(b, s...)
	}
	list := func(l []string) {
		b = binary.AppendUvarint(b, uint64(len(l)))
		for _, s := range l {
			text(s)
		}
	}
	text(e.Question)
	list(e.Similar)
	list(e.Negative)
	text(e.Answer)
	text(e.Lang)
	text(e.Category)
	b = binary.AppendVarint(b, e.ValidFrom)
	b = binary.AppendVarint(b, e.ValidTo)
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:16])
}

// cleanText normalises s and says what is wrong with it, "" if nothing is. Without lines, a line end becomes a space.
func cleanText(s string, limit int, lines bool) (clean, problem string) {
	if !utf8.ValidString(s) {
		return s, "is not valid UTF-8"
	}
	if strings.ContainsRune(s, utf8.RuneError) {
		return s, "holds the replacement character U+FFFD: the text was broken when it was saved or read"
	}
	if strings.ContainsFunc(s, needsCleaning) {
		s = strings.ReplaceAll(s, "\r\n", "\n")
		s = strings.Map(func(r rune) rune {
			switch {
			case r == '\n' || r == '\r' || r == '\u2028' || r == '\u2029' || r == '\u0085' || r == '\v' || r == '\f':
				if lines {
					return '\n'
				}
				return ' '
			case r == '\t' || r == '\u00a0' || r == '\u3000':
				return ' '
			case needsCleaning(r):
				return -1
			}
			return r
		}, s)
	}
	if !norm.NFC.IsNormalString(s) {
		s = norm.NFC.String(s)
	}
	s = strings.TrimSpace(s)
	if len(s) > limit { // cheap first: bytes bound characters
		if n := utf8.RuneCountInString(s); n > limit {
			return s, fmt.Sprintf("has %d characters, at most %d are allowed", n, limit)
		}
	}
	return s, ""
}

// needsCleaning finds what no stored text may hold: controls, odd spaces, and invisible characters that reorder or hide
// text. Zero-width joiners stay: emoji and some scripts need them.
func needsCleaning(r rune) bool {
	switch {
	case r == '\n':
		return true // cheap to rewrite, and single-line fields need it
	case r < 0x20, r >= 0x7f && r <= 0xa0, r == '\u3000', r == '\u2028', r == '\u2029':
		return true
	case r >= '\u202a' && r <= '\u202e', r >= '\u2066' && r <= '\u2069', r == '\u200b', r == '\u200e', r == '\u200f', r == '\u2060', r == '\ufeff', r == '\ufffe', r == '\uffff':
		return true
	}
	return false
}

// cleanLang reduces a language name as people write it to a primary tag.
func cleanLang(s string) string {
	s = strings.ToLower(s)
	switch s {
	case "中文", "汉语", "普通话", "简体", "繁体", "简体中文", "繁體中文", "cn", "chinese":
		return "zh"
	case "英文", "英语", "english":
		return "en"
	}
	if i := strings.IndexAny(s, "-_"); i > 0 {
		s = s[:i]
	}
	return s
}

func validLang(s string) bool {
	if len(s) < 2 || len(s) > 3 {
		return false
	}
	for i := range len(s) {
		if s[i] < 'a' || s[i] > 'z' {
			return false
		}
	}
	return true
}
