package compliance

import (
	"errors"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"frontdesk"
)

func TestClean(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"怎么退货？", "怎么退货？"},
		{"  where is my order\t", "where is my order"},
		{"一\r\n二\r三\u2028四", "一\n二\n三\n四"},
		{"a\x00b\x07c\x1b[31md\u0085e", "abc[31md\ne"},
		{"付款\u202egnp.exe", "付款gnp.exe"},                                       // an override that turns a name around
		{"\u2067abc\u2069\u200f", "abc"},                                       // isolates and marks
		{"退\u200b货\u2060\ufeff", "退货"},                                         // zero width
		{"138\u200d0013\u200c8000", "13800138000"},                             // hidden separators in a number
		{"👨\u200d👩\u200d👧", "👨\u200d👩\u200d👧"},                                 // a family stays one
		{"❤️\u200d🔥", "❤️\u200d🔥"},                                             // with a variation selector
		{"🏳️\u200d🌈 ok", "🏳️\u200d🌈 ok"},                                       //
		{"👍🏽", "👍🏽"},                                                           // a tone of skin
		{"🏴\U000e0067\U000e0062\U000e007f", "🏴\U000e0067\U000e0062\U000e007f"}, // a flag made of tags
		{"hi\U000e0068\U000e0069", "hi"},                                       // text hidden in tags
		{"a\ufe00\ufe01\U000e0101b", "a\ufe00b"},                               // bytes hidden in variation selectors
		{"葛\U000e0100", "葛\U000e0100"},                                         // a variant of a character
		{"z" + strings.Repeat("\u0335", 50), "z" + strings.Repeat("\u0335", maxMarks)},
		{"ㅤx", "x"}, // a filler that looks like nothing
		{"“引号”…—é", "“引号”…—é"},
		{"नमस्ते ไทย العربية", "नमस्ते ไทย العربية"},
	} {
		got, err := Clean(tt.text)
		if err != nil || got != tt.want {
			t.Errorf("%q: got %q, %v; want %q", tt.text, got, err, tt.want)
		}
	}
}

func TestCleanRefuses(t *testing.T) {
	for name, tt := range map[string]struct{ text, says string }{
		"empty":           {"", "empty"},
		"spaces":          {" \n\t　\u00a0", "empty"},
		"only invisible":  {"\u200b\u2060\u00ad", "empty"},
		"braille blanks":  {"\u2800\u2800", "empty"},
		"lone marks":      {"\u0301\ufe0f", "empty"},
		"broken UTF-8":    {"退货\xff", "UTF-8"},
		"surrogate":       {"\xed\xa0\x80", "UTF-8"},
		"GB18030":         {"\xcd\xcb\xbb\xf5", "UTF-8"},
		"4001 characters": {strings.Repeat("退", 4001), "4001"},
		"10000 emoji":     {strings.Repeat("😀", 10000), "10000"},
		"a megabyte":      {strings.Repeat("x", 1<<20), "at most 4000"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Clean(tt.text)
			e, ok := errors.AsType[*frontdesk.Error](err)
			if !ok || e.Kind != frontdesk.Invalid || e.Field != "text" || !strings.Contains(e.Public, tt.says) || got != "" {
				t.Errorf("got %q, %v", got, err)
			}
		})
	}
	if _, err := Clean(strings.Repeat("退", 4000)); err != nil {
		t.Errorf("4000 characters: %v", err)
	}
	if _, err := (Limits{Chars: 3}).Clean("一二三四"); err == nil {
		t.Error("a limit of 3 let 4 pass")
	}
}

func TestCleanContent(t *testing.T) {
	clean := func(c frontdesk.Content) (frontdesk.Content, error) { return Limits{}.Content(c) }
	if _, err := clean(everywhere("a\u202eb")); err == nil {
		t.Fatal("an empty text part was let through")
	}
	c := everywhere("a\u202eb")
	c.Parts = append(c.Parts[:1], c.Parts[2:]...)
	got, err := clean(c)
	if err != nil {
		t.Fatal(err)
	}
	visible(got, func(part int, s string) {
		if s != "ab" {
			t.Errorf("part %d: %q", part, s)
		}
	})
	bad := frontdesk.TextContent("x")
	for name, p := range map[string]frontdesk.Part{
		"unknown kind":       {Kind: "script", Text: "x"},
		"image without one":  {Kind: frontdesk.PartImage},
		"card without one":   {Kind: frontdesk.PartCard},
		"too many buttons":   {Kind: frontdesk.PartButtons, Buttons: make([]frontdesk.Button, maxItems+1)},
		"broken label":       {Kind: frontdesk.PartButtons, Buttons: []frontdesk.Button{{Label: "\xff"}}},
		"text of spaces":     {Kind: frontdesk.PartText, Text: " "},
		"file name too long": {Kind: frontdesk.PartFile, Attachment: &frontdesk.Attachment{Name: strings.Repeat("x", maxName+1)}},
	} {
		bad.Parts = []frontdesk.Part{{Kind: frontdesk.PartText, Text: "x"}, p}
		if _, err := clean(bad); frontdesk.KindOf(err) != frontdesk.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := clean(frontdesk.Content{}); frontdesk.KindOf(err) != frontdesk.Invalid {
		t.Errorf("no parts: %v", err)
	}
	if _, err := clean(frontdesk.Content{Parts: make([]frontdesk.Part, MaxParts+1)}); frontdesk.KindOf(err) != frontdesk.Invalid {
		t.Errorf("too many parts: %v", err)
	}
}

func FuzzClean(f *testing.F) {
	for _, s := range []string{"退货", "a\u202eb", "👨\u200d👩", "\xff", "\r\r\n", "e\u0301\u0301", "\U000e0041", "\u200d👩"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, err := Clean(s)
		if err != nil {
			return
		}
		if !utf8.ValidString(got) || strings.TrimSpace(got) == "" {
			t.Fatalf("%q: %q", s, got)
		}
		for _, r := range got {
			if unicode.IsControl(r) && r != '\n' && r != '\t' || unicode.Is(unicode.Bidi_Control, r) {
				t.Fatalf("%q: %q has %U", s, got, r)
			}
		}
		if again, err := Clean(got); err != nil || again != got {
			t.Fatalf("%q: cleaned %q, again %q, %v", s, got, again, err)
		}
	})
}
