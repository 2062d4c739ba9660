package config

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/knadh/koanf/parsers/yaml"
	"github.com/knadh/koanf/providers/env/v2"
	"github.com/knadh/koanf/providers/file"
	"github.com/knadh/koanf/v2"
)

const envPrefix = "FRONTDESK_"

// notSettings are beginnings of variables that share the prefix and are not part of the tree. Kubernetes puts the ports of
// a service called frontdesk into every container's environment (FRONTDESK_PORT_8080_TCP, FRONTDESK_SERVICE_HOST, ...).
var notSettings = []string{"FRONTDESK_CONFIG", "FRONTDESK_TEST_", "FRONTDESK_REQUIRE_", "FRONTDESK_PORT", "FRONTDESK_SERVICE_"}

// Error is a setting that cannot be used.
type Error struct {
	Key     string // "limits.message_chars"
	Source  string // "flag --set", "environment FRONTDESK_...", "file ..."
	Problem string
}

func (e *Error) Error() string { return fmt.Sprintf("%s (%s): %s", e.Key, e.Source, e.Problem) }

// Flag is a setting given on the command line.
type Flag struct {
	Name  string // as typed: "--listen"
	Key   string // "listen"
	Value string
}

// Load builds the tree from the sources and validates it. environ is in the form of os.Environ; path names the YAML file,
// empty for none.
func Load(flags []Flag, environ []string, path string) (Config, error) {
	c := Default()
	c.origin = make(map[string]string)
	fields := fieldsOf(&c)

	if path != "" {
		values, err := read(file.Provider(path), yaml.Parser())
		if errors.Is(err, fs.ErrNotExist) {
			return c, &Error{Key: "config", Source: "file " + path, Problem: "there is no such file"}
		}
		if err != nil {
			return c, &Error{Key: "config", Source: "file " + path, Problem: err.Error()}
		}
		for _, key := range slices.Sorted(maps.Keys(values)) {
			if err := c.set(fields, key, "file "+path, values[key]); err != nil {
				return c, err
			}
		}
	}

	if err := c.loadEnviron(fields, environ); err != nil {
		return c, err
	}

	for _, f := range flags {
		if err := c.set(fields, f.Key, "flag "+f.Name, f.Value); err != nil {
			return c, err
		}
	}
	return c, c.Validate()
}

func (c *Config) loadEnviron(fields map[string]reflect.Value, environ []string) error {
	names := make(map[string]string, len(fields)) // variable -> key
	for key := range fields {
		names[EnvName(key)] = key
	}
	var unknown []string
	given := make(map[string]string) // key -> variable
	values, err := read(env.Provider(".", env.Opt{
		Prefix:      envPrefix,
		EnvironFunc: func() []string { return environ },
		TransformFunc: func(name, value string) (string, any) {
			if value == "" { // how a compose file or a shell says that a variable is not set
				return "", nil
			}
			key, ok := names[name]
			if ok {
				given[key] = name
			} else if !slices.ContainsFunc(notSettings, func(p string) bool { return strings.HasPrefix(name, p) }) {
				unknown = append(unknown, name)
			}
			return key, value
		},
	}), nil)
	if err != nil {
		return fmt.Errorf("read environment: %w", err)
	}
	if len(unknown) > 0 {
		first := slices.Min(unknown) // the environment has no order of its own
		guess := strings.TrimPrefix(first, envPrefix)
		return &Error{Key: first, Source: "environment", Problem: "there is no such setting" + suggestion(fields, guess)}
	}
	for _, key := range slices.Sorted(maps.Keys(values)) {
		if err := c.set(fields, key, "environment "+given[key], values[key]); err != nil {
			return err
		}
	}
	return nil
}

// read flattens what a provider has into key -> value.
func read(p koanf.Provider, parser koanf.Parser) (map[string]any, error) {
	k := koanf.New(".")
	if err := k.Load(p, parser); err != nil {
		return nil, err
	}
	return k.All(), nil
}

// EnvName is the environment variable of a key.
func EnvName(key string) string {
	return envPrefix + strings.ToUpper(strings.ReplaceAll(key, ".", "_"))
}

// Setting is one leaf of the tree as the config command shows it.
type Setting struct {
	Key    string `json:"key"`
	Value  any    `json:"value"`
	Source string `json:"source"`
	Help   string `json:"help"`
}

// Settings lists every leaf in the order of the tree, secrets hidden.
func (c *Config) Settings() []Setting {
	var list []Setting
	walk(reflect.ValueOf(c).Elem(), "", func(key, help string, v reflect.Value) {
		value := v.Interface()
		switch x := value.(type) {
		case time.Duration:
			value = formatDuration(x)
		case Secret:
			value = x.String()
		}
		list = append(list, Setting{Key: key, Value: value, Source: c.Origin(key), Help: help})
	})
	return list
}

func fieldsOf(c *Config) map[string]reflect.Value {
	fields := make(map[string]reflect.Value)
	walk(reflect.ValueOf(c).Elem(), "", func(key, _ string, v reflect.Value) { fields[key] = v })
	return fields
}

