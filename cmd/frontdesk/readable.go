package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"runtime"
	"strconv"
	"strings"
)

func goVersion() string { return runtime.Version() }

// readable shows any result as lines "key: value" in the order of its JSON, nested values indented. Lists get a line an item,
// and of an item that is an object each key has its line, the first beside the dash.
func readable(v any) (string, error) {
	encoded, err := json.Marshal(v)
	if err != nil {
		return "", fmt.Errorf("show result: %w", err)
	}
	dec := json.NewDecoder(bytes.NewReader(encoded))
	dec.UseNumber()
	var b strings.Builder
	if err := readableValue(dec, &b, -1, false); err != nil {
		return "", fmt.Errorf("show result: %w", err)
	}
	return strings.TrimLeft(b.String(), "\n ") + "\n", nil
}

// readableValue writes the next value of dec after a key or a dash; depth is the indentation of its members, minus one. The
// first member of a value after a dash stays on that line.
func readableValue(dec *json.Decoder, b *strings.Builder, depth int, dash bool) error {
	token, err := dec.Token()
	if err != nil {
		return err
	}
	delim, nested := token.(json.Delim)
	if !nested {
		fmt.Fprintf(b, " %v", readableScalar(token))
		return nil
	}
	empty := true
	for dec.More() {
		if empty && dash {
			b.WriteString(" ")
		} else {
			b.WriteString("\n" + strings.Repeat("  ", depth+1))
		}
		empty = false
		if delim == '{' {
			key, err := dec.Token()
			if err != nil {
				return err
			}
			fmt.Fprintf(b, "%v:", key)
		} else {
			b.WriteString("-")
		}
		if err := readableValue(dec, b, depth+1, delim == '['); err != nil {
			return err
		}
	}
	if empty {
		b.WriteString(" none")
	}
	_, err = dec.Token() // the closing bracket
	return err
}

// readableScalar keeps of a fraction what a reader can use: four digits of a small one, three after the point else.
func readableScalar(token json.Token) any {
	if token == nil {
		return "-"
	}
	number, ok := token.(json.Number)
	if !ok || !strings.ContainsAny(number.String(), ".eE") {
		return token
	}
	f, err := number.Float64()
	switch {
	case err != nil:
		return token
	case math.Abs(f) < 1:
		return strconv.FormatFloat(f, 'g', 4, 64)
	}
	return strconv.FormatFloat(math.Round(f*1000)/1000, 'f', -1, 64)
}
