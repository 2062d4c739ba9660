package semantic

// Stem reduces an English word in lower case so that its common forms agree: returns, returned and returning are one.
// It is a light stemmer in the manner of Porter's that only ever cuts the end off, so it allocates nothing; results are
// keys to compare, not words to show. Words of other languages come back unchanged or with a final s or e cut.
func Stem(w string) string {
	if to, ok := irregular[w]; ok {
		return to
	}
	if n := len(w); n > 2 && w[n-2] == '\'' { // customer's
		w = w[:n-2]
	}
	if len(w) <= 3 || w[0] >= 0x80 {
		return w
	}
	for i := range len(w) {
		if w[i] >= 0x80 {
			return w
		}
	}
	w = cutPlural(w)
	w = cutEnding(w)
	n := len(w)
	if n > 3 && (w[n-1] == 'e' || w[n-1] == 'y' || w[n-1] == 'i') {
		w = w[:n-1]
		n--
	}
	if n > 3 && w[n-1] == w[n-2] && w[n-1] != 's' && w[n-1] != 'o' && w[n-1] != 'e' {
		w = w[:n-1]
	}
	return w
}

func ends(w, suffix string) bool { return len(w) > len(suffix) && w[len(w)-len(suffix):] == suffix }

// stemmed reports whether the rest of w without n letters still holds a vowel and is long enough to mean something.
func stemmed(w string, n int) bool {
	if len(w)-n < 3 {
		return false
	}
	for i := range len(w) - n {
		switch w[i] {
		case 'a', 'e', 'i', 'o', 'u', 'y':
			return true
		}
	}
	return false
}

func cutPlural(w string) string {
	n := len(w)
	switch {
	case w[n-1] != 's' || ends(w, "ss") || ends(w, "us") || ends(w, "is"):
		return w
	case ends(w, "ies") && n > 4:
		return w[:n-2] // policies -> polici, and the i is cut like the y of policy
	case ends(w, "sses"), ends(w, "xes"), ends(w, "ches"), ends(w, "shes"), ends(w, "zes"):
		return w[:n-2]
	}
	return w[:n-1]
}

// cutEnding cuts one ending of verbs, or of the nouns that customers use for them (cancellation, delivery).
func cutEnding(w string) string {
	for _, e := range [...]string{"ations", "ation", "ingly", "edly", "ings", "ing", "ied", "ed", "ely", "ly"} {
		if ends(w, e) && stemmed(w, len(e)) {
			if e == "ly" && (len(w) < 6 || w[len(w)-3] == 'i' || w[len(w)-3] == 'p') { // family, supply
				return w
			}
			if e == "ied" {
				return w[:len(w)-2]
			}
			if e == "ed" && ends(w, "eed") {
				return w
			}
			return w[:len(w)-len(e)]
		}
	}
	return w
}

// irregular lists forms that no rule finds, short forms, and the two spellings of words that service uses.
var irregular = map[string]string{
	"bought": "buy", "sent": "send", "paid": "pay", "broke": "break", "broken": "break", "lost": "lose", "got": "get",
	"gotten": "get", "went": "go", "gone": "go", "made": "make", "took": "take", "taken": "take", "came": "come",
	"gave": "give", "given": "give", "said": "say", "told": "tell", "found": "find", "left": "leave", "chose": "choose",
	"chosen": "choose", "forgot": "forget", "forgotten": "forget", "stolen": "steal", "was": "be", "is": "be", "are": "be",
	"were": "be", "am": "be", "been": "be", "being": "be", "has": "have", "had": "have", "having": "have", "does": "do",
	"did": "do", "done": "do", "doing": "do", "i'm": "i", "i've": "i", "i'd": "i", "i'll": "i", "it's": "it",
	"that's": "that", "what's": "what", "where's": "where", "how's": "how", "who's": "who", "there's": "there",
	"don't": "not", "doesn't": "not", "didn't": "not", "isn't": "not", "aren't": "not", "wasn't": "not", "won't": "not",
	"can't": "not", "cannot": "not", "couldn't": "not", "wouldn't": "not", "haven't": "not", "hasn't": "not",
	"dont": "not", "doesnt": "not", "didnt": "not", "cant": "not", "wont": "not", "isnt": "not",
	"cheque": "check", "cheques": "check", "instalment": "installment", "instalments": "installment",
	"installments": "installment", "colour": "color", "colours": "color", "programme": "program", "centre": "center",
	"children": "child", "people": "person", "fridges": "fridge", "refrigerator": "fridge", "refrigerators": "fridge",
	"tv": "tv", "tvs": "tv", "television": "tv", "televisions": "tv", "wi-fi": "wifi", "e-mail": "email", "mails": "mail",
	"adres": "address", "addresses": "address", "news": "news", "ac": "aircon", "purchase": "buy", "purchased": "buy",
	"purchases": "buy", "purchasing": "buy", "pls": "please", "plz": "please", "u": "you", "ur": "your",
}
