package semantic

import "unicode"

// Language returns "zh" or "en" for what a text is mainly written in, or "" if it holds no letters. A Chinese
// character says about as much as a word, so one outweighs a few Latin letters: 我的TV坏了 is Chinese.
func Language(text string) string {
	han, latin := 0, 0
	for i, r := range text {
		switch {
		case isHan(r):
			han++
		case r < 0x80 && (r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'), r >= 0x80 && unicode.IsLetter(r):
			latin++
		}
		if i > 4096 { // more of it says nothing new
			break
		}
	}
	switch {
	case han == 0 && latin == 0:
		return ""
	case han*4 >= latin:
		return "zh"
	}
	return "en"
}
