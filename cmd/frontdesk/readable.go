package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"runtime"
	"strings"
)

func goVersion() string { return runtime.Version() }

// readable shows any result as lines "key: value" in the order of its JSON, nested values indented. Lists of objects get
// a line an item.
func readable(v any) (string, error) {
	encoded, err := json.Marshal(v)
	if err != nil {
		return "", fmt.Errorf("show result: %w", err)
	}
	dec := json.NewDecoder(bytes.NewReader(encoded))
	dec.UseNumber()
	var b strings.Builder
	if err := readableValue(dec, &b, -1); err != nil {
		return "", fmt.Errorf("show result: %w", err)
	}
	return strings.TrimLeft(b.String(), "\n") + "\n", nil
}

// readableValue writes the next value of dec; depth is the indentation of its members, minus one.
func readableValue(dec *json.Decoder, b *strings.Builder, depth int) error {
	token, err := dec.Token()
	if err != nil {
		return err
	}
	delim, nested := token.(json.Delim)
	if !nested {
		if token == nil {
			token = "-"
		}
		fmt.Fprintf(b, "%v", token)
		return nil
	}
	indent := "\n" + strings.Repeat("  ", depth+1)
	empty := true
	for dec.More() {
		empty = false
		b.WriteString(indent)
		if delim == '{' {
			key, err := dec.Token()
			if err != nil {
				return err
			}
			fmt.Fprintf(b, "%v: ", key)
		} else {
			b.WriteString("- ")
		}
		if err := readableValue(dec, b, depth+1); err != nil {
			return err
		}
	}
	if empty {
		b.WriteString("none")
	}
	_, err = dec.Token() // the closing bracket
	return err
}
