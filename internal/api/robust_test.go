package api

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"frontdesk/internal/sqldb"
	"frontdesk/internal/sqldb/sqldbtest"
)

// nasty are strings that have broken other programs.
var nasty = []string{
	"", " ", "\t\n", "null", "0", "-1", "9223372036854775808", "1e309", "true", "[]", "{}", "'", `"`, "\\", "%", "_", "%s%n", "../../etc/passwd", "a/b", ".", "..",
	"' OR 1=1 --", "<script>alert(1)</script>", "\u202e", "\ufeff", "\u0001", "\ud7ff", "𝕊", "👩‍👩‍👧‍👧", "İ", "ß", strings.Repeat("长", 3000), strings.Repeat("a", 100_001),
	"2026-02-30", "2026-01-01T00:00:00Z", "0000-01-01", "9999-12-31", "https://[::1]:80", "https://*.com", "javascript:x", "fdk_", "owner", "event.read", "csv", "Asia/Shanghai", "current",
	"q-1", "01a20445-44f0-7078-9aaf-64c0b969822e", "<phone:1>", "09:00-18:00", "zh", "kind:id",
}

// anyJSON draws a JSON value, often of the right shape.
func anyJSON(t *rapid.T, depth int, names []string) any {
	switch k := rapid.IntRange(0, 9).Draw(t, "kind"); {
	case k <= 3 || depth == 0:
		return rapid.OneOf(rapid.SampledFrom(nasty), rapid.StringN(0, 20, -1)).Draw(t, "string")
	case k == 4:
		return rapid.SampledFrom([]any{0, -1, 1, 1.5, 1e18, 1e300, -9e18, json.Number("123456789012345678901234567890")}).Draw(t, "number")
	case k == 5:
		return rapid.SampledFrom([]any{nil, true, false}).Draw(t, "literal")
	case k == 6:
		out := []any{}
		for range rapid.IntRange(0, 3).Draw(t, "items") {
			out = append(out, anyJSON(t, depth-1, names))
		}
		return out
	default:
		out := map[string]any{}
		for range rapid.IntRange(0, 6).Draw(t, "fields") {
			out[rapid.SampledFrom(names).Draw(t, "name")] = anyJSON(t, depth-1, names)
		}
		return out
	}
}

// TestNothingBreaksIt sends every route what it does not expect, as an owner who may do everything. Any answer is fine but
// a 500, one without the error shape, or none.
func TestNothingBreaksIt(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		w := newWorld(t, db)
		var names []string
		for _, schema := range w.s.api.OpenAPI().Components.Schemas.Map() {
			for name := range schema.Properties {
				names = append(names, name)
			}
		}
		names = append(names, "mon", "zh", "en", "unknown")
		slices.Sort(names)
		names = slices.Compact(names)
		var queries []string
		for _, item := range w.s.api.OpenAPI().Paths {
			for _, op := range []*[]string{&queries} {
				if item.Get != nil {
					for _, p := range item.Get.Parameters {
						*op = append(*op, p.Name)
					}
				}
			}
		}
		queries = append(queries, "dry_run", "base", "if_hash", "name")
		slices.Sort(queries)
		queries = slices.Compact(queries)
		routes := slices.DeleteFunc(w.s.Routes(), func(r Route) bool {
			// These end or throttle the very session the test runs by.
			return slices.Contains([]string{"sign-in", "sign-out", "sign-out-staff", "set-up", "change-own-password", "set-staff-password", "change-staff", "delete-staff", "test-knowledge"}, r.Name)
		})
		rapid.Check(t, func(t *rapid.T) {
			route := rapid.SampledFrom(routes).Draw(t, "route")
			parts := strings.Split(route.Path, "/")
			for i, p := range parts {
				if !strings.HasPrefix(p, "{") {
					continue
				}
				if own, ok := w.own.ids[parts[i-1]]; ok && rapid.Bool().Draw(t, "own id") {
					parts[i] = own
				} else {
					parts[i] = strings.NewReplacer("/", "", "?", "").Replace(rapid.SampledFrom(nasty).Draw(t, "id"))
				}
			}
			path := strings.Join(parts, "/")
			for i := range rapid.IntRange(0, 2).Draw(t, "params") {
				path += fmt.Sprintf("%c%s=%s", "?&"[min(i, 1)], rapid.SampledFrom(queries).Draw(t, "param"),
					escape(rapid.SampledFrom(nasty).Draw(t, "value")))
			}
			body := ""
			if route.Method != "GET" && route.Method != "DELETE" {
				switch rapid.IntRange(0, 3).Draw(t, "body") {
				case 0: // a good body with one field changed
					var good map[string]any
					if json.Unmarshal([]byte(bodies[route.Name]), &good) == nil && len(good) > 0 {
						fields := make([]string, 0, len(good))
						for f := range good {
							fields = append(fields, f)
						}
						slices.Sort(fields)
						good[rapid.SampledFrom(append(fields, "hours", "settings", "origins", "similar")).Draw(t, "field")] = anyJSON(t, 3, names)
						b, err := json.Marshal(good)
						if err != nil {
							t.Fatal(err)
						}
						body = string(b)
					}
				case 1:
					body = rapid.StringN(0, 60, -1).Draw(t, "text")
				default:
					b, err := json.Marshal(anyJSON(t, 3, names))
					if err != nil {
						t.Fatal(err)
					}
					body = string(b)
				}
			}
			r := w.do(w.own.owner, route.Method, path, body, nil)
			if r.Code >= 500 || r.Code < 200 || r.Code == 401 {
				t.Fatalf("%s %s %.300s: %d %s", route.Method, path, body, r.Code, r.Body)
			}
			if r.Code >= 400 {
				problem(w.t, r)
			}
		})
	})
}

func escape(s string) string {
	var b strings.Builder
	for i := range len(s) {
		fmt.Fprintf(&b, "%%%02x", s[i])
	}
	return b.String()
}
