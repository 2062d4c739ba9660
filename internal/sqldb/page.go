package sqldb

import (
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"

	"frontdesk"
)

// Cursor is the place after which the next page of a list begins that is ordered by a number and then an id.
func Cursor(at int64, id string) string {
	return base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "%d %s", at, id))
}

// ParseCursor reads what Cursor wrote; anything else is an Invalid error of the field "cursor".
func ParseCursor(cursor string) (at int64, id string, err error) {
	b, err := base64.RawURLEncoding.DecodeString(cursor)
	number, id, ok := strings.Cut(string(b), " ")
	at, failed := strconv.ParseInt(number, 10, 64)
	if err != nil || failed != nil || !ok {
		return 0, "", frontdesk.InvalidField("cursor", "is not one that a list gave")
	}
	return at, id, nil
}

// Like is the pattern of LIKE .. ESCAPE '!' for values that hold text, both in lower case; "" for a blank text.
func Like(text string) string {
	text = strings.ToLower(strings.TrimSpace(text))
	if text == "" {
		return ""
	}
	return "%" + strings.NewReplacer("!", "!!", "%", "!%", "_", "!_").Replace(text) + "%"
}