// walk visits the leaves of the tree: every tagged field that is not a struct.
func walk(v reflect.Value, prefix string, visit func(key, help string, v reflect.Value)) {
	for i := range v.NumField() {
		f := v.Type().Field(i)
		name := f.Tag.Get("koanf")
		if name == "" {
			continue
		}
		if f.Type.Kind() == reflect.Struct {
			walk(v.Field(i), prefix+name+".", visit)
			continue
		}
		visit(prefix+name, f.Tag.Get("help"), v.Field(i))
	}
}

// set gives the leaf of key a value from source.
func (c *Config) set(fields map[string]reflect.Value, key, source string, value any) error {
	field, ok := fields[key]
	if !ok && isGroup(fields, key) {
		if value == nil { // "limits:" with nothing under it
			return nil
		}
		return &Error{Key: key, Source: source, Problem: "is a group of settings, not a value"}
	}
	if !ok {
		return &Error{Key: key, Source: source, Problem: "there is no such setting" + suggestion(fields, key)}
	}
	if err := assign(field, value); err != nil {
		return &Error{Key: key, Source: source, Problem: err.Error()}
	}
	c.origin[key] = source
	return nil
}

func isGroup(fields map[string]reflect.Value, key string) bool {
	for k := range fields {
		if strings.HasPrefix(k, key+".") {
			return true
		}
	}
	return false
}

func assign(field reflect.Value, value any) error {
	text, isText := value.(string)
	if value == nil {
		return errors.New("has no value")
	}
	switch field.Interface().(type) {
	case time.Duration:
		d, err := parseDuration(fmt.Sprint(value))
		if err != nil {
			return err
		}
		field.SetInt(int64(d))
		return nil
	case []string:
		return assignList(field, value)
	}
	if !isText {
		text = fmt.Sprint(value)
	}
	switch field.Kind() {
	case reflect.String:
		if _, isMap := value.(map[string]any); isMap {
			return errors.New("must be a single value")
		}
		field.SetString(text)
	case reflect.Bool:
		b, err := strconv.ParseBool(text)
		if err != nil {
			return fmt.Errorf("must be true or false, not %q", text)
		}
		field.SetBool(b)
	case reflect.Int, reflect.Int64:
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return fmt.Errorf("must be a whole number, not %q", text)
		}
		field.SetInt(n)
	case reflect.Float64:
		x, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return fmt.Errorf("must be a number, not %q", text)
		}
		field.SetFloat(x)
	default:
		return fmt.Errorf("cannot hold a %s", field.Kind())
	}
	return nil
}

// assignList takes a YAML list, or text with commas.
func assignList(field reflect.Value, value any) error {
	var list []string
	switch x := value.(type) {
	case string:
		for item := range strings.SplitSeq(x, ",") {
			if item = strings.TrimSpace(item); item != "" {
				list = append(list, item)
			}
		}
	case []any:
		for _, item := range x {
			list = append(list, fmt.Sprint(item))
		}
	default:
		return fmt.Errorf("must be a list, not %v", value)
	}
	field.Set(reflect.ValueOf(list))
	return nil
}

// parseDuration reads Go's durations and days ("90d"), which people use for retention.
func parseDuration(text string) (time.Duration, error) {
	if days, ok := strings.CutSuffix(text, "d"); ok {
		n, err := strconv.ParseInt(days, 10, 32)
		if err == nil {
			return time.Duration(n) * 24 * time.Hour, nil
		}
	}
	if text == "0" {
		return 0, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		return 0, fmt.Errorf("must be a time such as 800ms, 10s, 30m or 90d, not %q", text)
	}
	return d, nil
}

// formatDuration is the short form of what parseDuration reads.
func formatDuration(d time.Duration) string {
	switch {
	case d == 0:
		return "0"
	case d%(24*time.Hour) == 0:
		return strconv.FormatInt(int64(d/(24*time.Hour)), 10) + "d"
	}
	text := d.String() // "30m0s", "1h0m0s"
	if d%time.Minute == 0 {
		text = strings.TrimSuffix(text, "0s")
	}
	if d%time.Hour == 0 {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// suggestion names the known key nearest to a wrong one, if one is near.
func suggestion(fields map[string]reflect.Value, wrong string) string {
	plain := func(s string) string {
		return strings.NewReplacer(".", "", "_", "", "-", "").Replace(strings.ToLower(s))
	}
	best, at := "", 4
	for _, key := range slices.Sorted(maps.Keys(fields)) {
		if d := distance(plain(key), plain(wrong)); d < at {
			best, at = key, d
		}
	}
	if best == "" {
		return "; `frontdesk config` lists them all"
	}
	return "; did you mean " + best + "?"
}

// distance is Levenshtein's, over bytes: keys are ASCII.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
}

// Example is a settings file with every value of c and what it means, secrets left empty.
func (c *Config) Example() string {
	var b strings.Builder
	group := ""
	for _, s := range c.Settings() {
		name, indent := s.Key, ""
		if g, leaf, ok := strings.Cut(s.Key, "."); ok {
			if g != group {
				fmt.Fprintf(&b, "\n%s:\n", g)
			}
			group, name, indent = g, leaf, "  "
		}
		value := fmt.Sprint(s.Value)
		if list, ok := s.Value.([]string); ok {
			value = "[" + strings.Join(list, ", ") + "]"
		} else if value == "" {
			value = `""`
		}
		fmt.Fprintf(&b, "%s%s: %s # %s\n", indent, name, value, s.Help)
	}
	return b.String()
}
